"""`requestState` on its way through us: a server's state in our sealed envelope (H6).

Knows: what a state is bound to: server, principal, method, name, arguments. Refuses to trust one that comes back.
"""

import hashlib
import time
from typing import Any

import msgspec

from narthex.limits import request_state_seconds_max
from narthex.model.call import Call
from narthex.model.outcome import Result, UpstreamFault
from narthex.wire.faults import INVALID_PARAMS, PeerFault
from narthex.wire.seal import STATE, Sealer, Unsealed
from narthex.wire.translate import opened

_canonical = msgspec.json.Encoder(order="deterministic").encode
_OF_A_RETRY = ("inputResponses", "requestState")
_NOT_SALIENT = ("_meta", *_OF_A_RETRY)


def wrap(call: Call, result: Result, sealer: Sealer) -> None:
    """Put the server's state of an `input_required` result into our envelope."""
    inner = opened(result.members.get("requestState"))
    if type(inner) is not str:
        return
    claims = [call.server, call.endpoint.name, call.principal.key, call.method, _digest(call), inner]
    try:
        result.members["requestState"] = sealer.seal(STATE, claims, time.time() + request_state_seconds_max)
    except ValueError:
        text = "its request state is longer than we carry"
        raise UpstreamFault(call.server, "upstream_too_large", text, sent=True) from None


def own(call: Call, sealer: Sealer) -> str:
    """A state for a question that the gateway puts in the place of a server that has none."""
    claims = [call.server, call.endpoint.name, call.principal.key, call.method, _digest(call), None]
    return sealer.seal(STATE, claims, time.time() + request_state_seconds_max)


def unwrap(call: Call, sealer: Sealer) -> bool:
    """Give the server its own state back. Raises `PeerFault` for a state that is not ours, or not for this call.

    True: the question was the gateway's own, and the server hears nothing of it.
    """
    state = call.params.get("requestState")
    if state is None:
        return False
    try:
        claims = sealer.open(STATE, state, time.time()) if type(state) is str else None
    except Unsealed:
        claims = None
    bound = [call.server, call.endpoint.name, call.principal.key, call.method, _digest(call)]
    if type(claims) is not list or claims[:-1] != bound:
        message = "The requestState is not valid for this call. Start the call again without it."
        raise PeerFault(INVALID_PARAMS, message, data={"reason": "request_state"})
    if claims[-1] is None:
        call.private = {name: value for name, value in call.private.items() if name not in _OF_A_RETRY}
        return True
    call.private = {**call.private, "requestState": claims[-1]}
    return False


def _digest(call: Call) -> bytes:
    """Over canonical JSON: honest clients write the same arguments differently on the retry."""
    salient = {name: _plain(value) for name, value in call.params.items() if name not in _NOT_SALIENT}
    return hashlib.sha256(_canonical(salient)).digest()[:16]


def _plain(value: Any) -> Any:
    """1 and 1.0 are one number here."""
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is dict:
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if type(value) is list else value
