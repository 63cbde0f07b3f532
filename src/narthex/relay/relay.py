"""One call through the hall. `handle` is the function to read first.

Knows: the order of the steps, and where waiting happens. Refuses to decide (that is `policy`), to translate (that is
`wire`), to name (that is `catalog`).
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any, NamedTuple

import msgspec

from narthex.catalog.rewrite import rewrite_result
from narthex.limits import answer_depth_max, first_list_seconds_max
from narthex.model.call import Call, Permit
from narthex.model.endpoint import Endpoint
from narthex.model.outcome import Denial, Failure, Outcome, Result, UpstreamFault, failure_of
from narthex.model.scope import NONE
from narthex.policy import chain
from narthex.relay import lists, state, urls
from narthex.relay.fleet import Fleet
from narthex.relay.newcomers import possible_owners
from narthex.relay.resolve import resolve
from narthex.relay.sight import sight
from narthex.relay.slot import Slot
from narthex.telemetry.event import CallEvent, How
from narthex.upstream.link.ask import Ask
from narthex.upstream.server import Server
from narthex.wire.envelope import encode_error, encode_result
from narthex.wire.faults import (
    FORBIDDEN,
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    LEGACY_URL_ELICITATION_REQUIRED,
    MISSING_CLIENT_CAPABILITY,
    PeerFault,
)
from narthex.wire.revisions import INPUT_REQUIRED, LEGACY_NEWEST, LISTS, OWN_META
from narthex.wire.seal import Sealer
from narthex.wire.strict import flaw
from narthex.wire.translate import (
    is_complete,
    legacy_error,
    legacy_result,
    meta_upstream,
    modern_error,
    modern_result,
    opened,
    shared_capabilities,
    undeclared,
)

Record = Callable[[CallEvent], None]


class Answer(NamedTuple):
    """An encoded JSON-RPC response, and the HTTP status a modern client gets with it."""

    body: bytes
    status: int
    scopes: frozenset[str] = NONE  # with 403: what the challenge asks for, all that the operation needs


_NOTHING: dict[str, Any] = {}


class Relay:
    """The data plane. One per gateway; holds no state of calls."""

    def __init__(self, slot: Slot, fleet: Fleet, sealer: Sealer, record: Record) -> None:
        self.slot, self.fleet, self.sealer = slot, fleet, sealer
        self._record = record
        self._serial = 0
        self._loop = asyncio.get_running_loop()

    def endpoint(self, name: str) -> Endpoint | None:
        return self.slot.current.endpoints.get(name)

    async def handle(self, call: Call) -> Answer:
        """The answer to one request, in the shape of the client's era. Records one event, whatever happens."""
        call.started = perf_counter()
        return await self._handle(call, None)

    def finish(self, permit: Permit, begun: Ask, server: Server) -> Coroutine[Any, Any, Answer]:
        """The answer to a request that is out already (`express`), whatever it turns out to be. Records it too.

        `server` has it, and answers it even if it is no longer configured.
        """
        return self._handle(permit.call, (begun, server))

    async def _handle(self, call: Call, begun: tuple[Ask, Server] | None) -> Answer:
        outcome: Outcome | None = None
        try:
            outcome = await self._outcome(call, begun)
            answer = answer_of(call.id, outcome)
            call.bytes_out = len(answer.body)
            return answer
        finally:
            self.note(call, *_how(outcome))

    async def _outcome(self, call: Call, begun: tuple[Ask, Server] | None) -> Outcome:
        try:
            if call.method in LISTS:
                if self.slot.current.on_behalf and await self.fleet.learn(
                    call, call.endpoint.servers, first_list_seconds_max
                ):
                    call.endpoint = self.endpoint(call.endpoint.name) or call.endpoint
                call.endpoint = await self.settled(call.endpoint)
                if call.endpoint.judge is not None:
                    await asyncio.to_thread(sight(call.endpoint, call.principal).shown, call.method)
                return lists.listed(call, self.sealer, time.time())
            if call.method == "server/discover":
                return lists.discovered(call.endpoint, call.principal)
            if begun is None:
                permit = await self._decided(call)
                if isinstance(permit, Denial):
                    return self._denied(call, permit)
                outcome = await self._send(call, self.ask_of(permit))
            else:
                ask, server = begun
                outcome = await server.request(ask, call.sitting)
            if type(outcome) is Failure and outcome.code == HEADER_MISMATCH:
                outcome = await self._send_anew(call)
            return self._answered(call, outcome)
        except PeerFault as fault:
            call.reason = _reason(fault.data)
            return failure_of(fault)
        except UpstreamFault as fault:
            call.reason = fault.reason
            return fault.failure()

    # ---- the way there -----------------------------------------------------------------------------------------

    async def _decided(self, call: Call) -> Permit | Denial:
        """Where it leads, and whether it may go there. Raises `PeerFault`."""
        if self.fleet.untried(call.endpoint.servers):
            await self._known(call)
        resolve(call)
        if "requestState" in call.params and state.unwrap(call, self.sealer):
            return urls.refused(call) or chain.request(call)
        return chain.request(call)

    def refused(self, call: Call) -> Outcome | None:
        """The refusal of what the gateway does by itself, if the filters refuse it. Raises `PeerFault`."""
        resolve(call)
        permit = chain.request(call)
        return self._denied(call, permit) if isinstance(permit, Denial) else None

    def ask_of(self, permit: Permit) -> Ask:
        """What the server is asked. Only a permit gets here."""
        call = permit.call
        params = call.private
        meta = params.get("_meta")
        if meta is not None:
            params = {name: value for name, value in params.items() if name != "_meta"}
        return Ask(
            call.method,
            params,
            call.deadline,
            call.client,
            meta_upstream(meta) if type(meta) is dict else _NOTHING,
            # A question of a modern server can be carried only to a modern client (H2 comes later).
            shared_capabilities(call.capabilities) if call.modern else _NOTHING,
            call.progress_token,
            call.log_level,
            call.tool.mirrors if call.tool is not None else (),
            call.level_said,
            call.server if call.endpoint.prefixed else "",
            caller=call,
        )

    async def _send(self, call: Call, ask: Ask) -> Outcome:
        """Wait for the server."""
        server = self.fleet.servers.get(call.server)
        if server is None:
            raise UpstreamFault(call.server, "upstream_unavailable", "it is no longer configured")
        return await server.request(ask, call.sitting)

    async def _send_anew(self, call: Call) -> Outcome:
        """The server misses a header that we derive from its schemas: they changed. Look again, repeat once."""
        server = self.fleet.servers.get(call.server)
        if server is not None:
            await self.fleet.refresh(server)
        call.endpoint = self.endpoint(call.endpoint.name) or call.endpoint
        permit = await self._decided(call)
        if isinstance(permit, Denial):
            raise PeerFault(permit.code or INTERNAL_ERROR, permit.message, status=permit.status)
        return await self._send(call, self.ask_of(permit))

    async def settled(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint as it is after a first start. What is told of it then would be believed for long: an empty
        list, a subscription that nobody keeps. So that waits a moment."""
        untried = self.fleet.untried(endpoint.servers)
        if not untried:
            return endpoint
        await self.fleet.wait_first(untried, first_list_seconds_max)
        return self.endpoint(endpoint.name) or endpoint

    async def _known(self, call: Call) -> None:
        """A call may be for a server that is still starting for the first time: wait for its catalogue, not others'."""
        while untried := possible_owners(call, self.fleet.untried(call.endpoint.servers)):
            try:
                resolve(call)
                return
            except PeerFault:
                if self._loop.time() >= call.deadline.at:
                    raise
            await self.fleet.wait_next(untried, call.deadline.at)
            call.endpoint = self.endpoint(call.endpoint.name) or call.endpoint

    # ---- the way back ------------------------------------------------------------------------------------------

    def _answered(self, call: Call, outcome: Outcome) -> Outcome:
        if type(outcome) is Failure:
            call.reason = "upstream_error"
            return urls.asked_first(call, outcome, self.sealer) or _shaped(call, outcome)
        assert type(outcome) is Result
        members = outcome.members
        _check(call, members, self.slot.current.config.limits.result_bytes_max)
        if "resultType" in members and not is_complete(members):
            return self._incomplete(call, outcome)
        members = rewrite_result(call.endpoint, call.server, call.method, members)
        if call.modern:
            return Result(modern_result(call.method, members, call.endpoint.server_info, cache=_cache(call, members)))
        return Result(legacy_result(call.method, members, call.revision))

    def _incomplete(self, call: Call, outcome: Result) -> Outcome:
        """A server asks for input (MRTR). Only where the method allows it, and only of a client that can be asked."""
        kind = bytes(outcome.members["resultType"]) if type(outcome.members["resultType"]) is msgspec.Raw else b""
        if kind != b'"input_required"' or call.method not in INPUT_REQUIRED:
            text = "its answer is of a kind that this request does not allow"
            raise UpstreamFault(call.server, "upstream_result_type", text)
        if not call.modern:
            call.reason = "input_required"
            message = (
                f"'{call.exposed}' asks for input that a client of revision {call.revision} cannot be asked for here."
            )
            if call.method == "tools/call":
                return Result(legacy_result(call.method, tool_refusal(message, "input_required"), call.revision))
            return Failure(INTERNAL_ERROR, message, {"reason": "input_required"})
        missing = undeclared(outcome.members.get("inputRequests"), call.capabilities)
        if missing is not None:
            text = f"it asks for {missing}, which this client did not declare"
            raise UpstreamFault(call.server, "upstream_undeclared", text)
        state.wrap(call, outcome, self.sealer)
        return Result(modern_result(call.method, outcome.members, call.endpoint.server_info))

    def _denied(self, call: Call, denial: Denial) -> Outcome:
        call.reason = denial.reason
        data = {"reason": denial.reason, **denial.data}
        if denial.scopes and call.challenged and call.principal.can_step_up:
            return Failure(FORBIDDEN, denial.message, data, 403, scopes=denial.scopes)
        if denial.code is not None or call.method != "tools/call":
            return Failure(denial.code or INTERNAL_ERROR, denial.message, data, denial.status)
        members = tool_refusal(denial.message, denial.reason, denial.data)
        if call.modern:
            return Result(modern_result(call.method, members, call.endpoint.server_info))
        return Result(legacy_result(call.method, members, call.revision))

    # ---- the record --------------------------------------------------------------------------------------------

    def note(self, call: Call, how: How, code: int | None) -> None:
        """The one event of a call, at its end."""
        self._serial += 1
        self._record(
            CallEvent(
                at=time.time(),
                serial=self._serial,
                method=call.method,
                outcome=how,
                seconds=perf_counter() - call.started,
                endpoint=call.endpoint.name,
                tool=call.exposed,
                server=call.server,
                principal=call.principal.subject,
                revision=call.revision,
                reason=call.reason,
                code=code,
                bytes_in=call.bytes_in,
                bytes_out=call.bytes_out,
            )
        )


def answer_of(request_id: int | str, outcome: Outcome) -> Answer:
    """Encoded once; every face writes these bytes."""
    if type(outcome) is Result:
        return Answer(encode_result(request_id, outcome.members), 200)
    assert type(outcome) is Failure
    body = encode_error(request_id, outcome.code, outcome.message, outcome.data, has_data=outcome.has_data)
    return Answer(body, outcome.status, outcome.scopes)


def tool_refusal(message: str, reason: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """A refusal a model can read and mend: a tool result with `isError`."""
    return {
        "content": [{"type": "text", "text": message}],
        "isError": True,
        "_meta": {OWN_META + "refusal": {"reason": reason, **(data or {})}},
    }


def _check(call: Call, members: dict[str, Any], bytes_max: int) -> None:
    """What a server said goes to the client as it came, but for what no client should have to read."""
    left = bytes_max
    for value in members.values():
        if type(value) is not msgspec.Raw:
            continue
        text = bytes(value)
        left -= len(text)
        found = flaw(text, answer_depth_max) if left >= 0 else None
        if found is not None:
            raise UpstreamFault(call.server, "upstream_malformed", f"its answer {found}", sent=True)
    if left < 0:
        raise UpstreamFault(call.server, "upstream_too_large", f"its answer is over {bytes_max} bytes", sent=True)


def _shaped(call: Call, failure: Failure) -> Failure:
    """A server's error as a client of this era may see it."""
    if failure.code == LEGACY_URL_ELICITATION_REQUIRED and _opens_urls(call):
        return failure
    uri = call.exposed if call.method == "resources/read" and call.exposed else None
    shape = modern_error if call.modern else legacy_error
    code, message, data = shape(call.method, failure.code, failure.message, failure.data, uri)
    status = 400 if call.modern and code == MISSING_CLIENT_CAPABILITY else failure.status
    return Failure(code, message, data, status, failure.has_data and data == failure.data)


def _opens_urls(call: Call) -> bool:
    """A client of the one revision that knows the error -32042, and said that it can act on it (R15)."""
    return call.revision == LEGACY_NEWEST and "url" in call.capabilities.get("elicitation", _NOTHING)


def _cache(call: Call, members: dict[str, Any]) -> tuple[int, str] | None:
    """Hints of a resources/read: the server's own time, at most ours; a shared cache may not keep it (H4)."""
    if call.method != "resources/read" or "inputResponses" in call.params or "requestState" in call.params:
        return None
    found = opened(members.get("ttlMs"))
    return (min(found, call.endpoint.ttl_ms) if type(found) is int and found > 0 else 0), "private"


def _reason(data: Any) -> str | None:
    return data.get("reason") if type(data) is dict else None


def _how(outcome: Outcome | None) -> tuple[How, int | None]:
    if outcome is None:
        return "cancelled", None
    if type(outcome) is Failure:
        return "error", outcome.code
    members = outcome.members  # type: ignore[union-attr]
    failed = members.get("isError")
    if failed is True or (type(failed) is msgspec.Raw and bytes(failed) == b"true"):
        return "tool_error", None
    return ("ok" if is_complete(members) else "input_required"), None
