"""Everything one server is shown: its credential, and what it is told of the caller.

Knows: how the two go together, and which kind of credential a configuration asks for. Refuses to know: how any is got.
"""

from collections.abc import Callable, Mapping

from narthex.model.caller import Caller
from narthex.model.config import ServerConfig
from narthex.model.credentials import CredentialsConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.about_caller import AboutCaller
from narthex.upstream.credentials.client_credentials import ClientCredentials
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.credentials.face import CredentialFault, Credentials
from narthex.upstream.credentials.grants import Grant
from narthex.upstream.credentials.header import HeaderKey
from narthex.upstream.credentials.home import Home
from narthex.upstream.credentials.id_jag import IdJag
from narthex.upstream.credentials.jwt_bearer import JwtBearer
from narthex.upstream.credentials.token_exchange import TokenExchange
from narthex.upstream.credentials.tokens import Say, Tokens
from narthex.upstream.http.passes import NO_PASS, Pass
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.tls import Tls

_ON_BEHALF: Mapping[str, Callable[[Home, CredentialsConfig], Grant]] = {
    "token_exchange": TokenExchange,
    "jwt_bearer": JwtBearer,
    "id_jag": IdJag,
}


def credentials_of(
    config: ServerConfig, owned: Owned, say: Say, tls: Tls, connections: Connections | None = None
) -> Credentials | None:
    """What this server is shown besides its fixed headers; None: nothing."""
    about = AboutCaller(config)
    if config.credentials is None and not about:
        return None
    kind: Credentials | None = None
    if config.credentials is not None and config.credentials.connects:
        assert connections is not None, "whoever configures such a server keeps grants of users"
        kind = connections.shown_to(config, say)
    elif config.credentials is not None:
        kind = _kind(config.address or "", config.credentials, owned, say, tls)
    return Wallet(kind, about) if about else kind


def _kind(upstream: str, config: CredentialsConfig, owned: Owned, say: Say, tls: Tls) -> Credentials:
    if config.type == "header":
        return HeaderKey(config, owned, say)
    home = Home(upstream, config, tls)
    behalf = _ON_BEHALF.get(config.type)
    own = ClientCredentials(home, config) if config.catalogue in (None, "client") or behalf is None else None
    grant = behalf(home, config) if behalf is not None else None
    return Tokens(own, grant, owned, say, borrows=behalf is not None and config.catalogue == "caller")


class Wallet:
    """A credential, if there is one, and headers about the caller."""

    personal = True

    def __init__(self, kind: Credentials | None, about: AboutCaller) -> None:
        self._kind, self._about = kind, about

    @property
    def borrows(self) -> bool:
        return self._kind is not None and self._kind.borrows

    def ready(self, caller: Caller | None) -> Pass | None:
        shown = self._kind.ready(caller) if self._kind is not None else NO_PASS
        try:
            return None if shown is None else self._with(shown, caller)
        except CredentialFault:
            return None  # whoever waits for it will be told

    async def get(self, caller: Caller | None, at: float) -> Pass:
        return self._with(await self._kind.get(caller, at) if self._kind is not None else NO_PASS, caller)

    async def refused(self, shown: Pass, caller: Caller | None, reply: HttpReply, at: float) -> Pass | None:
        if self._kind is None:
            return None
        again = await self._kind.refused(shown, caller, reply, at)
        return None if again is None else self._with(again, caller)

    def lend(self, caller: Caller) -> bool:
        return self._kind is not None and self._kind.lend(caller)

    def hide(self, text: str) -> str:
        return self._kind.hide(text) if self._kind is not None else text

    async def aclose(self) -> None:
        if self._kind is not None:
            await self._kind.aclose()

    def _with(self, shown: Pass, caller: Caller | None) -> Pass:
        lines = self._about.lines(caller)
        return Pass(shown.lines + lines, shown.token) if lines else shown
