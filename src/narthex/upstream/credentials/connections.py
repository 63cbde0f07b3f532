"""Grants of users at servers: begun, finished, shown, taken back. The one door to them for the rest of the house.

Knows: which servers want one, whose each is, and when those at rest have to be renewed. Refuses to know: pages,
browsers, and who signed in.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from narthex.limits import (
    connect_code_chars_max,
    connect_flow_seconds_max,
    renewals_looked_at_max,
    renewals_max,
    vault_gone_seconds,
    vault_look_seconds,
    vault_told_seconds,
)
from narthex.model.config import ServerConfig
from narthex.model.connection import GATEWAY, Connection, Owner
from narthex.model.credentials import CredentialsConfig
from narthex.ports import Change, Kept, Vault, VaultFault
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.begin import begun
from narthex.upstream.credentials.code_flow import digest_of
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.farewell import issuer_of, take_back
from narthex.upstream.credentials.finish import Arrival, Back, finished, fits, flow_of
from narthex.upstream.credentials.our_client import document
from narthex.upstream.credentials.user_grant import UserGrant, grant_of
from narthex.upstream.credentials.user_grants import UserGrants
from narthex.upstream.http.tls import Tls

Say = Callable[[str, str], None]


class Connections:
    """One for the gateway. `servers` are those of the present configuration; `say(level, sentence)` tells the operator.

    `on_granted(server)`: somebody has a grant there who had none. Whoever starts `follow` awaits its end.
    """

    def __init__(
        self,
        vault: Vault,
        servers: Callable[[], Sequence[ServerConfig]],
        *,
        say: Say = lambda _level, _sentence: None,
        on_fault: Callable[[str, BaseException], None] = lambda _where, _error: None,
        look_seconds: float = vault_look_seconds,
    ) -> None:
        self.on_granted: Callable[[str], None] = lambda _server: None
        self._vault, self._servers, self._say, self._look_seconds = vault, servers, say, look_seconds
        self._owned = Owned("connections", on_fault)
        self._tls = Tls()
        self._open: list[UserGrants] = []  # the last one made for a server is the present one
        self._ours: list[UserGrants] = []  # those that no server has asked for: we close them
        self._waiting: dict[tuple[str, str], dict[asyncio.Future[None], float]] = {}  # and from when on they wait
        self._renewing: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._mark = -1
        self._looked_at = 0.0
        self._trouble = ""

    def __repr__(self) -> str:
        return f"<Connections {len(self._open)} servers, {len(self._waiting)} waited for>"

    # ---- which servers -----------------------------------------------------------------------------------------

    def names(self) -> tuple[str, ...]:
        """Servers whose callers connect, in the order of the configuration. Follows reloads."""
        return tuple(one.name for one in self._wanting())

    def granted_by(self, server: str) -> str:
        """`user`, or `gateway`: one grant for all, given by an operator (owner `GATEWAY`)."""
        return next((_of(one).grant_of for one in self._wanting() if one.name == server), "user")

    def knows(self, server: str) -> bool:
        """Whether the configuration has such a server, be it switched off for now."""
        return any(one.name == server and one.credentials is not None for one in self._servers())

    def shown_to(self, server: ServerConfig, say: Say) -> UserGrants:
        """What this server is shown. The caller closes it."""
        made = UserGrants(server, self._vault, self._owned, say, self._tls, self._left)
        self._open.append(made)
        return made

    def document(self, redirect_uri: str) -> Mapping[str, Any]:
        """Our client ID metadata document, of which there is one for each server."""
        return document(redirect_uri)

    # ---- one user ----------------------------------------------------------------------------------------------

    async def of(self, owner: Owner) -> dict[str, Connection]:
        """What this owner has, by server; without what has to be given anew. Raises CredentialFault."""
        now, found = time.time(), {}
        for kept in await self._rows(owner):
            grants, grant = self._at(kept.server), grant_of(kept)
            if grants is not None and grant is not None and grants.keeper.may_use(grant) and grant.works(now):
                found[kept.server] = grant.connection()
        return {name: found[name] for name in self.names() if name in found}

    async def begin(
        self, owner: Owner, server: str, redirect_uri: str, browser: bytes, at: float, link: str = ""
    ) -> str:
        """The URL at the issuer to send the browser to. Raises CredentialFault.

        `redirect_uri` is this server's alone. `browser`: digest of the browser's cookie: only that browser may come
        back. `at`: seconds since the epoch. `link` is given back to whoever finishes it.
        """
        grants = self._present(server)
        if (owner == GATEWAY) is grants.personal:
            raise CredentialFault("this connection is made by somebody else", f"{server}: look at `grant_of`")
        try:
            ends = at + connect_flow_seconds_max
            return await begun(grants, self._vault, owner, redirect_uri, browser, link, ends, at)
        except VaultFault as fault:
            raise _unkept(fault) from None

    async def finish(self, back: Back, at: float) -> Arrival:
        """Raises CredentialFault."""
        state = back.said.get("state", "")
        try:
            known = len(state) <= connect_code_chars_max
            content = await self._vault.take(digest_of(state), back.browser, at) if known else None
            flow = flow_of(content)
            fits(flow, back)
            grants = self._present(flow.server)
            kept = await finished(grants, self._vault, flow, back.said, at)
        except VaultFault as fault:
            raise _unkept(fault) from None
        for one in self._open:
            if one.name == flow.server:
                one.given(kept)
        self._arrived(kept.owner, kept.server, inf)
        return Arrival(Owner(flow.owner), flow.server, flow.link)

    async def disconnect(self, owner: Owner, server: str) -> bool:
        """Taken back at the issuer where it takes anything back, then forgotten. False: there was nothing."""
        try:
            kept = await self._vault.remove(owner.key, server)
        except VaultFault as fault:
            raise _unkept(fault) from None
        self._hear(Change(owner.key, server, None, 0.0, void=True))
        if kept is None:
            return False
        grants, grant = self._at(server), grant_of(kept)
        if grants is not None and grant is not None and grants.keeper.may_use(grant):
            await grants.keeper.take_back(grant)
        else:
            await self._taken_back(server, grant)
        return True

    async def _taken_back(self, server: str, grant: UserGrant | None) -> None:
        """One at a server as it is not configured any more."""
        try:
            if grant is None:
                raise CredentialFault("another version of this program wrote it")
            await take_back(issuer_of(grant, self._tls), grant)
        except CredentialFault as fault:
            text = f"A grant at '{server}', as it was once, was forgotten here; its issuer was not told"
            self._say("warning", f"{text}: {fault.note}")

    def waiting(self, owner: Owner, server: str) -> "asyncio.Future[None]":
        """Done when a grant arrives. The waiter cancels it."""
        key = (owner.key, server)
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, {})[arrival] = time.time()
        arrival.add_done_callback(lambda done: self._waits_no_more(key, done))
        return arrival

    # ---- everybody ---------------------------------------------------------------------------------------------

    async def listed(self) -> list[Kept]:
        """Every grant there is, without what is in it. Raises CredentialFault."""
        try:
            return await self._vault.all()
        except VaultFault as fault:
            raise _unkept(fault) from None

    async def follow(self) -> None:
        """Hear of what other processes do, and renew what is due, until cancelled."""
        while True:
            await asyncio.sleep(self._look_seconds)
            if not self._open and not self._waiting:
                continue  # nobody wants anything of the vault
            try:
                await self._look()
                await self._renew_due()
            except VaultFault as fault:
                self._tell(str(fault))
            else:
                self._tell("")

    async def aclose(self) -> None:
        """What is shown to servers was closed before."""
        for grants in list(self._ours):
            await grants.aclose()
        await self._owned.aclose()

    # ---- news --------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        self._leave_old()
        now, before = time.time(), self._looked_at
        changes = await self._vault.changes(self._mark)
        blind = self._mark < 0 or now - before > vault_gone_seconds / 2  # what was taken out is not known for longer
        self._mark, self._looked_at = changes.mark, now
        if changes.all or blind:
            for grants in list(self._open):
                grants.keeper.forget_all()
                self.on_granted(grants.name)  # perhaps
        for change in changes.rows:
            self._hear(change)
            if not change.void and change.since >= before - vault_told_seconds:
                self._arrived(change.owner, change.server, change.since)

    def _hear(self, change: Change) -> None:
        for grants in self._open:
            if grants.name == change.server:
                grants.keeper.heard(change)

    def _arrived(self, owner: str, server: str, since: float) -> None:
        for arrival, from_when in list(self._waiting.get((owner, server), {}).items()):
            if since >= from_when and not arrival.done():
                arrival.set_result(None)
        self.on_granted(server)

    def _waits_no_more(self, key: tuple[str, str], arrival: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(key, {})
        waiting.pop(arrival, None)
        if not waiting:
            self._waiting.pop(key, None)

    # ---- renewing ----------------------------------------------------------------------------------------------

    async def _renew_due(self) -> None:
        """Also while nobody asks for it: a grant that nobody used for a while must not have ended meanwhile."""
        room = renewals_max - len(self._renewing)
        if not self._open or room <= 0:
            return
        due = await self._vault.due(self.names(), time.time(), renewals_looked_at_max)
        for owner, server in [one for one in due if one not in self._renewing][:room]:
            grants = self._at(server)
            if grants is not None:
                task = self._owned.start(grants.keeper.renew_due(owner), "renew")
                self._renewing[owner, server] = task
                task.add_done_callback(lambda _, key=(owner, server): self._renewing.pop(key, None))  # type: ignore[misc]

    # ---- which is meant ----------------------------------------------------------------------------------------

    def _wanting(self) -> list[ServerConfig]:
        return [
            one for one in self._servers() if one.enabled and one.credentials is not None and one.credentials.connects
        ]

    def _present(self, server: str) -> UserGrants:
        grants = self._at(server)
        if grants is None:
            raise CredentialFault(f"there is no server '{server}' that is connected to")
        return grants

    def _at(self, server: str) -> UserGrants | None:
        config = next((one for one in self._wanting() if one.name == server), None)
        if config is None:
            return None
        found = next((one for one in reversed(self._open) if one.is_for(config)), None)
        if found is None:
            found = self.shown_to(config, lambda level, said: self._say(level, f"{server}: {said}"))
            self._ours.append(found)
            self._leave_old()
        return found

    def _leave_old(self) -> None:
        """Those of ours that are for a server as it is not configured any more."""
        wanting = self._wanting()
        for grants in [one for one in self._ours if not any(one.is_for(config) for config in wanting)]:
            self._left(grants)
            self._owned.start(grants.aclose(), "leave")

    def _left(self, grants: UserGrants) -> None:
        self._open = [one for one in self._open if one is not grants]
        self._ours = [one for one in self._ours if one is not grants]

    async def _rows(self, owner: Owner) -> list[Kept]:
        try:
            return await self._vault.of(owner.key)
        except VaultFault as fault:
            raise _unkept(fault) from None

    def _tell(self, trouble: str) -> None:
        """Once, when it begins, and once when it is over."""
        if trouble and trouble != self._trouble:
            self._say("error", f"Grants of users cannot be looked after: {trouble}")
        elif self._trouble and not trouble:
            self._say("info", "Grants of users can be looked after again")
        self._trouble = trouble


def _of(server: ServerConfig) -> CredentialsConfig:
    assert server.credentials is not None, "only such servers are looked at"
    return server.credentials


def _unkept(fault: VaultFault) -> CredentialFault:
    return CredentialFault("connections cannot be kept or looked up now", str(fault), retry_seconds=1.0)
