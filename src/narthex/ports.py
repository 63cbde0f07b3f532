"""The seams, as Protocols: what one room needs of another without knowing it.

Knows: shapes. Refuses to know: who implements them.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from narthex.model.limit import Limit


class Notices(Protocol):
    """Where a server's own news go: updated resources, and lines for the operator."""

    def updated(self, server: str, uri: str, whose: str | None = None) -> None:
        """A resource of this server changed; `uri` is the server's own.

        `whose`: it changed where only this caller is (`Principal.key`), so nobody else may hear of it.
        """

    def say(self, server: str, level: str, sentence: str) -> None:
        """A line for the operator."""


class VaultFault(Exception):
    """What is kept of users' grants cannot be got at, or no more of it can be kept. The text is for the operator."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as the vault keeps it: whose, where, and what only its keeper reads. Times: seconds since the epoch."""

    owner: str
    server: str
    issuer: str
    content: bytes
    since: float  # when the owner gave it
    due: float | None = None  # when it is to be renewed; None: it is not
    void: bool = False  # the owner has to give it anew
    version: int = 0  # one more with every change

    def __repr__(self) -> str:
        return f"<Kept {self.server} of {self.owner!r}, version {self.version}>"


class Change(msgspec.Struct, frozen=True):
    """A row that was written since, or taken out (`version` None)."""

    owner: str
    server: str
    version: int | None
    since: float
    void: bool


class Changes(msgspec.Struct, frozen=True):
    mark: int  # to ask for what comes after
    rows: tuple[Change, ...]
    all: bool = False  # too much has happened to say what: anything may be another


class Vault(Protocol):
    """Grants of users at rest, for several processes at once. Every method raises VaultFault.

    What was edited, moved or sealed with another key is not there.
    """

    async def find(self, owner: str, server: str) -> Kept | None: ...
    async def of(self, owner: str) -> list[Kept]: ...
    async def working(self, server: str, most: int) -> list[Kept]:
        """Those that need not be given anew, the oldest first."""
        ...

    async def all(self) -> list[Kept]:
        """Without what is in them."""
        ...

    async def has_room(self, owner: str, server: str) -> None:
        """Raises VaultFault where there are so many that this one could not be put."""
        ...

    async def put(self, kept: Kept) -> Kept:
        """In place of whatever was there; with its version."""
        ...

    async def replace(self, kept: Kept) -> Kept | None:
        """Only where it is still of this version, which then is one more. None: it is not; nothing is kept."""
        ...

    async def remove(self, owner: str, server: str) -> Kept | None: ...

    async def lease(self, owner: str, server: str, version: int, holder: str, now: float, until: float) -> bool | None:
        """True: the holder alone may renew it. False: somebody else does. None: it is of another version, or gone."""
        ...

    async def release(self, owner: str, server: str, holder: str, due: float | None) -> None:
        """It could not be renewed; not before `due`."""
        ...

    async def due(self, servers: tuple[str, ...], now: float, most: int) -> list[tuple[str, str]]:
        """Owner and server of what is to be renewed by then at one of these, and is being renewed by nobody."""
        ...

    async def changes(self, mark: int) -> Changes: ...

    async def send(self, digest: bytes, browser: bytes, owner: str, content: bytes, expires: float, now: float) -> None:
        """A browser is sent away, and is known by `digest` when it comes back."""
        ...

    async def take(self, digest: bytes, browser: bytes, now: float) -> bytes | None:
        """It came back. Once."""
        ...

    async def client(self, issuer: str, redirect_uri: str) -> tuple[bytes, int] | None:
        """Who we are there, and how many browsers were sent there since one came back."""
        ...

    async def keep_client(self, issuer: str, redirect_uri: str, content: bytes, now: float) -> None: ...
    async def sent_with(self, issuer: str, redirect_uri: str) -> None: ...
    async def came_back(self, issuer: str, redirect_uri: str) -> None: ...
    async def forget_client(self, issuer: str, redirect_uri: str) -> None: ...


class Want(NamedTuple):
    """What a process asks of one counter. Times are in ticks and relative to now, wherever now is asked for."""

    key: bytes  # of the limit and of whom it counts apart
    limit: Limit
    window: str  # quota: which day or month; "" for rates
    amount: int  # calls, or thousandths of a quota: so much at most
    need: int = 1  # less than this is of no use
    floor: int = 0  # what is known here of it: ticks away from full, or thousandths that are used up, at least
    charge: int = 0  # quota: thousandths that were spent beyond all leases


class Grant(NamedTuple):
    """What it gets: it may be spent from now on, and is on record already."""

    amount: int
    first: int  # rate: ticks from now to the first slot
    full: int  # rate: ticks from now until the bucket is full. quota: thousandths that are used up, by all
    wait: int  # rate: ticks until one more can be had; 0: now


class Return(NamedTuple):
    """What was leased, and not spent."""

    key: bytes
    limit: Limit
    window: str
    amount: int  # ticks of slots that have not begun, or thousandths


class CountersLost(Exception):
    """Whoever keeps the counts cannot be reached, or does not answer in time. The text is for the operator."""


class Counters(Protocol):
    """Who keeps the counts of all limits, for all processes, across restarts.

    What is leased is never more than all of them together may let through, whatever dies, and whatever clock is set.
    """

    shared: bool  # with other machines: there is somewhere else to be lost
    workers: int  # processes that count here, ourselves among them, as far as it is known
    remark: str  # what the operator should know of whoever keeps them, once started; "" is nothing

    async def start(self) -> None:
        """Raises `CountersLost`."""

    async def lease(self, wants: Sequence[Want]) -> list[Grant]:
        """In the same order. Raises `CountersLost`: perhaps leased, and then for nobody."""
        ...

    async def give_back(self, returns: Sequence[Return]) -> None:
        """Raises `CountersLost`."""

    async def beat(self) -> None:
        """Now and then: we are still here. Raises `CountersLost`."""

    async def aclose(self) -> None: ...
