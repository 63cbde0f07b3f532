"""Who sits at a browser.

Knows: the ways to find out, and their order: what the request proves by itself (the loopback, a proxy, a certificate),
who signed in at the authorization server inside, who showed a key or came back from a provider. Refuses to believe a
link.
"""

from collections.abc import Callable
from typing import NamedTuple

from narthex.connect.session import Session, session_of
from narthex.connect.site import Site
from narthex.edge.gate import Gate
from narthex.edge.http1_exchange import Exchange
from narthex.issuer.browser import Browser
from narthex.issuer.server import AuthorizationServer
from narthex.model.authentication import AuthenticationConfig
from narthex.model.identity import Principal, Refusal
from narthex.wire.seal import Sealer


class Visitor(NamedTuple):
    """`principal.key` is what the same person has when an app of theirs calls."""

    principal: Principal
    shown: str
    stays: bool = False  # there is nothing to sign out of
    known_scopes: bool = True  # else nobody knows what they may do, until an app of theirs calls


class Visitors:
    """`server`: the authorization server inside, if there is one."""

    def __init__(
        self,
        gate: Gate,
        server: Callable[[], AuthorizationServer | None],
        config: Callable[[], AuthenticationConfig | None],
        site: Site,
        sealer: Sealer,
    ) -> None:
        self._gate, self._server, self._config, self._site, self._sealer = gate, server, config, site, sealer

    async def find(self, exchange: Exchange, browser: Browser, now: float) -> Visitor | Refusal | None:
        """None: nobody we know. Raises StateFault."""
        found = self._gate.visitor(exchange)
        if isinstance(found, Refusal):
            return found
        if found is not None:
            return Visitor(found, str(found), stays=True)
        server = self._server()
        who = await server.visitor(exchange) if server is not None else None
        if who is not None:
            return Visitor(who, str(who))
        session = session_of(exchange, self._site, self._sealer, browser, now)
        return None if session is None else self._of_session(session, now)

    def _of_session(self, session: Session, now: float) -> Visitor | None:
        authority = self._gate.authority
        if session.how == "key":
            found = authority.supposed_key(session.name, now) if authority.takes_keys else None
            return Visitor(found, session.shown) if isinstance(found, Principal) else None
        config = self._config()
        if config is None or config.sign_in is None or config.sign_in.issuer != session.issuer:
            return None
        who = authority.named(session.issuer, session.name)
        return None if who is None else Visitor(who, session.shown, known_scopes=False)
