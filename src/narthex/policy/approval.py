"""A human's yes to exactly this call: same caller, place, tool, arguments to the last sign, rule and definition.

Knows: what a yes is bound to, and what counts as one. Refuses to ask anybody, and to take an argument for consent: the
yes is in the call already (`relay/approving` gets it, and uses it up before the call is sent).
"""

from hashlib import sha256
from typing import Any

from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.model.rules.approval import Approval
from narthex.wire.canonical_json import canonical, fingerprint

_NAME = "approval"
REQUIRED = "approval_required"
# `_meta` is the protocol's; the other two are how a client brings an answer, and none of the three is shown to anybody.
_NOT_SHOWN = frozenset({"_meta", "inputResponses", "requestState"})
FIELD = "approve"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {FIELD: {"type": "boolean", "title": "Approve this call", "default": False}},
    "required": [FIELD],
}


def request(call: Call) -> Denial | None:
    rule = call.settled.approval
    if rule is None or call.tool is None:
        return None
    consent = call.consent
    if consent is None:
        return _required(call, rule)
    try:
        fits = consent.digest == bound(call)
    except ValueError:
        fits = False
    return None if fits else _void(call)


def bound(call: Call) -> bytes:
    """What a yes is bound to. Raises `ValueError` for arguments that no JSON can hold."""
    assert call.tool is not None
    sent = {name: value for name, value in call.private.items() if name not in _NOT_SHOWN}
    place = [call.principal.key, call.endpoint.name, call.server, call.tool.private]
    return sha256(canonical([*place, sent, version(call)])).digest()


def version(call: Call) -> list[str]:
    """The rule, and the definition of the tool: whoever said yes, said it to these."""
    rule = call.settled.approval
    assert call.tool is not None
    assert rule is not None
    said = {name: getattr(rule, name) for name in rule.__struct_fields__}
    return [fingerprint(said), fingerprint(call.tool.definition)]


def refused(call: Call, answer: Any) -> Denial | None:
    """What a client's answer to the question means, if it is anything but a yes. Only the one form counts as a yes."""
    action = answer.get("action") if type(answer) is dict else None
    content = answer.get("content") if action == "accept" else None
    if type(content) is dict and content == {FIELD: True} and content[FIELD] is True:
        return None
    if action == "decline" or (type(content) is dict and content == {FIELD: False} and content[FIELD] is False):
        return denial(call, "approval_declined", "was not called: its user declined it. Do not try it again unasked.")
    if action == "cancel":
        return denial(call, "approval_cancelled", "was not called: its user closed the question without an answer.")
    return denial(call, "approval_unreadable", "was not called: the answer to the question for approval has no form.")


def denial(call: Call, reason: str, what: str, **data: Any) -> Denial:
    """`what` goes on after the tool's name."""
    return Denial(_NAME, reason, f"'{call.exposed}' {what}", data, note=call.settled.places.get(_NAME, ""))


def standing(call: Call) -> str:
    """What an operator reads of a call that may pass."""
    rule = call.settled.rules.approval
    return f"Nobody is asked ({call.settled.places[_NAME]})." if rule is not None and rule.by == "nobody" else ""


def _required(call: Call, rule: Approval) -> Denial:
    whose = "its user" if rule.by == "caller" else "an operator"
    what = f"needs the approval of {whose} for exactly these arguments, for each call."
    return denial(call, REQUIRED, what, by=rule.by)


def _void(call: Call) -> Denial:
    what = (
        "was not called: what was approved is not what would be sent now. Its arguments, its definition or the rule "
        "has changed meanwhile. Call again to be asked anew."
    )
    return denial(call, "approval_void", what)
