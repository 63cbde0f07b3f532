"""THE ORDER of the filters, and the only place that makes a `Permit`.

Knows: which filter stands where, and why. Refuses to wait: everything a filter needs is in the call already.
A filter is a module with `request(call) -> Denial | None`; the first denial ends the call. Or with
`response(call, members) -> Denial | members`, which sees the members of a result on their way back, and may change
them: not the dict it is given, another one.
"""

from collections.abc import Callable
from typing import Any

from narthex.model.call import Call, Permit
from narthex.model.outcome import Denial
from narthex.policy import (
    approval,
    definitions,
    mirrored,
    offered,
    poisoned,
    policies,
    rate,
    redact,
    result_schema,
    reveal,
    schema,
    scopes,
    stopped,
)

Filter = Callable[[Call], Denial | None]

ORDER: tuple[tuple[str, Filter], ...] = (
    ("stopped", stopped.request),  # first: what is stopped costs nothing, and is asked nothing else
    ("scopes", scopes.request),  # then: a forbidden call costs nothing and learns nothing from the filters below
    ("policies", policies.request),  # after scopes: rules are dearer than sets, and need not be asked twice
    ("definitions", definitions.request),  # after who may: of what is wrong with a tool, others hear nothing
    ("offered", offered.request),  # before mirrored: what a server never declared needs no closer look
    ("mirrored", mirrored.request),  # before reveal: headers repeat what the client wrote, and others believed them
    ("reveal", reveal.request),  # before schema: what is checked, approved and sent is the value, not what stood for it
    ("schema", schema.request),  # before all that spends: a call that must be mended has cost nothing
    ("redact", redact.request),  # after schema, which may not ask for a mask; from here on it is what will be sent
    ("approval", approval.request),  # after all that may refuse for good or change it: somebody is asked for just this
    ("rate", rate.request),  # last: a call that waits for a yes has spent nothing, and only what is sent is counted
)

Members = dict[str, Any]
WAY_BACK: tuple[tuple[str, Callable[[Call, Members], Members | Denial]], ...] = (
    ("result_schema", result_schema.response),  # first: it looks at what the server said, not at what is made of it
    ("poison", poisoned.response),  # before redact: a mask in the middle of an order must not hide the order
    ("redact", redact.response),  # after all that must see the whole: what comes after sees what the client will see
)


def request(call: Call) -> Permit | Denial:
    """Every filter in order; the first "no" is the answer."""
    for _, decide in ORDER:
        denial = decide(call)
        if denial is not None:
            return denial
    return Permit(call)


def response(call: Call, members: Members) -> Members | Denial:
    """The same on the way back, for the members of a complete result."""
    for _, judge in WAY_BACK:
        judged = judge(call, members)
        if isinstance(judged, Denial):
            return judged
        members = judged
    return members
