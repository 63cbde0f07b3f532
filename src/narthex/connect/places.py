"""Which grant a request is about: who is there, whose it is, and at which server.

Knows: links that were made for somebody, servers that one grant serves for all, and whom a server is hidden from.
Refuses to do anything: what cannot be done is said on a page. Whoever opens a link must be whose call it is (S-ELI-02).
"""

from narthex.connect.page import AGAIN, TELL, Desk
from narthex.connect.site import CONNECT
from narthex.connect.turn import Place, Turn, hidden
from narthex.connect.visitor import Visitor, Visitors
from narthex.edge.gate import Gate
from narthex.issuer.answer import Answer
from narthex.model.config import Config, ServerConfig
from narthex.model.connection import GATEWAY, Owner, owner_of
from narthex.model.identity import LOCAL, Refusal
from narthex.relay.link import meant
from narthex.relay.slot import Slot
from narthex.upstream.credentials.connections import Connections
from narthex.wire.seal import Sealer

_OPERATOR = Visitor(LOCAL, "whoever runs this gateway", stays=True)


class Places:
    """One for the page."""

    def __init__(
        self, connections: Connections, gate: Gate, slot: Slot, visitors: Visitors, sealer: Sealer, desk: Desk
    ) -> None:
        self._connections, self._gate, self._slot = connections, gate, slot
        self._visitors, self._sealer, self._desk = visitors, sealer, desk

    def _server(self, name: str) -> ServerConfig | None:
        if name not in self._connections.names():
            return None
        config: Config = self._slot.current.config
        return next((one for one in config.servers if one.name == name), None)

    async def servers(self, visitor: Visitor) -> dict[str, tuple[ServerConfig, str]]:
        found: dict[str, tuple[ServerConfig, str]] = {}
        common = await self._connections.of(GATEWAY)
        for name in self._connections.names():
            server = self._server(name)
            if server is None or hidden(server, visitor):
                continue
            other = ""
            if self._connections.granted_by(name) == "gateway" and not self._gate.authority.open:
                is_there = name in common
                other = "Connected for everybody" if is_there else "To be connected by whoever runs this gateway"
            found[name] = (server, other)
        return found

    async def find(self, turn: Turn) -> Place | Answer | None:
        """Who is there, and what they may act on. None: nobody we know. Raises StateFault, NotIn."""
        name = turn.path.removeprefix(CONNECT).lstrip("/")
        server = self._server(name) if name else None
        made = meant(turn.link, self._sealer, turn.now) if turn.link else None
        if turn.link and (made is None or made.server != name):
            text = "This link is too old, or is not as it was made. Nothing was done."
            return self._desk.refused(turn, "This link is out of date", text, 400, AGAIN)
        common = server is not None and self._connections.granted_by(name) == "gateway"
        if common and made is not None and made.fits(GATEWAY, name):
            return Place(_OPERATOR, GATEWAY, server)
        visitor = await self._visitors.find(turn.exchange, turn.browser, turn.now)
        if isinstance(visitor, Refusal):
            return self._desk.refused(turn, "You cannot be let in", visitor.message, visitor.status)
        if visitor is None:
            return None
        owner = owner_of(visitor.principal)
        if name and (server is None or (made is None and hidden(server, visitor))):
            text = f"There is no server '{name[:64]}' here that wants an account of yours."
            return self._desk.refused(turn, "Nothing to connect", text, 404, AGAIN, visitor)
        if made is not None and not made.fits(owner, name):
            return self._elses(turn, visitor)
        if common and not self._gate.authority.open:
            text = f"One connection to '{name}' serves everybody here, and whoever runs this gateway gives it."
            return self._desk.refused(turn, "Not yours to connect", text, 403, TELL, visitor)
        return Place(visitor, GATEWAY if common else owner, server)

    async def who(self, turn: Turn) -> Owner | None:
        """Whose grants whoever is there may give; None: nobody we know, or nobody we let in. Raises StateFault."""
        visitor = await self._visitors.find(turn.exchange, turn.browser, turn.now)
        return owner_of(visitor.principal) if isinstance(visitor, Visitor) else None

    def _elses(self, turn: Turn, visitor: Visitor) -> Answer:
        """Somebody opened a link that was made for somebody else (2026-07-28, client/elicitation: phishing)."""
        text = f"It was made for a call of somebody else, and you are signed in as {visitor.shown}. Nothing was done."
        remedy = "If somebody sent it to you, close this page. If the call is yours, sign in as who made it."
        return self._desk.refused(turn, "This link is not for you", text, 403, remedy, visitor)
