"""The grants that users have at one server, as this process holds them: looked up, renewed, replaced, given up.

Knows: what is kept in the vault, and that others may change it at any time. Refuses to know: callers, and what a server
answers.

Several processes may hold one grant. Whoever renews it takes a lease first: an issuer that rotates refresh tokens takes
one that comes twice for a stolen one, and ends the grant (OAuth 2.1, 4.3.1).
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import msgspec

from narthex.limits import (
    access_token_told_seconds,
    access_token_wait_seconds_max,
    access_tokens_per_server_max,
    fetch_seconds_max,
    renewal_retry_seconds_max,
    vault_lease_poll_seconds,
    vault_lease_seconds,
)
from narthex.model.credentials import CredentialsConfig
from narthex.ports import Change, Kept, Vault, VaultFault
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.authorization_server import AuthorizationServer
from narthex.upstream.credentials.canonical import canonical
from narthex.upstream.credentials.client_authentication import ClientAuthentication
from narthex.upstream.credentials.code_flow import renewing
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.farewell import take_back
from narthex.upstream.credentials.granting import Granting
from narthex.upstream.credentials.held import Held
from narthex.upstream.credentials.masks import Masks
from narthex.upstream.credentials.our_client import OurClients
from narthex.upstream.credentials.user_grant import OurClient, UserGrant, grant_of, kept_of, renewed
from narthex.upstream.http.tls import Tls

T = TypeVar("T")
_OVER = ("invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "invalid_target")
_IN_TIME = "no access token for it could be had in time"


class GrantKeeper:
    """Of one server at one address. An owner is named by `Owner.key`."""

    def __init__(
        self,
        name: str,
        upstream: str,
        config: CredentialsConfig,
        vault: Vault,
        owned: Owned,
        say: Callable[[str, str], None],
        tls: Tls,
    ) -> None:
        self.name, self.upstream = name, canonical(upstream)
        self.granting = Granting(upstream, config, tls)
        self.clients = OurClients(config, vault, self.granting, tls)
        self._config, self._vault, self._owned, self._say, self._tls = config, vault, owned, say, tls
        self._held: dict[str, Held] = {}  # by owner
        self._masks = Masks()  # of what is held
        self._proving = ClientAuthentication(config)  # as the operator registered us
        self._told: dict[str, float] = {}  # to the operator, and when
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<GrantKeeper of {self.name}: {len(self)} held>"

    # ---- looking up --------------------------------------------------------------------------------------------

    def held(self, owner: str) -> Held | None:
        """As far as it was looked up."""
        return self._held.get(owner)

    async def find(self, owner: str) -> Held | None:
        """Raises CredentialFault where it cannot be known."""
        held = self._held.get(owner)
        if held is None:
            kept = await asked(self._vault.find(owner, self.name))
            held = self._held.get(owner) or self._hold(kept)
        return held

    async def working(self, most: int) -> list[str]:
        """Owners of what need not be given anew, the first one first. Raises CredentialFault."""
        now = time.time()
        found = [(kept.owner, grant_of(kept)) for kept in await asked(self._vault.working(self.name, most))]
        return [owner for owner, grant in found if grant is not None and self.may_use(grant) and grant.works(now)]

    def may_use(self, grant: UserGrant) -> bool:
        """It was given for this server, as it is configured now."""
        fits = self._config.issuer is None or self._config.issuer == grant.issuer
        return fits and grant.upstream == self.upstream and self.clients.is_ours_still(grant.client)

    def hide(self, text: str) -> str:
        return self._proving.hide(self._masks.hide(text))

    def _hold(self, kept: Kept | None) -> Held | None:
        grant = grant_of(kept) if kept is not None else None
        if kept is None or grant is None or not self.may_use(grant):
            return None
        if len(self._held) >= access_tokens_per_server_max:
            idle = next((key for key, one in self._held.items() if one.flight is None), None)
            if idle is not None:
                self._drop(idle)
        held = self._held[kept.owner] = Held(grant, kept.version)
        self._masks.put(kept.owner, tokens_of(grant))
        return held

    # ---- renewing ----------------------------------------------------------------------------------------------

    async def renew_due(self, owner: str) -> None:
        """In the background. Never raises."""
        try:
            held = await self.find(owner)
        except CredentialFault:
            return  # whoever needs it will be told
        if held is None:  # it is of no use here: not to be looked at again so soon
            await self._put_off(owner)
        elif held.grant.due is not None and held.grant.due <= time.time():
            await asyncio.wait({self.renew(held)})

    def renew(self, held: Held) -> "asyncio.Task[None]":
        """Once for all who wait. Afterwards `held` is another, or has a trouble, or is not held any more."""
        if held.flight is None:
            held.flight = self._owned.start(self._fly(held), "renew-grant")
        return held.flight

    async def _fly(self, held: Held) -> None:
        grant, version = held.grant, held.version  # its user may give another at any time: `held` is not asked again
        try:
            async with asyncio.timeout(access_token_wait_seconds_max):
                fresh = await self._fresh(held, grant, version)
            # The refresh token is used up by now: what came for it is kept, however long that takes.
            if fresh is not None and not await self._keep(held, grant, version, fresh):
                await self.take_back(fresh)  # it was disconnected, or given anew, meanwhile
        except TimeoutError:
            self._failed(held, grant, CredentialFault(_IN_TIME, retry_seconds=1.0))
        except VaultFault as fault:
            self._failed(held, grant, _unkept(fault))
        except CredentialFault as fault:
            self._tell(fault.note)
        finally:
            held.flight = None

    async def _fresh(self, held: Held, grant: UserGrant, version: int) -> UserGrant | None:
        """None: somebody was quicker, or it is over. Raises CredentialFault, VaultFault."""
        holder = secrets.token_hex(8)
        try:
            server = await self.server_of(grant.issuer, grant.client)
            while (leased := await self._lease(grant.owner, version, holder)) is False:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(vault_lease_poll_seconds)
            if leased is None:
                await self._look_again(held)
                return None
            answer = await server.ask(renewing(grant.refresh_token, grant.resource))
            return renewed(grant, answer, server.name, time.time())
        except CredentialFault as fault:
            if fault.error in _OVER:
                over = msgspec.structs.replace(grant, void="the issuer has ended it")
                await self.replace(held, over, version)
                return None
            wait = self._failed(held, grant, fault)
            await self._vault.release(grant.owner, self.name, holder, time.time() + wait)
            raise

    def _failed(self, held: Held, grant: UserGrant, fault: CredentialFault) -> float:
        """The seconds until it is tried again. That one grant cannot be renewed says nothing of the one after it."""
        return held.failed(fault, self._loop.time()) if held.grant is grant else 0.0

    async def _keep(self, held: Held, grant: UserGrant, version: int, fresh: UserGrant) -> bool:
        """In place of the grant that was renewed, of which somebody may have noted meanwhile what it lacks."""
        while not await self.replace(held, fresh, version):
            now, version = held.grant, held.version
            if now.access_token == fresh.access_token:
                return True  # it was looked up meanwhile
            noted = msgspec.structs.replace(grant, lacking=now.lacking)
            if now is grant or now != noted or self._held.get(grant.owner) is not held:
                return False
            grant, fresh = now, msgspec.structs.replace(fresh, lacking=now.lacking)
        return True

    async def _lease(self, owner: str, version: int, holder: str) -> bool | None:
        now = time.time()
        return await self._vault.lease(owner, self.name, version, holder, now, now + vault_lease_seconds)

    async def _put_off(self, owner: str) -> None:
        holder, now = secrets.token_hex(8), time.time()
        try:
            kept = await self._vault.find(owner, self.name)
            version = kept.version if kept is not None else 0
            if await self._vault.lease(owner, self.name, version, holder, now, now + vault_lease_seconds):
                await self._vault.release(owner, self.name, holder, now + renewal_retry_seconds_max)
        except VaultFault as fault:
            self._tell(str(fault))

    def _tell(self, note: str) -> None:
        """An issuer that does not answer is told of once, not for each of its users."""
        now = self._loop.time()
        if now < self._told.get(note, -inf) + access_token_told_seconds:
            return
        self._told = {said: at for said, at in self._told.items() if now < at + access_token_told_seconds}
        self._told[note] = now
        self._say("warning", f"credentials: {note}")

    # ---- changing ----------------------------------------------------------------------------------------------

    async def replace(self, held: Held, grant: UserGrant, version: int) -> bool:
        """In place of this version, unless somebody has changed it since; then what is there is held.

        Raises VaultFault.
        """
        kept = await self._vault.replace(kept_of(grant, version))
        if kept is None or held.version != version:  # its user may have given another one just after ours was written
            await self._look_again(held)
            return False
        self._adopt(held, grant, kept.version)
        return True

    async def void(self, held: Held, why: str) -> None:
        """Its owner has to give it anew. Raises VaultFault."""
        await self.replace(held, msgspec.structs.replace(held.grant, void=why), held.version)

    async def _look_again(self, held: Held) -> None:
        owner, version = held.grant.owner, held.version
        kept = await self._vault.find(owner, self.name)
        if held.version != version:
            return  # given while we looked: what was found may be what was there before
        grant = grant_of(kept) if kept is not None else None
        if kept is not None and grant is not None and self.may_use(grant):
            self._adopt(held, grant, kept.version)
        elif self._held.get(owner) is held:
            self._drop(owner)

    # ---- holding -----------------------------------------------------------------------------------------------

    def _adopt(self, held: Held, grant: UserGrant, version: int) -> None:
        held.adopt(grant, version)
        if self._held.get(grant.owner) is held:
            self._masks.put(grant.owner, tokens_of(grant))

    def _drop(self, owner: str) -> None:
        del self._held[owner]
        self._masks.drop(owner)

    # ---- towards the issuer ------------------------------------------------------------------------------------

    async def server_of(self, issuer: str, client: OurClient) -> AuthorizationServer:
        """Where this client asks for tokens. Raises CredentialFault."""
        at = await self.granting.endpoints(issuer)
        config = self.clients.as_config(client)
        proving = self._proving if config is self._config else None
        return AuthorizationServer(issuer, config, self.granting.reach, self._tls, at.metadata, proving)

    async def take_back(self, grant: UserGrant) -> bool:
        """At the issuer, as far as it lets us (RFC 7009). False: it could not be reached, or refused."""
        try:
            await take_back(await self.server_of(grant.issuer, grant.client), grant)
        except CredentialFault as fault:
            self._say("warning", f"credentials: a grant was forgotten here, but {fault.note}")
            return False
        return True

    # ---- news --------------------------------------------------------------------------------------------------

    def heard(self, change: Change) -> None:
        """A row of the vault is another, or gone. Whoever renews it at the moment finds out by itself."""
        held = self._held.get(change.owner)
        if held is None or held.version == change.version:
            return
        if change.version is None or held.flight is None:
            self._drop(change.owner)

    def given(self, kept: Kept) -> None:
        """It was given just now."""
        held, grant = self._held.get(kept.owner), grant_of(kept)
        if held is not None and grant is not None:
            self._adopt(held, grant, kept.version)

    def forget_all(self) -> None:
        for owner in [owner for owner, held in self._held.items() if held.flight is None]:
            self._drop(owner)

    async def aclose(self) -> None:
        """Whoever renews a grant is let to an end: a refresh token that was used and not kept is lost."""
        flights = {held.flight for held in self._held.values() if held.flight is not None}
        for owner in list(self._held):
            self._drop(owner)
        if flights:
            _, late = await asyncio.wait(flights, timeout=fetch_seconds_max)
            for flight in late:
                flight.cancel()
            if late:
                await asyncio.wait(late)


def tokens_of(grant: UserGrant) -> tuple[str, ...]:
    """What nobody may read of it."""
    return grant.access_token, grant.refresh_token, grant.client.secret


async def asked(question: Awaitable[T]) -> T:
    """What the vault answers. Raises CredentialFault."""
    try:
        return await question
    except VaultFault as fault:
        raise _unkept(fault) from None


def _unkept(fault: VaultFault) -> CredentialFault:
    return CredentialFault("connections of users cannot be looked up now", str(fault), retry_seconds=1.0)
