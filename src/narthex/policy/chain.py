"""THE ORDER of the filters, and the only place that makes a `Permit`.

Knows: which filter stands where, and why. Refuses to wait: everything a filter needs is in the call already.
A filter is a module with `request(call) -> Denial | None`. The first denial ends the call.
"""

from collections.abc import Callable

from narthex.model.call import Call, Permit
from narthex.model.outcome import Denial
from narthex.policy import mirrored, offered, policies, scopes

Filter = Callable[[Call], Denial | None]

ORDER: tuple[tuple[str, Filter], ...] = (
    ("scopes", scopes.request),  # first: a forbidden call costs nothing and learns nothing from the filters below
    ("policies", policies.request),  # after scopes: rules are dearer than sets, and need not be asked twice
    ("offered", offered.request),  # before mirrored: what a server never declared needs no closer look
    ("mirrored", mirrored.request),  # last before the wire: it compares with exactly what will be sent
)


def request(call: Call) -> Permit | Denial:
    """Every filter in order; the first "no" is the answer."""
    for _, decide in ORDER:
        denial = decide(call)
        if denial is not None:
            return denial
    return Permit(call)
