"""What an operator has stopped: a server, a tool, a tenant, a principal.

Knows: what each stop is about, and how to find the one that meets a call. Refuses to know: clocks (whoever keeps the
stops leaves out those that are over), and what becomes of a call that is met.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from math import inf
from typing import Literal, get_args

import msgspec

from narthex.model.identity import Principal

Kind = Literal["server", "tool", "tenant", "principal"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is stopped. A tool is `server/tool`, or a public name: then every tool that is shown under it."""

    kind: Kind
    name: str
    tenant: str | None = None  # of a principal: only the one of this tenant; None: whoever is called so

    def __str__(self) -> str:
        of_tenant = f" of the tenant '{self.tenant}'" if self.tenant is not None else ""
        return f"the {self.kind} '{self.name}'{of_tenant}"


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """One stop, as it is kept. Times are seconds since the epoch."""

    id: int
    target: Target
    reason: str  # callers read it
    by: str
    since: float
    until: float = inf
    resumed: float | None = None
    resumed_by: str = ""

    def holds(self, now: float) -> bool:
        return self.resumed is None and now < self.until

    @property
    def until_words(self) -> str:
        """When it ends by itself; "" where it does not."""
        if self.until == inf:
            return ""
        return datetime.fromtimestamp(self.until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class Stops:
    """All stops that hold, ready for look-ups. Never changed: others take its place. False where nothing is stopped."""

    __slots__ = ("_principals", "_servers", "_tenants", "_tools", "all", "blind")

    def __init__(self, stops: Iterable[Stop] = (), *, blind: bool = False) -> None:
        self.all = tuple(stops)
        self.blind = blind  # nobody knows what is stopped: then everything is
        self._servers = self._by_name("server")
        self._tools = self._by_name("tool")
        self._tenants = self._by_name("tenant")
        principals = (one for one in self.all if one.target.kind == "principal")
        self._principals = {(one.target.name, one.target.tenant): one for one in principals}

    def _by_name(self, kind: Kind) -> dict[str, Stop]:
        return {one.target.name: one for one in self.all if one.target.kind == kind}

    def __bool__(self) -> bool:
        return self.blind or bool(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stops) and (self.all, self.blind) == (other.all, other.blind)

    def __hash__(self) -> int:
        return hash((self.all, self.blind))

    def __repr__(self) -> str:
        return f"<Stops {len(self.all)}{', blind' if self.blind else ''}>"

    def of_caller(self, who: Principal) -> Stop | None:
        """The stop that meets everything this caller does."""
        found = self._tenants.get(who.tenant) if self._tenants and who.tenant else None
        if found is not None or not self._principals:
            return found
        return self._principals.get((who.subject, who.tenant)) or self._principals.get((who.subject, None))

    def of_server(self, server: str) -> Stop | None:
        return self._servers.get(server)

    def of_tool(self, server: str, private: str, public: str) -> Stop | None:
        tools = self._tools
        if not tools:
            return None
        return tools.get(public) or tools.get(f"{server}/{private}") or tools.get(f"{server}__{private}")


NO_STOPS = Stops()
BLIND = Stops(blind=True)
