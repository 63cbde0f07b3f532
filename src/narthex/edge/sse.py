"""HTTP+SSE of 2024-11-05: GET opens the one stream, its first event names where to POST (transports of 2024-11-05).

Knows: the `endpoint` event. Refuses to know: revisions; a client of any older one may come this way.
"""

import asyncio
import secrets

from narthex.edge.channel import Channel
from narthex.edge.http1_exchange import Exchange
from narthex.edge.legacy_calls import LegacyCalls
from narthex.limits import Limits
from narthex.model.identity import Principal
from narthex.telemetry.owned import Owned
from narthex.wire.envelope import Message, Request, encode_error, encode_result, read
from narthex.wire.faults import INVALID_REQUEST, PeerFault


class SseFace:
    """Serves the pair of addresses. A channel lives exactly as long as its stream."""

    def __init__(self, calls: LegacyCalls, owned: Owned) -> None:
        self._calls, self._owned = calls, owned
        self._channels: dict[str, tuple[Channel, str, Principal]] = {}
        self._loop = asyncio.get_running_loop()

    async def get(self, exchange: Exchange, endpoint: str, who: Principal) -> None:
        key = secrets.token_urlsafe(24)
        closed: asyncio.Future[None] = self._loop.create_future()
        exchange.on_disconnect = lambda: None if closed.done() else closed.set_result(None)
        stream = exchange.stream()

        def write(message: bytes) -> bool:
            stream.send(b"event: message\ndata: " + message + b"\n\n")
            return not stream.closed

        channel = Channel(self._calls, self._owned, write)
        self._channels[key] = (channel, endpoint, who)
        stream.send(f"event: endpoint\ndata: {exchange.path}?sessionId={key}\n\n".encode())
        try:
            await self._calls.bus.until_closing(closed)
        finally:
            del self._channels[key]
            stream.end()
            if channel.session is not None:
                await self._calls.leave(channel.session)

    def post(self, exchange: Exchange, value: object, key: str, endpoint: str, who: Principal, limits: Limits) -> None:
        """One message of a client. The answer goes to its stream; the POST gets 202. Raises `PeerFault`."""
        found = self._channels.get(key)
        if found is None or found[1:] != (endpoint, who):
            raise PeerFault(INVALID_REQUEST, "No such session. Open the event stream first.", status=404)
        channel = found[0]
        message = read(value)
        if channel.session is None:
            self._greet(channel, message, endpoint, who)
        else:
            channel.take(message, limits, len(exchange.body))
        exchange.respond(202, b"Accepted", b"text/plain")

    def _greet(self, channel: Channel, message: Message, endpoint: str, who: Principal) -> None:
        """The first words of a client: `initialize`, before which it may only `ping`."""
        if type(message) is not Request or message.method not in ("initialize", "ping"):
            raise PeerFault(INVALID_REQUEST, "Send initialize first.", data={"reason": "not_initialized"})
        if message.method == "ping":
            channel.send(encode_result(message.id, {}))
            return
        try:
            session, body = self._calls.initialize(message, endpoint, who)
        except PeerFault as fault:
            channel.send(encode_error(message.id, fault.code, str(fault), fault.data))
        else:
            channel.attach(session)
            channel.send(body)
