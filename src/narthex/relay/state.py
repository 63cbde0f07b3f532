"""`requestState` on its way through us: a server's state in our sealed envelope (H6).

Knows: what a state is bound to: server, principal, method, name, arguments; and which yes of a human goes with it.
Refuses to trust one that comes back.
"""

import hashlib
import secrets
import time
from typing import Any

import msgspec

from narthex.limits import request_state_seconds_max
from narthex.model.approvals import Consent
from narthex.model.call import Call
from narthex.model.outcome import Result, UpstreamFault
from narthex.wire.faults import INVALID_PARAMS, PeerFault
from narthex.wire.seal import STATE, Sealer, Unsealed
from narthex.wire.translate import opened

_canonical = msgspec.json.Encoder(order="deterministic").encode
_OF_A_RETRY = ("inputResponses", "requestState")
_NOT_SALIENT = ("_meta", *_OF_A_RETRY)
_TICKET_BYTES = 16


def wrap(call: Call, result: Result, sealer: Sealer) -> None:
    """Put the server's state of an `input_required` result into our envelope."""
    inner = opened(result.members.get("requestState"))
    if type(inner) is not str:
        return
    claims = [*_bound(call), inner, _carried(call)]
    try:
        result.members["requestState"] = sealer.seal(STATE, claims, time.time() + request_state_seconds_max)
    except ValueError:
        text = "its request state is longer than we carry"
        raise UpstreamFault(call.server, "upstream_too_large", text, sent=True) from None


def own(call: Call, sealer: Sealer, asked: int = 0) -> str:
    """A state for a question that the gateway puts in the place of a server.

    `asked`: for the how-manieth time a grant is asked for; what the call had for its server then comes back with it.
    Raises `ValueError` where that is longer than we carry.
    """
    kept = {name: call.private[name] for name in _OF_A_RETRY if name in call.private} if asked else None
    inner = None if not asked else [asked, kept]
    return sealer.seal(STATE, [*_bound(call), inner, _carried(call)], time.time() + request_state_seconds_max)


def for_approval(call: Call, sealer: Sealer, digest: bytes, expires: float) -> str:
    """A state for the question whether the call may be made: an answer that comes with it is about exactly this call.

    Raises `ValueError` where what the call had for its server is longer than we carry.
    """
    kept = {name: call.private[name] for name in _OF_A_RETRY if name in call.private}
    asked = [digest, secrets.token_hex(_TICKET_BYTES), expires, True]
    return sealer.seal(STATE, [*_bound(call), [0, kept], asked], expires)


def unwrap(call: Call, sealer: Sealer) -> bool:
    """Give the server its own state back. Raises `PeerFault` for a state that is not ours, or not for this call.

    True: the question was the gateway's own, and the server hears nothing of it. `call.asked` says which.
    """
    state = call.params.get("requestState")
    if state is None:
        return False
    try:
        claims = sealer.open(STATE, state, time.time()) if type(state) is str else None
    except Unsealed:
        claims = None
    bound = _bound(call)
    if type(claims) is not list or claims[: len(bound)] != bound or len(claims) != len(bound) + 2:
        message = "The requestState is not valid for this call. Start the call again without it."
        raise PeerFault(INVALID_PARAMS, message, data={"reason": "request_state"})
    inner, carried = claims[-2:]
    if carried is not None and (call.consent is None or call.consent.ticket != carried[1]):
        digest, ticket, expires, answered = carried
        call.consent = Consent(bytes(digest), expires, ticket, answered=answered)
    if type(inner) is str:
        call.private = {**call.private, "requestState": inner}
        return False
    call.asked, kept = inner if inner is not None else (0, {})
    call.private = {name: value for name, value in call.private.items() if name not in _OF_A_RETRY} | kept
    return True


def _bound(call: Call) -> list[Any]:
    return [call.server, call.endpoint.name, call.principal.key, call.method, _digest(call)]


def _carried(call: Call) -> list[Any] | None:
    """A call that is asked for more goes on with the yes it had, and with no other: once, as the yes itself."""
    if call.consent is None or not call.consent.spent:
        return None
    return [call.consent.digest, secrets.token_hex(_TICKET_BYTES), time.time() + request_state_seconds_max, False]


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
