"""`Mcp-Param-*` headers must repeat the arguments they mirror (2026-07-28, basic/transports/streamable-http).

Knows: the annotations of the tool's schema as this endpoint shows it. Refuses to decide from a header alone.
"""

from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.wire.faults import HEADER_MISMATCH
from narthex.wire.mirror import check


def request(call: Call) -> Denial | None:
    tool = call.tool
    if tool is None or not tool.mirrors or call.mirrored is None:
        return None
    arguments = call.params.get("arguments")
    problem = check(tool.mirrors, arguments if type(arguments) is dict else {}, call.mirrored)
    if problem is None:
        return None
    return Denial("mirrored", "header_mismatch", problem, code=HEADER_MISMATCH, status=400)
