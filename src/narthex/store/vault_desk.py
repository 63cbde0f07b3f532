"""The vault as the event loop asks it: every question goes to a thread of its own, one after the other.

Knows: that thread, and when the vault is opened: with the first question, because few gateways need one. Refuses to
know: what is kept.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from narthex.model.vault import VaultConfig
from narthex.ports import Changes, Kept, VaultFault
from narthex.store.database import Database
from narthex.store.desk import Desk
from narthex.store.folder import StateFault
from narthex.store.vault import VaultGrants
from narthex.store.vault_flows import VaultFlows
from narthex.store.vault_key import BadVaultKey, vault_keys
from narthex.wire.safe import Safe

T = TypeVar("T")


class _Open:
    """What there is once it was opened."""

    __slots__ = ("database", "flows", "grants")

    def __init__(self, folder: Path, config: VaultConfig | None, on_damage: Callable[[str], None]) -> None:
        safe = Safe(vault_keys(folder, config))
        self.database = Database(folder)
        self.grants = VaultGrants(self.database, safe, on_damage)
        self.flows = VaultFlows(self.database, safe)


class VaultDesk:
    """A `ports.Vault`. `say(level, sentence)`: a line for the operator."""

    def __init__(self, folder: Path, config: VaultConfig | None, say: Callable[[str, str], None]) -> None:
        self._folder, self._config, self._say = folder, config, say
        self._desk = Desk("vault")
        self._opened: _Open | None = None
        self._damaged: set[str] = set()
        self._told: list[str] = []  # by the thread, for the loop to say

    async def find(self, owner: str, server: str) -> Kept | None:
        return await self._ask(lambda here: here.grants.find(owner, server))

    async def of(self, owner: str) -> list[Kept]:
        return await self._ask(lambda here: here.grants.of(owner))

    async def working(self, server: str, most: int) -> list[Kept]:
        return await self._ask(lambda here: here.grants.working(server, most))

    async def all(self) -> list[Kept]:
        return await self._ask(lambda here: here.grants.all())

    async def has_room(self, owner: str, server: str) -> None:
        await self._ask(lambda here: here.grants.has_room(owner, server))

    async def put(self, kept: Kept) -> Kept:
        return await self._ask(lambda here: here.grants.put(kept))

    async def replace(self, kept: Kept) -> Kept | None:
        return await self._ask(lambda here: here.grants.replace(kept))

    async def remove(self, owner: str, server: str) -> Kept | None:
        return await self._ask(lambda here: here.grants.remove(owner, server))

    async def lease(self, owner: str, server: str, version: int, holder: str, now: float, until: float) -> bool | None:
        return await self._ask(lambda here: here.grants.lease(owner, server, version, holder, now, until))

    async def release(self, owner: str, server: str, holder: str, due: float | None) -> None:
        await self._ask(lambda here: here.grants.release(owner, server, holder, due))

    async def due(self, servers: tuple[str, ...], now: float, most: int) -> list[tuple[str, str]]:
        return await self._ask(lambda here: here.grants.due(servers, now, most))

    async def changes(self, mark: int) -> Changes:
        return await self._ask(lambda here: here.grants.changes(mark))

    async def send(self, digest: bytes, browser: bytes, owner: str, content: bytes, expires: float, now: float) -> None:
        await self._ask(lambda here: here.flows.send(digest, browser, owner, content, expires, now))

    async def take(self, digest: bytes, browser: bytes, now: float) -> bytes | None:
        return await self._ask(lambda here: here.flows.take(digest, browser, now))

    async def client(self, issuer: str, redirect_uri: str) -> tuple[bytes, int] | None:
        return await self._ask(lambda here: here.flows.client(issuer, redirect_uri))

    async def keep_client(self, issuer: str, redirect_uri: str, content: bytes, now: float) -> None:
        await self._ask(lambda here: here.flows.keep_client(issuer, redirect_uri, content, now))

    async def sent_with(self, issuer: str, redirect_uri: str) -> None:
        await self._ask(lambda here: here.flows.sent_with(issuer, redirect_uri))

    async def came_back(self, issuer: str, redirect_uri: str) -> None:
        await self._ask(lambda here: here.flows.came_back(issuer, redirect_uri))

    async def forget_client(self, issuer: str, redirect_uri: str) -> None:
        await self._ask(lambda here: here.flows.forget_client(issuer, redirect_uri))

    async def aclose(self) -> None:
        """No more questions. What was asked before is answered."""
        await self._desk.do(self._close)
        self._desk.close()

    # The thread

    async def _ask(self, question: Callable[[_Open], T]) -> T:
        try:
            answer = await self._desk.do(lambda: question(self._here()))
        except (StateFault, BadVaultKey) as fault:
            raise VaultFault(f"the vault cannot be used: {fault}") from None
        finally:
            for server in self._told:
                self._say("error", _DAMAGED.format(server=server))
            self._told.clear()
        return answer

    def _here(self) -> _Open:
        if self._opened is None:
            self._opened = _Open(self._folder, self._config, self._on_damage)
        self._opened.database.mark()  # another file may have taken the place of ours
        return self._opened

    def _on_damage(self, server: str) -> None:
        if server not in self._damaged:
            self._damaged.add(server)
            self._told.append(server)

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.database.close()


_DAMAGED = (
    "A grant at '{server}' cannot be opened: it was sealed with another vault key, or changed by another hand. It is "
    "not used; its owner is asked anew"
)
