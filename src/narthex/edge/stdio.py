"""The gateway as a stdio server: one client on our own stdin and stdout, of either era, told apart by each message.

Knows: lines, and that nothing but messages may be written to stdout. Refuses to know: what the messages mean.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any

from narthex.edge.channel import Channel
from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.listening import filter_of, hold, honoured, release, tagged
from narthex.limits import Limits
from narthex.model.call import Call
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.outcome import Failure, Outcome, Result
from narthex.relay.bus import Listener
from narthex.relay.lists import SERVER_INFO
from narthex.telemetry.owned import Owned
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
from narthex.wire.faults import INVALID_REQUEST, PeerFault
from narthex.wire.ladder import ModernRequest, read_meta, unknown_method
from narthex.wire.revisions import META_SUBSCRIPTION_ID, META_VERSION, MODERN, MODERN_METHODS
from narthex.wire.strict import decode
from narthex.wire.translate import modern_result

Write = Callable[[bytes], bool]


class StdioFace:
    """One client. `take` is called per line; answers go to `write`, one message per call."""

    def __init__(
        self, calls: LegacyCalls, owned: Owned, endpoint: str, who: Principal, limits: Limits, write: Write
    ) -> None:
        self._calls, self._owned, self._endpoint, self._who = calls, owned, endpoint, who
        self._limits, self._write = limits, write
        self._channel = Channel(calls, owned, write)
        self._modern: dict[RequestId, asyncio.Task[Any]] = {}
        self._loop = asyncio.get_running_loop()

    def take(self, line: bytes) -> None:
        value = None
        try:
            value = decode(line, self._limits)
            self._dispatch(value, len(line))
        except PeerFault as fault:
            self._write(encode_error(readable_id(value), fault.code, str(fault), fault.data))

    def _dispatch(self, value: Any, size: int) -> None:
        message = read(value)
        if type(message) is Request and _is_modern(message):
            self._start(message, size)
        elif type(message) is Notification and message.params.get("requestId") in self._modern:
            if message.method == "notifications/cancelled":
                self._modern[message.params["requestId"]].cancel()
        elif self._channel.session is not None:
            self._channel.take(message, self._limits, size)
        elif type(message) is Request and message.method == "initialize":
            session, body = self._calls.initialize(message, self._endpoint, self._who)
            self._channel.attach(session)
            self._write(body)
        elif type(message) is Request:
            if message.method != "ping":
                text = "Send initialize first, or requests of revision 2026-07-28 with their _meta."
                raise PeerFault(INVALID_REQUEST, text, data={"reason": "not_initialized"})
            self._write(encode_result(message.id, {}))

    # ---- modern ------------------------------------------------------------------------------------------------

    def _start(self, request: Request, size: int) -> None:
        meta = request.params.get("_meta")
        modern = read_meta(request, meta if type(meta) is dict else {})
        if modern.method not in MODERN_METHODS:
            raise unknown_method(modern.method)
        if modern.id in self._modern:
            raise PeerFault(INVALID_REQUEST, "A request with this id is in flight.", data={"reason": "id"})
        work = self._listen(modern) if modern.method == "subscriptions/listen" else self._serve(modern, size)
        task = self._modern[modern.id] = self._owned.start(work, "call")
        task.add_done_callback(lambda _: self._modern.pop(modern.id, None))

    async def _serve(self, modern: ModernRequest, size: int) -> None:
        endpoint = self._calls.relay.endpoint(self._endpoint)
        if endpoint is None:
            self._write(encode_error(modern.id, INVALID_REQUEST, "This endpoint is no longer configured."))
            return
        limits = self._limits
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
            answer = await self._calls.relay.handle(call)
        except asyncio.CancelledError:
            return  # cancelled by the client: by rule it gets no answer
        self._write(answer.body)

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._write(encode_notification(method, params))

    def parted(self) -> None:
        """Nothing follows from it here."""

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        if method == "elicitation/create":
            return Result({"action": "cancel"})
        return Failure(-1, "User rejected the request: this client can only be asked between requests.")

    async def _listen(self, modern: ModernRequest) -> None:
        relay = self._calls.relay
        endpoint = relay.endpoint(self._endpoint)
        assert endpoint is not None, "the endpoint of a stdio face was checked at the start"
        try:
            kinds, uris = honoured(modern.params, endpoint)
        except PeerFault as fault:
            self._write(encode_error(modern.id, fault.code, str(fault), fault.data))
            return

        def deliver(method: str, params: dict[str, Any]) -> None:
            self._write(encode_notification(method, tagged(params, modern.id)))

        deliver("notifications/subscriptions/acknowledged", {"notifications": filter_of(kinds, uris)})
        listener = Listener(endpoint.name, kinds, uris, deliver)
        self._calls.bus.add(listener)
        held = await hold(relay.fleet, endpoint, uris)
        try:
            await self._calls.bus.until_closing(self._loop.create_future())
            members = modern_result("subscriptions/listen", {"_meta": {META_SUBSCRIPTION_ID: modern.id}}, SERVER_INFO)
            self._write(encode_result(modern.id, members))
        finally:
            self._calls.bus.remove(listener)
            await release(relay.fleet, held)


async def lines_of(fd: int, line_bytes_max: int, take: Callable[[bytes], None], too_long: Callable[[], None]) -> None:
    """Read lines until the end of input. Longer ones are skipped and reported."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=line_bytes_max)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(fd), "rb", buffering=0)
    )
    try:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                too_long()
                continue
            if not line:
                return
            if line.strip():
                take(line.strip())
    finally:
        transport.close()


def _is_modern(request: Request) -> bool:
    meta = request.params.get("_meta")
    return type(meta) is dict and META_VERSION in meta
