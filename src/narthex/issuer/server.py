"""The authorization server: every request for one of its paths comes in here.

Knows: paths and methods, what lives as long as the process, and how much is done at once. Refuses to know: what
happens behind a path.

    issuer = AuthorizationServer(settings, gateway, sealer, folder)
    await issuer.start()                    # opens the store, reads or makes the keys
    owned.start(issuer.follow(), "issuer")  # hears of other processes, turns the keys
    if request.path in issuer.paths:
        answer = await issuer.serve(request)
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from narthex.issuer import browser as browsers
from narthex.issuer import metadata
from narthex.issuer.answer import Answer, Asked, OauthFault, fault_answer, json_answer
from narthex.issuer.authorize import Authorize
from narthex.issuer.bridge import Bridge
from narthex.issuer.office import Office, Say
from narthex.issuer.page import Pages
from narthex.issuer.registration import Registration
from narthex.issuer.revocation import Revocation
from narthex.issuer.settings import Gateway, Settings
from narthex.issuer.signin import SignIn
from narthex.issuer.signing import Signing
from narthex.issuer.token import Tokens
from narthex.issuer.visit import Visit
from narthex.limits import oauth_look_seconds, sign_in_requests_max
from narthex.model.identity import Principal
from narthex.store.folder import StateFault
from narthex.upstream.http import Tls
from narthex.wire.seal import Sealer

Serve = Callable[[Asked], Awaitable[Answer]]

_BUSY = OauthFault("temporarily_unavailable", "Too many people are signing in at this moment.", 503, 1)
_STYLE = ((b"Cache-Control", b"max-age=300"), (b"X-Content-Type-Options", b"nosniff"))


class AuthorizationServer:
    """One for the gateway. `paths` are all that it answers; `keys` verifies what it signs."""

    def __init__(
        self,
        settings: Settings,
        gateway: Gateway,
        sealer: Sealer,
        folder: Path,
        *,
        tls: Tls | None = None,
        say: Say = lambda _level, _sentence: None,
        on_revoked: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._office = office = Office(settings, gateway, sealer, tls or Tls(), say, on_revoked)
        self._trouble = ""
        self._inside = 0
        self._pages = Pages()
        self._authorize = authorize = Authorize(office, self._pages)
        sign_in, tokens = SignIn(office, authorize), Tokens(office)
        self._bridge = Bridge(office, authorize)
        authorize.elsewhere = self._bridge
        registration, revocation = Registration(office), Revocation(office, tokens)
        own: dict[str, tuple[bytes, Serve]] = {
            "/oauth/authorize": (b"GET", authorize.ask),
            "/oauth/login": (b"POST", sign_in.enter),
            "/oauth/logout": (b"POST", sign_in.leave),
            "/oauth/consent": (b"POST", authorize.decide),
            "/oauth/callback": (b"GET", self._bridge.come_back),
            "/oauth/token": (b"POST", tokens.give),
            "/oauth/register": (b"POST", registration.register),
            "/oauth/revoke": (b"POST", revocation.revoke),
            "/oauth/jwks": (b"GET", self._jwks),
            "/oauth/style.css": (b"GET", self._style),
        }
        self._quick = (self._metadata, self._jwks, self._style)  # these wait for nothing, so they may always
        base = settings.base
        self._table = {prefix + path: served for path, served in own.items() for prefix in {"", base}}
        self._table |= dict.fromkeys(metadata.addresses(base), (b"GET", self._metadata))
        self.paths = frozenset(self._table)

    def __repr__(self) -> str:
        return f"<AuthorizationServer {self.issuer}>"

    @property
    def issuer(self) -> str:
        return self._office.settings.issuer

    @property
    def keys(self) -> Signing:
        """The keys for `Authority.host`: no waiting, no fetching from ourselves."""
        return self._office.signing

    def public_keys(self) -> dict[str, Any]:
        """The same as a JSON Web Key Set."""
        return self._office.signing.document

    def revoked(self, claims: Mapping[str, Any]) -> bool:
        """Whether the grant behind a token of ours was taken back while the token lives."""
        return claims.get("grant") in self._office.revoked

    # Living

    async def start(self) -> None:
        """Raises StateFault."""
        await self._office.open(self._folder)

    async def follow(self) -> None:
        """Hear of what other processes took back, and turn the keys when it is time, until cancelled."""
        while True:
            await asyncio.sleep(oauth_look_seconds)
            try:
                await self._office.look()
                self._tell("")
            except StateFault as fault:
                self._tell(str(fault))

    async def rotate(self) -> None:
        """A new key at once, and the end of all others: one may have been lost."""
        await self._office.rotate()

    def adopt(self, settings: Settings) -> None:
        """Another configuration; the name of the issuer stays."""
        assert settings.issuer == self.issuer, "an issuer keeps its name while it lives"
        self._office.adopt(settings)

    async def aclose(self) -> None:
        await self._bridge.aclose()
        await self._office.aclose()

    def _tell(self, trouble: str) -> None:
        """Once, when it begins, and once when it is over."""
        if trouble and not self._trouble:
            self._office.say("error", f"The authorization server cannot read its state: {trouble}")
        elif self._trouble and not trouble:
            self._office.say("info", "The authorization server can read its state again")
        self._trouble = trouble

    # People who come for other pages of the gateway

    async def visitor(self, asked: Asked) -> Principal | None:
        """Who is signed in at this browser: the same caller that a token of ours would name. Raises StateFault."""
        settings = self._office.settings
        found = await self._authorize.signed_in(browsers.of(asked, settings))
        if found is None:
            return None
        login, own = found
        return Principal(login.subject, scopes=settings.entitled(own), how="jwt", issuer=self.issuer)

    async def receive(self, asked: Asked, path: str) -> Answer:
        """Let somebody sign in, and go on to `path` then, below our base. Raises StateFault."""
        return await self._authorize.sign_in(browsers.of(asked, self._office.settings), Visit(path))

    async def forget(self, asked: Asked) -> None:
        """Nobody is signed in at this browser any more. Raises StateFault."""
        digest = browsers.of(asked, self._office.settings).digest
        await self._office.do(lambda shelves: shelves.logins.remove(digest))

    def show_keys(self, taken: Callable[[], bool]) -> None:
        """Whether those pages take API keys as well."""
        self._authorize.keys_too = taken

    # Serving

    async def serve(self, asked: Asked) -> Answer:
        """One request for one of `paths`."""
        method, served = self._table[asked.path]
        if asked.method != method and not (method == b"GET" and asked.method == b"HEAD"):
            allow = b"GET, HEAD" if method == b"GET" else method
            return json_answer({"error": "invalid_request"}, 405, ((b"Allow", allow),))
        if served in self._quick:
            return await served(asked)
        if self._inside >= sign_in_requests_max:
            return fault_answer(_BUSY)
        self._inside += 1
        try:
            return await served(asked)
        except OauthFault as fault:
            return fault_answer(fault)
        except StateFault as fault:
            self._office.say("error", str(fault))
            text = "The gateway cannot reach its state now."
            return fault_answer(OauthFault("temporarily_unavailable", text, 503, 5))
        finally:
            self._inside -= 1

    async def _metadata(self, _: Asked) -> Answer:
        return json_answer(metadata.document(self._office))

    async def _jwks(self, _: Asked) -> Answer:
        return json_answer(self._office.signing.document)

    async def _style(self, _: Asked) -> Answer:
        return Answer(200, self._pages.style, b"text/css; charset=utf-8", _STYLE)
