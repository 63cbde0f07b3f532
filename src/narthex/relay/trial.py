"""A call that is never sent: what would be said of it?

Knows: the same names and the same filters that a real call meets. Refuses to wait, and to tell anybody.
"""

from collections.abc import Mapping
from typing import Any

from narthex.model.call import Call, Permit
from narthex.model.deadline import Deadline
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import Outcome, Result
from narthex.policy import chain
from narthex.relay.resolve import resolve
from narthex.wire.faults import PeerFault
from narthex.wire.revisions import MODERN


class _NobodyThere:
    """The client of a call that was not made."""

    def notify(self, method: str, params: dict[str, Any]) -> None: ...

    def parted(self) -> None: ...

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        return Result({})


_NOBODY_THERE = _NobodyThere()
_NEVER = Deadline(0.0)
_NOTHING: Mapping[str, Any] = {}


def trial(endpoint: Endpoint, who: Principal, method: str, params: dict[str, Any]) -> Call:
    """The call as it would be, not resolved yet."""
    return Call(0, method, params, endpoint, who, MODERN, _NOTHING, _NOBODY_THERE, _NEVER)


def readable(endpoint: Endpoint, who: Principal, uri: str) -> bool:
    """Whether this caller may have the resource, and so may hear of it."""
    call = trial(endpoint, who, "resources/subscribe", {"uri": uri})
    try:
        resolve(call)
    except PeerFault:
        return False
    return type(chain.request(call)) is Permit
