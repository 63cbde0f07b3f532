"""The gateway as a stdio server: one client on our own stdin and stdout, of either era, told apart by each message.

Knows: lines, and that nothing but messages may be written to stdout. Refuses to know: what the messages mean.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

from narthex.edge.channel import Channel, answer
from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.listening import filter_of, honoured, stay, tagged
from narthex.edge.output import Out, always_ready, for_transport
from narthex.limits import Limits, pipe_read_bytes, session_requests_max
from narthex.model.call import Call
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.outcome import Failure, Outcome, Result
from narthex.relay.bus import Listener
from narthex.telemetry.owned import Owned
from narthex.upstream.stdio.framing import LineFramer
from narthex.wire.envelope import (
    Notification,
    Request,
    RequestId,
    encode_error,
    encode_notification,
    encode_result,
    read,
    readable_id,
)
from narthex.wire.faults import INTERNAL_ERROR, INVALID_REQUEST, PeerFault
from narthex.wire.ladder import ModernRequest, read_meta, unknown_method
from narthex.wire.revisions import META_SUBSCRIPTION_ID, META_VERSION, MODERN, MODERN_METHODS
from narthex.wire.strict import decode
from narthex.wire.translate import modern_result


class StdioFace:
    """One client. `take` is called per line; what it is told goes to `out`, one message per call."""

    def __init__(
        self,
        calls: LegacyCalls,
        owned: Owned,
        endpoint: str,
        who: Principal,
        limits: Callable[[], Limits],
        out: Out,
    ) -> None:
        self._calls, self._owned, self._endpoint, self._who = calls, owned, endpoint, who
        self._read_limits, self._out = limits, out
        self._channel = Channel(calls, owned, out)
        self._modern: dict[RequestId, asyncio.Task[Any]] = {}
        self._loop = asyncio.get_running_loop()

    def take(self, line: bytes) -> None:
        value = None
        try:
            value = decode(line, self._read_limits())
            self._dispatch(value, len(line))
        except PeerFault as fault:
            self._out.write(encode_error(readable_id(value), fault.code, str(fault), fault.data))

    def _dispatch(self, value: Any, size: int) -> None:
        message = read(value)
        if type(message) is Request and _is_modern(message):
            self._start(message, size)
        elif type(message) is Notification and (task := self._cancelled(message)) is not None:
            task.cancel()
        elif self._channel.session is not None:
            self._channel.take(message, self._read_limits(), size)
        elif type(message) is Request and message.method == "initialize":
            session, body = self._calls.initialize(message, self._endpoint, self._who)
            self._channel.attach(session)
            self._out.write(body)
        elif type(message) is Request:
            if message.method != "ping":
                text = "Send initialize first, or requests of revision 2026-07-28 with their _meta."
                raise PeerFault(INVALID_REQUEST, text, data={"reason": "not_initialized"})
            self._out.write(encode_result(message.id, {}))

    def _cancelled(self, message: Notification) -> "asyncio.Task[Any] | None":
        """The modern request that this notification cancels, if it is one and does."""
        wanted: Any = message.params.get("requestId")
        if message.method != "notifications/cancelled" or type(wanted) not in (int, str):
            return None
        return self._modern.get(wanted)

    async def finish(self) -> None:
        """The client says no more: until everything it asked for is answered."""
        if self._channel.session is not None:
            self._channel.session.fall_mute()
        while working := [*self._modern.values(), *self._channel.working()]:
            await asyncio.wait(working)

    # ---- modern ------------------------------------------------------------------------------------------------

    def _start(self, request: Request, size: int) -> None:
        meta = request.params.get("_meta")
        modern = read_meta(request, meta if type(meta) is dict else {})
        if modern.method not in MODERN_METHODS:
            raise unknown_method(modern.method)
        if modern.id in self._modern:
            raise PeerFault(INVALID_REQUEST, "A request with this id is in flight.", data={"reason": "id"})
        if len(self._modern) >= session_requests_max:
            text = f"{session_requests_max} requests are in flight, the most allowed."
            raise PeerFault(INTERNAL_ERROR, text, data={"reason": "inflight"})
        work = self._listen(modern) if modern.method == "subscriptions/listen" else self._serve(modern, size)
        task = self._modern[modern.id] = self._owned.start(work, "call")
        task.add_done_callback(lambda _: self._modern.pop(modern.id, None))

    async def _serve(self, modern: ModernRequest, size: int) -> None:
        endpoint = self._calls.relay.endpoint(self._endpoint)
        if endpoint is None:
            self._out.write(encode_error(modern.id, INVALID_REQUEST, "This endpoint is no longer configured."))
            return
        limits = self._read_limits()
        call = Call(
            id=modern.id,
            method=modern.method,
            params=modern.params,
            endpoint=endpoint,
            principal=self._who,
            revision=MODERN,
            capabilities=modern.capabilities,
            client=self,
            deadline=Deadline.starting(self._loop.time(), limits.call_seconds_max, limits.call_seconds_absolute_max),
            progress_token=modern.progress_token,
            log_level=modern.log_level,
            bytes_in=size,
        )
        try:
            found = await self._calls.relay.handle(call)
        except asyncio.CancelledError:
            return  # cancelled by the client: by rule it gets no answer
        except Exception:
            self._out.write(encode_error(modern.id, INTERNAL_ERROR, "The gateway failed to answer this request."))
            raise
        answer(self._out, modern.id, found.body)

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._out.hint(encode_notification(method, params))

    def parted(self) -> None:
        """Nothing follows from it here."""

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        if method == "elicitation/create":
            return Result({"action": "cancel"})
        return Failure(-1, "User rejected the request: this client can only be asked between requests.")

    async def _listen(self, modern: ModernRequest) -> None:
        relay = self._calls.relay
        endpoint = relay.endpoint(self._endpoint)
        if endpoint is None:
            self._out.write(encode_error(modern.id, INVALID_REQUEST, "This endpoint is no longer configured."))
            return
        endpoint = await relay.settled(endpoint)
        try:
            kinds, uris = honoured(modern.params, endpoint, self._who)
        except PeerFault as fault:
            self._out.write(encode_error(modern.id, fault.code, str(fault), fault.data))
            return

        def deliver(method: str, params: dict[str, Any]) -> None:
            self._out.say(encode_notification(method, tagged(params, modern.id)))

        deliver("notifications/subscriptions/acknowledged", {"notifications": filter_of(kinds, uris)})
        listener = Listener(endpoint.name, kinds, uris, deliver, lambda: self._who)
        await stay(self._calls.bus, listener, relay.fleet, endpoint, self._loop.create_future())
        meta = {META_SUBSCRIPTION_ID: modern.id}
        members = modern_result("subscriptions/listen", {"_meta": meta}, endpoint.server_info)
        self._out.write(encode_result(modern.id, members))


async def lines_of(
    fd: int,
    line_bytes_max: int,
    take: Callable[[bytes], None],
    too_long: Callable[[], None],
    ready: Callable[[], Awaitable[None]],
) -> None:
    """Read lines until the end of input, no faster than `ready` allows. Longer ones are skipped whole, and reported."""
    loop = asyncio.get_running_loop()
    framer = LineFramer(line_bytes_max, lambda _beginning, _size: too_long())
    if always_ready(fd):
        source: BinaryIO = os.fdopen(os.dup(fd), "rb", buffering=0)
        read, close = _reads(source), source.close
    else:
        source = for_transport(fd, "rb")
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
        read, close = reader.read, transport.close
    try:
        while data := await read(pipe_read_bytes):
            await ready()
            for line in framer.feed(data):
                if line.strip():
                    take(line.strip())
        if (rest := framer.rest()) and rest.strip():
            take(rest.strip())  # the last line of a client that did not end it
    finally:
        close()


def _reads(source: BinaryIO) -> Callable[[int], Awaitable[bytes]]:
    async def read(size: int) -> bytes:
        return await asyncio.to_thread(source.read, size)

    return read


def _is_modern(request: Request) -> bool:
    meta = request.params.get("_meta")
    return type(meta) is dict and META_VERSION in meta
