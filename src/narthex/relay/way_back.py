"""The way back of a call: from what a server answered to what the client is told, in the shape of its era.

Knows: which answers are refused, and the order in which one is looked through. Refuses to decide (that is `policy`)
and to ask a server.
"""

import asyncio
from typing import Any

import msgspec

from narthex.catalog.rewrite import rewrite_result
from narthex.limits import answer_depth_max, poison_thread_bytes_min, redaction_thread_bytes_min
from narthex.model.call import Call
from narthex.model.outcome import Denial, Failure, Outcome, Result, UpstreamFault
from narthex.policy import cached, chain, poisoned, redact, result
from narthex.policy.cost import rows_of
from narthex.policy.redaction.redactor import names_in_results
from narthex.policy.validation.checked import Checked
from narthex.relay import state, urls
from narthex.relay.facts import Facts
from narthex.relay.slot import Slot
from narthex.wire.faults import (
    FORBIDDEN,
    INTERNAL_ERROR,
    LEGACY_URL_ELICITATION_REQUIRED,
    MISSING_CLIENT_CAPABILITY,
)
from narthex.wire.revisions import INPUT_REQUIRED, LEGACY_NEWEST, OWN_META
from narthex.wire.seal import Sealer
from narthex.wire.strict import flaw
from narthex.wire.translate import (
    is_complete,
    legacy_error,
    legacy_result,
    modern_error,
    modern_result,
    opened,
    undeclared,
)

_NOTHING: dict[str, Any] = {}


class WayBack:
    """One per gateway; holds nothing of calls."""

    def __init__(self, slot: Slot, sealer: Sealer, facts: Facts) -> None:
        self._slot, self._sealer, self._strongroom = slot, sealer, facts.strongroom
        self._checking, self._offloads, self._naming = facts.checking, facts.offloads, facts.naming

    async def looked_through(self, call: Call, outcome: Outcome) -> Outcome:
        """What is made of a server's answer; where it is large and looked through, beside the event loop.

        Raises `UpstreamFault`.
        """
        rule = call.settled.rules.result
        if rule is not None and type(outcome) is Result and _size(outcome) > rule.most // 2:  # it may still grow
            call.slip = self._offloads.slip(call)
            if "structuredContent" in outcome.members:
                call.promised = await self._checking.promise(call)
        answered = await self._looked_through(call, outcome)
        if call.shortened:
            self._offloads.keep(call)
        return answered

    async def _looked_through(self, call: Call, outcome: Outcome) -> Outcome:
        if not redact.looks(call):
            looked = (
                type(call.output_schema) is Checked or call.settled.rules.result is not None or poisoned.looks(call)
            )
            beside = looked and _size(outcome) >= _beside_from(call)
            return await asyncio.to_thread(self._answered, call, outcome) if beside else self._answered(call, outcome)
        call.pseudonyms, beside = self._strongroom.pseudonyms, _size(outcome) >= _beside_from(call)
        if names_in_results(call.settled):
            await self._naming.heard(call, outcome, beside=beside)
        answered = await asyncio.to_thread(self._answered, call, outcome) if beside else self._answered(call, outcome)
        await self._strongroom.keep(call)
        return answered

    async def fault(self, call: Call, failed: Failure) -> Failure:
        """What is said of a call that a server did not answer, as it may be shown."""
        if call.settled.rules.redaction is not None and names_in_results(call.settled):
            await self._naming.heard(call, failed)
        return redact.failure(call, failed)

    def _answered(self, call: Call, outcome: Outcome) -> Outcome:
        if type(outcome) is Failure:
            if (denial := poisoned.failure(call, outcome)) is not None:
                return self.denied(call, denial)
            outcome = result.failure(call, redact.failure(call, outcome))
            call.reason = "upstream_error"
            return urls.asked_first(call, outcome, self._sealer) or _shaped(call, outcome)
        assert type(outcome) is Result
        members = outcome.members
        _check(call, members, self._slot.current.config.limits.result_bytes_max)
        if "resultType" in members and not is_complete(members):
            return self._incomplete(call, outcome)
        if call.settled.tariff.row:
            call.rows = rows_of(opened(members.get("structuredContent")), opened(members.get("content")))
        judged = chain.response(call, members)
        if isinstance(judged, Denial):
            return self.denied(call, judged)
        members = rewrite_result(call.endpoint, call.server, call.method, judged)
        if call.cached:
            members = cached.marked(call, members)
        sized = result.response(call, members)  # after all that changes anything: its own links are public ones
        if isinstance(sized, Denial):
            return self.denied(call, sized)
        members = sized
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
        shown = redact.response(call, outcome.members)
        if isinstance(shown, Denial):
            return self.denied(call, shown)
        outcome = Result(shown)
        state.wrap(call, outcome, self._sealer)
        return Result(modern_result(call.method, outcome.members, call.endpoint.server_info))

    def denied(self, call: Call, denial: Denial) -> Outcome:
        denial = redact.denied(call, denial)
        call.reason, call.denied_by = denial.reason, denial.filter
        data = {"reason": denial.reason, **denial.data}
        if denial.scopes and call.challenged and call.principal.can_step_up:
            return Failure(FORBIDDEN, denial.message, data, 403, scopes=denial.scopes)
        if denial.code is not None or call.method != "tools/call":
            return Failure(denial.code or INTERNAL_ERROR, denial.message, data, denial.status)
        members = tool_refusal(denial.message, denial.reason, denial.data)
        if call.modern:
            return Result(modern_result(call.method, members, call.endpoint.server_info))
        return Result(legacy_result(call.method, members, call.revision))


def tool_refusal(message: str, reason: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """A refusal a model can read and mend: a tool result with `isError`."""
    return {
        "content": [{"type": "text", "text": message}],
        "isError": True,
        "_meta": {OWN_META + "refusal": {"reason": reason, **(data or {})}},
    }


def _beside_from(call: Call) -> int:
    """The size from which on an answer is looked through beside the event loop."""
    return poison_thread_bytes_min if poisoned.looks(call) else redaction_thread_bytes_min


def _size(outcome: Outcome) -> int:
    """Bytes of an answer, as far as it is long."""
    if type(outcome) is Failure:
        return len(outcome.message)
    assert type(outcome) is Result
    return sum(len(value) for value in outcome.members.values() if type(value) is msgspec.Raw)


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
