"""The operator's own rules (`authentication.policies`) may forbid what scopes allow, and never the reverse.

Knows: whether there are rules here. Refuses to know: their language (that is `policy/cedar`).
"""

from narthex.model.call import Call
from narthex.model.outcome import Denial


def request(call: Call) -> Denial | None:
    judge = call.endpoint.judge
    return None if judge is None else judge.decide(call)
