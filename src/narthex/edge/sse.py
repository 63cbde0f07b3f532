"""HTTP+SSE of 2024-11-05: GET opens the one stream, its first event names where to POST (transports of 2024-11-05).

Knows: the `endpoint` event. Refuses to know: revisions; a client of any older one may come this way.
"""

import asyncio
import secrets

from narthex.edge.channel import Channel
from narthex.edge.http1_exchange import Exchange
from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.stream import Stream
from narthex.limits import Limits
from narthex.model.identity import Principal
from narthex.relay.bus import Audience
from narthex.telemetry.owned import Owned
from narthex.wire.envelope import Message, Request, encode_error, encode_result, read
from narthex.wire.faults import INVALID_REQUEST, PeerFault
from narthex.wire.ladder import unknown_method
from narthex.wire.revisions import LEGACY_METHODS


class Events:
    """The one stream as the way of all messages. Its own queue is what bounds them; a gate asks servers to wait."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, message: bytes) -> bool:
        self._stream.send(b"event: message\ndata: " + message + b"\n\n")
        return not self._stream.closed

    say = hint = insist = write


class SseFace:
    """Serves the pair of addresses. A channel lives exactly as long as its stream."""

    def __init__(self, calls: LegacyCalls, owned: Owned) -> None:
        self._calls, self._owned = calls, owned
        self._channels: dict[str, tuple[Channel, str, str]] = {}  # with its endpoint, and the key of whose it is
        self._loop = asyncio.get_running_loop()

    async def get(self, exchange: Exchange, endpoint: str, who: Principal, path: str) -> None:
        """`path`: where clients POST, as they know it."""
        key = secrets.token_urlsafe(24)
        closed: asyncio.Future[None] = self._loop.create_future()
        exchange.on_disconnect = lambda: None if closed.done() else closed.set_result(None)
        stream = exchange.stream()

        channel = Channel(self._calls, self._owned, Events(stream))
        channel.stream = stream
        self._channels[key] = (channel, endpoint, who.key)
        stream.send(f"event: endpoint\ndata: {path}?sessionId={key}\n\n".encode())
        try:
            await self._calls.bus.until_over(closed, Audience(endpoint, lambda: _holder(channel, who)))
        finally:
            del self._channels[key]
            stream.end()
            if channel.session is not None:
                await self._calls.leave(channel.session)

    def post(self, exchange: Exchange, value: object, key: str, endpoint: str, who: Principal, limits: Limits) -> None:
        """One message of a client. The answer goes to its stream; the POST gets 202. Raises `PeerFault`."""
        found = self._channels.get(key)
        if found is None or found[1:] != (endpoint, who.key):
            raise PeerFault(INVALID_REQUEST, "No such session. Open the event stream first.", status=404)
        channel = found[0]
        if channel.session is not None:
            channel.session.principal = who  # the same caller, who may have been granted more since, or less
        message = read(value)
        if channel.session is None:
            self._greet(channel, message, endpoint, who)
        else:
            channel.take(message, limits, len(exchange.body))
        exchange.respond(202, b"Accepted", b"text/plain")

    def _greet(self, channel: Channel, message: Message, endpoint: str, who: Principal) -> None:
        """The first words of a client: `initialize`, before which it may only `ping`."""
        if type(message) is not Request:
            raise PeerFault(INVALID_REQUEST, "Send initialize first.", data={"reason": "not_initialized"})
        try:
            if message.method == "ping":
                channel.send(encode_result(message.id, {}))
                return
            # A client of both eras probes with `server/discover`: refused on the stream, as any server of the older
            # era would, it goes on to `initialize`. A refusal of the POST itself would end its conversation.
            if message.method not in LEGACY_METHODS:
                raise unknown_method(message.method)
            if message.method != "initialize":
                raise PeerFault(INVALID_REQUEST, "Send initialize first.", data={"reason": "not_initialized"})
            session, body = self._calls.initialize(message, endpoint, who)
        except PeerFault as fault:
            channel.send(encode_error(message.id, fault.code, str(fault), fault.data))
        else:
            channel.attach(session)
            channel.send(body)


def _holder(channel: Channel, opener: Principal) -> Principal:
    """Whose stream it is, as they are known now."""
    return channel.session.principal if channel.session is not None else opener
