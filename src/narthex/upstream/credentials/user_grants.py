"""What one server is shown of its users' grants: each user's own token, and what its refusals mean.

Knows: whose token is shown, and when an owner has to be asked. Refuses to know: browsers, how a grant is begun, and how
one is kept and renewed (that is `grant_keeper`).
"""

import asyncio
import time
from collections.abc import Callable

import msgspec

from narthex.limits import lenders_tried_max, regrants_max
from narthex.model.caller import Caller
from narthex.model.config import ServerConfig
from narthex.model.connection import GATEWAY, owner_of
from narthex.ports import Kept, Vault
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.challenge import NO_CHALLENGE, Challenge, challenge_of
from narthex.upstream.credentials.face import CredentialFault, GrantNeeded
from narthex.upstream.credentials.grant_keeper import GrantKeeper, asked
from narthex.upstream.credentials.held import Held
from narthex.upstream.credentials.user_grant import UserGrant
from narthex.upstream.http.passes import NO_PASS, Pass
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.tls import Tls

REFUSED = "the server refuses it"


class UserGrants:
    """The `Credentials` of one server. Whoever makes one closes it; `leave` hears of that."""

    def __init__(
        self,
        server: ServerConfig,
        vault: Vault,
        owned: Owned,
        say: Callable[[str, str], None],
        tls: Tls,
        leave: Callable[["UserGrants"], None],
    ) -> None:
        assert server.address is not None, "only a server under a URL has credentials"
        assert server.credentials is not None, "the kind says so"
        self.server, self.config, self.name = server, server.credentials, server.name
        self.keeper = GrantKeeper(server.name, server.address, server.credentials, vault, owned, say, tls)
        self._leave = leave
        self._lender: str | None = None
        self._lent_anew = False
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<UserGrants at {self.name}: {len(self.keeper)} held>"

    @property
    def personal(self) -> bool:
        return self.config.grant_of == "user"

    @property
    def borrows(self) -> bool:
        return self.personal and not self._asks_as_nobody

    def is_for(self, server: ServerConfig) -> bool:
        return (self.server.name, self.server.address, self.config) == (
            server.name,
            server.address,
            server.credentials,
        )

    # ---- what is shown -----------------------------------------------------------------------------------------

    def ready(self, caller: Caller | None) -> Pass | None:
        if caller is None and self._asks_as_nobody:
            return NO_PASS
        owner = self._owner(caller)
        held = self.keeper.held(owner) if owner is not None else None
        return held.good(time.time()) if held is not None else None

    async def get(self, caller: Caller | None, at: float) -> Pass:
        if caller is None and self._asks_as_nobody:
            return NO_PASS
        return await self._good(await self._asking(caller), at)

    async def refused(self, shown: Pass, caller: Caller | None, reply: HttpReply, at: float) -> Pass | None:
        if caller is None and self._asks_as_nobody:
            return None
        owner = await self._asking(caller)
        held, challenge = await self._held_as(shown, owner), challenge_of(reply)
        if held is not None and reply.status == 403:
            await self._lacks(held, challenge)
            return None
        if held is not None:
            await self._refused(shown, held.grant, challenge)
        return await self._good(owner, at)  # another request may have seen to it already

    def lend(self, caller: Caller) -> bool:
        """Lists are asked for as whoever has a grant, whether they call or not. True, once: as somebody else now."""
        anew, self._lent_anew = self._lent_anew, False
        return anew

    def hide(self, text: str) -> str:
        return self.keeper.hide(text)

    def given(self, kept: Kept) -> None:
        """Somebody has just given a grant here."""
        self.keeper.given(kept)
        if self._lender is None:
            self._lender = kept.owner

    async def aclose(self) -> None:
        self._leave(self)
        await self.keeper.aclose()

    # ---- whose -------------------------------------------------------------------------------------------------

    @property
    def _asks_as_nobody(self) -> bool:
        return self.personal and self.config.catalogue == "anonymous"

    def _owner(self, caller: Caller | None) -> str | None:
        if not self.personal:
            return GATEWAY.key
        return self._lender if caller is None else owner_of(caller.principal).key

    async def _asking(self, caller: Caller | None) -> str:
        """Raises GrantNeeded where the gateway asks for lists, and nobody has a grant it could ask with."""
        if not self.personal:
            return GATEWAY.key
        if caller is not None:
            return owner_of(caller.principal).key
        if self._lender is not None:
            held = await self.keeper.find(self._lender)
            if held is not None and held.grant.works(time.time()):
                return self._lender
        lenders = await self.keeper.working(lenders_tried_max)
        if not lenders:
            raise GrantNeeded(
                self.name,
                text="it shows its lists to connected users only, and nobody is connected yet",
                note="nobody is connected to it yet: its lists are known once somebody is",
            )
        self._lent_anew = self._lender not in (None, lenders[0])
        self._lender = lenders[0]
        return lenders[0]

    async def _good(self, owner: str, at: float) -> Pass:
        """What is shown of this owner's grant. Raises GrantNeeded, CredentialFault."""
        held = await self.keeper.find(owner)
        shown = self._shown(held)
        if shown is None and held is not None and not held.is_troubled(self._loop.time()):
            await self._flown(self.keeper.renew(held), at)
            held = self.keeper.held(owner)
            shown = self._shown(held)
        if shown is not None:
            return shown
        trouble = held.trouble if held is not None else None
        if trouble is None:
            raise CredentialFault("no access token for it could be had in time", retry_seconds=1.0)
        raise CredentialFault(trouble.text, trouble.note, retry_seconds=max(1.0, trouble.until - self._loop.time()))

    def _shown(self, held: Held | None) -> Pass | None:
        """None: it has to be renewed first. Raises GrantNeeded."""
        now = time.time()
        if held is None:
            raise GrantNeeded(self.name)
        if not held.grant.works(now):
            why = held.grant.void or "it has expired"
            raise GrantNeeded(self.name, text=f"your connection to it has to be made anew: {why}")
        return held.good(now)

    async def _flown(self, flight: "asyncio.Task[None]", at: float) -> None:
        """One waiter leaving must not end it for the others."""
        await asyncio.wait({flight}, timeout=max(0.0, at - self._loop.time()))

    # ---- refused by the server ---------------------------------------------------------------------------------

    async def _held_as(self, shown: Pass, owner: str) -> Held | None:
        """What is held, if it is what was shown. Raises CredentialFault."""
        held = await self.keeper.find(owner)
        is_that = held is not None and held.shown is not None and held.grant.has_tokens_of(shown.token)
        return held if is_that else None

    async def _refused(self, shown: Pass, grant: UserGrant, challenge: Challenge) -> None:
        """401. Afterwards it is not shown any more: it is to be renewed, or to be given anew.

        Raises CredentialFault.
        """
        if challenge != NO_CHALLENGE:
            self.keeper.granting.challenge = challenge
        moved = await self._moved(grant)
        held = await self._held_as(shown, grant.owner)  # others were refused too, and may have seen to it meanwhile
        if held is None:
            return
        if moved:
            await asked(self.keeper.void(held, "the server has changed to another issuer"))
        elif held.grant.refresh_token and held.refuse(self._loop.time()):
            return
        elif held.grant.refusals >= regrants_max:
            raise CredentialFault(
                "it refuses your connection, however often it is made",
                "it refuses fresh tokens of its own issuer (HTTP 401): it may want another `resource` or `scopes`",
            )
        else:
            await asked(self.keeper.void(held, REFUSED))

    async def _moved(self, grant: UserGrant) -> bool:
        """Grants are bound to the issuer they were given at: another one's is asked for anew (C-AUTH-06)."""
        try:
            place = await self.keeper.granting.find(anew=True)
        except CredentialFault:
            return False  # what cannot be found out now is no reason to ask anybody anew
        return grant.issuer not in place.named

    async def _lacks(self, held: Held, challenge: Challenge) -> None:
        """403. Raises GrantNeeded for what a new grant could have, CredentialFault for what none will (C-AUTH-08)."""
        wanted, grant = challenge.scopes, held.grant
        if challenge.error != "insufficient_scope" or not wanted:
            return
        lacking = wanted - set(grant.scopes)
        listed = " ".join(sorted(wanted))
        if not lacking or (grant.step_ups >= regrants_max and lacking <= set(grant.asked)):
            raise CredentialFault(
                f"it requires the scopes '{listed}', and refuses your connection although it was asked for with them",
                f"it requires the scopes '{listed}', and refuses grants that were asked for with them",
            )
        if not lacking <= set(grant.lacking):
            more = tuple(sorted({*grant.lacking, *lacking}))
            await asked(self.keeper.replace(held, msgspec.structs.replace(grant, lacking=more), held.version))
        raise GrantNeeded(self.name, lacking)
