"""What the operator has stopped is refused before anything else is looked at: a server, a tool, a tenant, a principal.

Knows: the stops that hold in the world of the call. Refuses to know: where they are kept, and for how long they hold.
"""

from narthex.model.call import Call
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.stop import NO_STOPS, Stop, Stops
from narthex.wire.faults import FORBIDDEN

_NAME = "stopped"
_BLIND = (
    "Calls are refused for now: the gateway cannot read what its operator has stopped. "
    "Retry in 5 seconds; nothing about the call needs to be changed."
)
_BLIND_MS = 5_000


def request(call: Call) -> Denial | None:
    stops = call.endpoint.stops
    return None if stops is NO_STOPS else refusal(call, stops)


def since(call: Call, stops: Stops) -> Denial | None:
    """The same for what was stopped while the call waited: `stops` hold by now."""
    return None if stops is call.endpoint.stops else refusal(call, stops)


def refusal(call: Call, stops: Stops) -> Denial | None:
    """The "no" to a call that one of these stops meets."""
    code = None if call.method == "tools/call" else FORBIDDEN
    if stops.blind:
        return Denial(_NAME, "stops_unknown", _BLIND, {"retry_after_ms": _BLIND_MS}, code=code)
    found = of(call, stops)
    if found is None:
        return None
    kind = found.target.kind
    # A caller need not be told by which of its names it was meant.
    what = f"calls of {found.target}" if kind in ("server", "tool") else "all calls of this caller"
    why = f": {found.reason.rstrip('.')}" if found.reason else ""
    until = f"until {found.until_words}" if found.until_words else "until the operator lets them through again"
    message = f"Stopped by the operator{why}. This holds for {what}, {until}. Do not retry before."
    data = {"stopped": kind, "until": found.until if found.until_words else None}
    return Denial(_NAME, "stopped", message, data, code=code, note=f"stop {found.id} by {found.by or 'nobody known'}")


def of(call: Call, stops: Stops) -> Stop | None:
    """The stop that meets this call, if one does."""
    found = stops.of_caller(call.principal) or stops.of_server(call.server)
    if found is not None or call.tool is None:
        return found
    return stops.of_tool(call.server, call.tool.private, call.exposed)


def bars(who: Principal, stops: Stops) -> bool:
    """Whether nothing is for this caller now."""
    return stops.blind or stops.of_caller(who) is not None
