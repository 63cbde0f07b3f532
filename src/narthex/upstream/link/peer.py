"""JSON-RPC over one channel of messages: many requests at once, told apart by id (stdio and HTTP+SSE).

Knows: ids, progress tokens, questions of the server, cancellation. Refuses to know: how bytes travel.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import msgspec

from narthex.limits import answer_depth_max, questions_open_max
from narthex.model.client import Client
from narthex.model.outcome import Outcome, UpstreamFault
from narthex.upstream.link.ask import NOBODY, Ask, Notice, legacy_params, marked, modern_params, response_of
from narthex.upstream.link.questions import Question, Questions, declined, encode_answer
from narthex.wire.envelope import (
    ABSENT,
    Incoming,
    RequestId,
    encode_error,
    encode_notification,
    encode_request,
    encode_result,
    read_incoming,
)
from narthex.wire.faults import INTERNAL_ERROR, METHOD_NOT_FOUND
from narthex.wire.revisions import QUESTIONS
from narthex.wire.strict import flaw

Send = Callable[[bytes], None]

# Of a message that was cut out in the middle. Writers put the id first or last, and "jsonrpc" beside it.
_ID_FIRST = re.compile(rb'^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"id"\s*:\s*(\d{1,15})\s*,')
_ID_LAST = re.compile(
    rb',(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$'
)
_METHOD = re.compile(rb'^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"method"\s*:')
STANDING = "subscriptions/listen"
# What a server says to one client, outside of any call.
LOG = "notifications/message"
OF_ONE_CLIENT = (LOG, "notifications/elicitation/complete")


class Waiting:
    """One request on its way: the ask, and the future of whoever waits for it."""

    __slots__ = ("ask", "future", "taken_back")

    def __init__(self, ask: Ask, future: "asyncio.Future[Outcome]") -> None:
        self.ask = ask
        self.future = future
        self.taken_back = False  # the server was told that nobody waits any more


class Peer:
    """One side of a JSON-RPC conversation. `feed` is called per message; nothing here waits for the channel."""

    def __init__(
        self,
        server: str,
        send: Send,
        *,
        modern: bool,
        notice: Notice,
        garbage: Callable[[str], None],
        owner: Client | None = None,
    ) -> None:
        self.server = server
        self.owner = owner  # the one legacy session this conversation belongs to, if it belongs to one
        self.modern = modern
        self._send = send
        self._notice = notice
        self._garbage = garbage
        self._loop = asyncio.get_running_loop()
        self._next_id = 0
        self._waiting: dict[RequestId, Waiting] = {}
        self.inflight = 0  # of those, the ones that somebody waits for: all but subscriptions, which stand open
        self._questions = Questions()
        self._lost: UpstreamFault | None = None
        self._speaker = ""  # of the owner's last request: it always comes from the same endpoint

    @property
    def asking(self) -> bool:
        """A question of the server is open."""
        return bool(self._questions)

    async def request(self, ask: Ask) -> Outcome:
        """Send one request and wait for its outcome; cancelling the wait sends `notifications/cancelled`."""
        if self._lost is not None:
            raise self._lost
        self._next_id += 1
        if ask.client is not NOBODY:
            self._speaker = ask.speaker
        request_id = self._next_id
        params = modern_params(ask, request_id) if self.modern else legacy_params(ask, request_id)
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._waiting[request_id] = Waiting(ask, future)
        passing = ask.method != STANDING
        self.inflight += passing
        try:
            self._send(encode_request(request_id, ask.method, params))
            return await future
        except asyncio.CancelledError:
            self.cancel(request_id, "the client gave up")
            raise
        finally:
            self._waiting.pop(request_id, None)
            self.inflight -= passing
            if self._questions:
                await self._questions.end(ask, self.inflight, self._say)
            ask.settle()

    def cancel(self, request_id: RequestId, reason: str) -> None:
        """Said once. `initialize` may not be cancelled (basic/lifecycle); everything else may."""
        waiting = self._waiting.get(request_id)
        if self._lost is not None or waiting is None or waiting.taken_back or waiting.ask.method == "initialize":
            return
        waiting.taken_back = True
        self._say(encode_notification("notifications/cancelled", {"requestId": request_id, "reason": reason}))

    def take_back(self, reason: str) -> None:
        """Cancel whatever has no answer yet."""
        for request_id, waiting in self._waiting.items():
            if not waiting.future.done() or waiting.future.cancelled():
                self.cancel(request_id, reason)

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        self._send(encode_notification(method, params))

    def _say(self, message: bytes) -> None:
        """What nobody waits for: a server that does not read it, or has just ended, misses it."""
        try:
            self._send(message)
        except UpstreamFault:
            return

    def sweep(self, now: float) -> None:
        """Give up what is past its deadline."""
        for request_id, waiting in list(self._waiting.items()):
            if waiting.ask.deadline.at <= now and not waiting.future.done():
                self.cancel(request_id, "timeout")
                fault = UpstreamFault(self.server, "upstream_timeout", "it did not answer in time", sent=True)
                waiting.future.set_exception(fault)

    def lose(self, fault: UpstreamFault) -> None:
        """The channel is gone: everything that waits ends now."""
        if self._lost is not None:
            return
        self._lost = fault
        for waiting in self._waiting.values():
            if not waiting.future.done():
                waiting.future.set_exception(fault)
        self._questions.cancel()

    async def aclose(self) -> None:
        self.take_back("the conversation ends")
        self.lose(UpstreamFault(self.server, "upstream_closed", "the connection to it was closed", sent=True))
        if self._questions:
            await asyncio.gather(*(one.task for one in self._questions.values()), return_exceptions=True)

    # ---- from the server -------------------------------------------------------------------------------------

    def feed(self, message: bytes) -> None:
        """One message of the server."""
        try:
            incoming = read_incoming(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._feed_oddity(message)
            return
        if incoming.method is not None:
            self._hear(incoming)
        elif incoming.id is not None:
            self._settle(incoming)
        elif incoming.error is not ABSENT:
            self._garbage("an error without id")

    def oversize(self, sample: bytes, size: int) -> None:
        """A message was too long to be taken. If it was an answer, whoever waits for it shall not wait in vain."""
        if _METHOD.search(sample):
            return
        found = _ID_FIRST.search(sample) or _ID_LAST.search(sample)
        asked = [int(found[1])] if found else [key for key, one in self._waiting.items() if one.ask.method != STANDING]
        waiting = self._waiting.get(asked[0]) if len(asked) == 1 else None
        if waiting is not None and not waiting.future.done():
            text = f"its answer has {size} bytes, which is over the limit"
            waiting.future.set_exception(UpstreamFault(self.server, "upstream_too_large", text, sent=True))

    def _feed_oddity(self, message: bytes) -> None:
        # Revision 2025-03-26 lets a server send batches.
        try:
            batch = msgspec.json.decode(message, type=list[msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._garbage("a message that is not JSON-RPC")
            return
        for item in batch[:1_000]:
            if not bytes(item).lstrip().startswith(b"["):
                self.feed(item)

    def _settle(self, incoming: Incoming) -> None:
        waiting = self._waiting.get(incoming.id)  # type: ignore[arg-type]
        if waiting is None or waiting.future.done():
            return  # late, answered twice, or an id we never used: nobody waits for it
        try:
            waiting.future.set_result(response_of(incoming))
        except (msgspec.DecodeError, UnicodeDecodeError):
            fault = UpstreamFault(self.server, "upstream_malformed", "its answer is not a JSON-RPC response", sent=True)
            waiting.future.set_exception(fault)

    def _hear(self, incoming: Incoming) -> None:
        method, params = incoming.method or "", params_of(incoming)
        if incoming.id is not None:
            self._question(incoming.id, method, params)  # type: ignore[arg-type]
        elif method == "notifications/progress":
            waiting = self._waiting.get(id_in(params, "progressToken"))
            if waiting is not None:
                waiting.ask.hear(method, params, self._loop.time())
        elif method == "notifications/cancelled" and self._questions.taken_back(id_in(params, "requestId")):
            return
        elif method == LOG and (only := self._only_call()):
            # With one call in flight there is no doubt whose line this is; with several it goes to the operator.
            only.hear(method, params, self._loop.time())
        elif method in OF_ONE_CLIENT and self.owner is not None:
            self.owner.notify(method, marked(params, self._speaker) if method == LOG else params)
        else:
            self._notice(method, params)

    def _question(self, question_id: RequestId, method: str, params: dict[str, Any]) -> None:
        if method == "ping":
            self._say(encode_result(question_id, {}))
        elif method not in QUESTIONS:
            self._say(encode_error(question_id, METHOD_NOT_FOUND, f"Method {method!r} is not known here."))
        elif len(self._questions) >= questions_open_max or question_id in self._questions:
            self._say(encode_error(question_id, INTERNAL_ERROR, "Too many questions are open."))
        else:
            only = self._only_call()
            work = self._answer(only, question_id, method, params)
            task = self._loop.create_task(work, name=f"{self.server}.question")
            self._questions.keep(question_id, Question(method, only, in_call=self.inflight > 0, task=task))

    async def _answer(self, only: Ask | None, question_id: RequestId, method: str, params: dict[str, Any]) -> None:
        outcome = await self.asked(only, method, params)
        if self._lost is None:
            self._say(encode_answer(question_id, outcome))

    async def asked(self, only: Ask | None, method: str, params: dict[str, Any]) -> Outcome:
        """Who answers a question: the one call in flight, else the session that owns us, else nobody can (H3)."""
        if only is not None:
            only.deadline.at = only.deadline.latest  # a human may be slow; the absolute limit holds
            return await only.client.ask(method, params)
        return await self.owner.ask(method, params) if self.owner else declined(method)

    def _only_call(self) -> Ask | None:
        if self.inflight != 1:
            return None
        return next((one.ask for one in self._waiting.values() if one.ask.method != STANDING), None)


def is_about(method: str, params: dict[str, Any], request_id: RequestId) -> bool:
    """Whether a notification on the stream of a request belongs to it: progress names its token, which is our id."""
    return method != "notifications/progress" or id_in(params, "progressToken") == request_id


def id_in(params: dict[str, Any], name: str) -> RequestId:
    """A request's id or token that a message names; one that cannot be one is as good as an unknown one."""
    found = params.get(name)
    return found if type(found) in (int, str) else ""  # type: ignore[return-value]


def params_of(incoming: Incoming) -> dict[str, Any]:
    if incoming.params is ABSENT or flaw(bytes(incoming.params), answer_depth_max) is not None:
        return {}
    try:
        found = msgspec.json.decode(incoming.params)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if type(found) is dict else {}
