"""What servers ask for when they refuse calls, and what follows from it for callers of ours: more is required.

Knows: which tool was refused for want of which of its server's scopes. Refuses to take a server's word for a scope of
ours: the operator says what each word of a server means (`challenge_scopes`), and a word without a meaning is dropped.
"""

from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.model.scope import NONE
from narthex.policy.scopes import needed_by, refusal
from narthex.relay.fleet import Fleet


def told(call: Call, fleet: Fleet) -> Denial | None:
    """After a call was refused by its server for want of scopes: remember it. The "no" to a caller who lacks ours."""
    words, call.wanted = call.wanted, NONE
    if call.tool is None:
        return None
    needed = call.endpoint.reach[call.server].asked_for(words)
    if not needed:
        return None
    fleet.learnt(call.server, call.tool.private, words)
    return refusal(call, needed_by(call) | needed)
