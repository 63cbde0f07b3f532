"""Nothing is asked of a server that it never declared: completion from one without `completions` is -32601 here.

Knows: the capabilities a server declared. Refuses to know: whether it would have answered all the same.
"""

from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.wire.faults import METHOD_NOT_FOUND

_NEEDS = {"completion/complete": "completions"}


def request(call: Call) -> Denial | None:
    capability = _NEEDS.get(call.method)
    if capability is None or capability in call.endpoint.server_capabilities.get(call.server, {}):
        return None
    message = f"Server '{call.server}' does not offer {capability}."
    return Denial("offered", "not_offered", message, {"server": call.server}, code=METHOD_NOT_FOUND)
