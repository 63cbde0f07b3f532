"""Whether a call may be sent a second time: because its tool only reads, or because twice is as good as once.

Knows: what the operator says, and what a trusted server declares. Refuses to know: why anybody would send it again.
The word of a server that is not trusted counts for nothing: whoever is wrong about it acts twice.
"""

from narthex.model.call import Call


def repeatable(call: Call) -> bool:
    """Whether a tool may be called again although it may have acted already."""
    tool = call.tool
    if tool is None:
        return False
    said = call.settled.rules.repeatable
    if said is not None:
        return said
    return tool.read_only and tool.idempotent and call.endpoint.reach[call.server].trusted


def reads(call: Call) -> bool:
    """Whether a call may be made twice at one time."""
    tool = call.tool
    if tool is None:
        return True  # reading, completing: no other method gets so far
    said = call.settled.rules.repeatable
    if said is not None:
        return said
    return tool.read_only and call.endpoint.reach[call.server].trusted
