"""A call that needs a human's yes: who is asked, how, and what the call does meanwhile.

Knows: how each kind of client is asked, how long a call waits, and that a yes is used up before the call is sent.
Refuses to decide what a yes is bound to and what counts as one (`policy/approval`), and to take one from anybody but
the client's own answer to our question, or whoever decides for the operator.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from narthex.catalog.diff import visible
from narthex.limits import (
    approval_arguments_bytes_max,
    approval_question_seconds_max,
    request_state_seconds_max,
)
from narthex.model.approvals import Consent, Request
from narthex.model.call import Call, Permit
from narthex.model.outcome import Denial, Failure, Outcome, Result
from narthex.model.rules.approval import Approval
from narthex.policy import approval, chain, redact
from narthex.policy.redaction.redactor import kinds_by_model
from narthex.relay import state
from narthex.relay.naming import Naming
from narthex.relay.pending import Pending
from narthex.store.approvals import ApprovalFault
from narthex.store.folder import StateFault
from narthex.wire.revisions import FORMS_SINCE, LEGACY_NEWEST
from narthex.wire.seal import Sealer
from narthex.wire.strict import encode
from narthex.wire.translate import modern_result

_QUESTION = "gw.approval"
_HANDLE_BYTES = 6


class Approving:
    """One for the gateway; holds nothing of calls."""

    def __init__(self, pending: Pending, sealer: Sealer, naming: Naming) -> None:
        self.pending, self._sealer, self._naming = pending, sealer, naming

    async def decided(self, call: Call) -> Permit | Denial | Result:
        """The word of the chain; where a human's is missing, after somebody was asked. A result: it is the question."""
        before = call.private
        decided = chain.request(call)
        rule = call.settled.approval
        if rule is None or call.tool is None:
            return decided
        try:
            if isinstance(decided, Denial) and decided.reason == approval.REQUIRED:
                answer = await self._asked(call, rule)
                if answer is not None:
                    return answer
                call.private, call.warned = before, ()
                decided = chain.request(call)
            if isinstance(decided, Permit) and not await self._used(call):
                return _used_up(call)
        except StateFault:
            return _unavailable(call)
        return decided

    async def refused(self, call: Call) -> Denial | None:
        """The client's answer came with the call, and was anything but a yes. The question is not answered twice."""
        given = call.params.get("inputResponses")
        denial = approval.refused(call, given.get(_QUESTION) if type(given) is dict else None)
        if denial is not None and call.consent is not None:
            try:
                await self.pending.use(call.consent)
            except StateFault:
                return _unavailable(call)
        return denial

    async def _used(self, call: Call) -> bool:
        """Whether this call is the one that uses the yes. One that is sent anew has used it already."""
        consent = call.consent
        assert consent is not None
        if not consent.spent and await self.pending.use(consent):
            consent.spent = True
            note = f"{call.exposed} of {call.principal.subject}, approved by {consent.by}"
            self.pending.act("approval.used", consent.handle or call.exposed, note)
        return consent.spent

    async def _asked(self, call: Call, rule: Approval) -> Denial | Result | None:
        """None: the call has a yes now. Raises `StateFault`."""
        try:
            digest = approval.bound(call)
            arguments = await self._shown(call, whole=rule.show == "exact")
        except ValueError:
            what = "was not called: nobody can be asked about these arguments, because they cannot be shown."
            return approval.denial(call, "approval_unreadable", what)
        shown = _written(arguments)
        if len(shown.encode("utf-8", "replace")) > approval_arguments_bytes_max:
            what = (
                f"was not called: its arguments are over {approval_arguments_bytes_max} bytes, which is more than "
                f"anybody can approve of. Send less at one time."
            )
            return approval.denial(call, "approval_too_long", what, limit_bytes=approval_arguments_bytes_max)
        if rule.by == "caller" and _shows_forms(call):
            if call.modern:
                return self._between_requests(call, rule, digest, shown)
            answer = await self._in_the_request(call, rule, digest, shown)
            if answer is not _NOT_ASKED:
                return answer
        return await self._by_somebody_else(call, rule, digest, encode(arguments))

    async def _shown(self, call: Call, *, whole: bool) -> Any:
        """The arguments as whoever approves of them reads them. Raises `ValueError`."""
        given = call.private.get("arguments", {})
        if not whole and kinds_by_model(call.settled):
            await self._naming.look(call, lambda probe: redact.shown(probe, given, whole=False))
        return redact.shown(call, given, whole=whole)

    # ---- a modern client: the question is the answer, and the call comes back

    def _between_requests(self, call: Call, rule: Approval, digest: bytes, shown: str) -> Denial | Result:
        expires = time.time() + min(rule.expires_seconds, request_state_seconds_max)
        try:
            sealed = state.for_approval(call, self._sealer, digest, expires)
        except ValueError:
            what = "was not called: what it brings from before is too long to ask for approval with."
            return approval.denial(call, "approval_too_long", what)
        question = {"method": "elicitation/create", "params": _question(call, rule, shown)}
        members = {
            "resultType": "input_required",
            "inputRequests": {_QUESTION: question},
            "requestState": sealed,
        }
        return Result(modern_result(call.method, members, call.endpoint.server_info))

    # ---- an older client with a session: asked within its request, which waits

    async def _in_the_request(self, call: Call, rule: Approval, digest: bytes, shown: str) -> Denial | None:
        loop = asyncio.get_running_loop()
        seconds = min(rule.expires_seconds, approval_question_seconds_max, call.deadline.latest - loop.time())
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                answer: Outcome = await call.client.ask("elicitation/create", _question(call, rule, shown))
        except TimeoutError:
            what = "was not called: nobody answered the question for approval in time."
            return approval.denial(call, "approval_unanswered", what)
        finally:
            call.deadline.extend(loop.time())  # it was not the server who was silent
        if isinstance(answer, Failure):
            return _NOT_ASKED
        denial = approval.refused(call, answer.members)
        if denial is None:
            call.consent = Consent(digest, time.time() + rule.expires_seconds)
        return denial

    # ---- a second person, or a client that cannot be asked

    async def _by_somebody_else(self, call: Call, rule: Approval, digest: bytes, arguments: bytes) -> Denial | None:
        try:
            found = await self.pending.open(_request(call, rule, digest, arguments))
        except ApprovalFault as fault:
            what = f"was not called: it needs an approval, and {fault}. Wait until some of them are decided."
            return approval.denial(call, "approvals_too_many", what)
        if found.state == "pending":
            loop = asyncio.get_running_loop()
            wait = min(rule.wait_seconds, found.expires - time.time(), call.deadline.latest - loop.time())
            found = await self.pending.decision(found, wait)
            call.deadline.extend(loop.time())
        if found.state == "approved":
            call.consent = Consent(digest, found.expires, found.handle, found.handle, by=found.decided_by)
            return None
        if found.state == "used":
            return _used_up(call)  # by the same call, made a second time meanwhile
        return _rejected(call, found) if found.state == "rejected" else _waits(call, found)


# The one answer that is no answer: a client that said it can be asked, and cannot be asked here.
_NOT_ASKED = Denial("approval", "approval_not_asked", "")


def _request(call: Call, rule: Approval, digest: bytes, arguments: bytes) -> Request:
    now = time.time()
    return Request(
        handle=secrets.token_hex(_HANDLE_BYTES),
        digest=digest,
        holder=blake2b(call.principal.key.encode("utf-8", "surrogatepass"), digest_size=16).digest(),
        state="pending",
        subject=call.principal.subject,
        tenant=call.principal.tenant,
        endpoint=call.endpoint.name,
        server=call.server,
        tool=call.exposed,
        arguments=arguments,
        reason=rule.reason or "",
        by=rule.by,
        created=now,
        expires=now + rule.expires_seconds,
        valid_seconds=rule.expires_seconds,
    )


def _question(call: Call, rule: Approval, shown: str) -> dict[str, Any]:
    why = f" {rule.reason}" if rule.reason else ""
    message = f"May '{visible(call.exposed)}' be called with exactly these arguments?{why}\n\n{shown}"
    mode = {"mode": "form"} if call.modern or call.revision == LEGACY_NEWEST else {}  # before, there was no other
    return {**mode, "message": message, "requestedSchema": approval.SCHEMA}


def _written(arguments: Any) -> str:
    """For people: every sign is seen, and no text can pass for a line of ours."""
    return "\n".join(visible(line) for line in json.dumps(arguments, indent=2, ensure_ascii=False).split("\n"))


def _shows_forms(call: Call) -> bool:
    """A client that said its user can be asked, in a revision that knows how. One that opens addresses alone cannot."""
    said: Any = call.capabilities.get("elicitation")
    if not isinstance(said, Mapping) or not (call.modern or call.revision >= FORMS_SINCE):
        return False
    return "form" in said or "url" not in said


def _waits(call: Call, request: Request) -> Denial:
    left = max(1, round(request.expires - time.time()))
    what = (
        f"was not called yet: it needs the approval of an operator for exactly these arguments. Request "
        f"{request.handle} is pending, for {left} seconds more. Once it is approved, call again with the same "
        f"arguments."
    )
    return approval.denial(
        call, "approval_pending", what, handle=request.handle, expires_at=round(request.expires), by=request.by
    )


def _rejected(call: Call, request: Request) -> Denial:
    what = f"was not called: an operator rejected it (request {request.handle}). Do not try it again unasked."
    return approval.denial(call, "approval_rejected", what, handle=request.handle)


def _used_up(call: Call) -> Denial:
    consent = call.consent
    if consent is not None and time.time() >= consent.expires:
        what = "was not called: its approval has expired. Call again to be asked anew."
        return approval.denial(call, "approval_expired", what)
    what = "was not called: its approval was used already, and is good for one call. Call again to be asked anew."
    return approval.denial(call, "approval_used", what)


def _unavailable(call: Call) -> Denial:
    what = "was not called: it needs an approval, and approvals cannot be looked up at the moment. Try again later."
    return approval.denial(call, "approvals_unavailable", what)
