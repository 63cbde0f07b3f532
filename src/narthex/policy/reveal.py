"""Tokens become what they stand for again, for tools that may have it: `‹email:7h2k9m4xq0›` in the arguments.

Knows: how tokens are written, and which of those in the call are good (`relay/strongroom` looked before). Refuses to
open one for a tool that may not have it: there it stays a token. One that is not good ends the call: it is somebody
else's, or it is over.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.policy.redaction.redactor import prepare
from narthex.policy.redaction.sight import plain
from narthex.policy.redaction.writing import token_text
from narthex.wire.strict import encode

_NAME = "reveal"
# As we write them, and as models that lose a sign write them.
_TOKEN = re.compile(
    rb"(?:\xe2\x80\xb9|<|&lt;|\[)([a-z][a-z0-9_]{0,31}):([0-9a-hjkmnp-tv-z]{10})(?:\xe2\x80\xba|>|&gt;|\])"
)
_MEMBERS = ("arguments", "inputResponses")
_decode = msgspec.json.Decoder().decode


def asked(call: Call) -> dict[str, str]:
    """The tokens in the arguments that this tool may have opened: name -> kind."""
    return {name: kind for _, raw in _held(call) for kind, name in _tokens(call, raw)}


def carries(call: Call, encoded: bytes) -> bool:
    """Whether something has to be found out first about arguments that were encoded already: there may be a token to
    open in them, or names to look for."""
    redactor = prepare(call.settled)
    if redactor is None or not redactor.asks:
        return False
    return bool(redactor.named) or _TOKEN.search(plain(encoded)) is not None


def request(call: Call) -> Denial | None:
    if call.settled.rules.redaction is None:
        return None
    changed: dict[str, Any] = {}
    revealed: dict[str, str] = {}
    for member, raw in _held(call):
        for kind, name in _tokens(call, raw):
            value = call.tokens.get(name)
            if value is not None:
                revealed[value] = token_text(kind, name)
            elif not call.trial:
                return _unknown(call, token_text(kind, name))
        done = _TOKEN.sub(lambda found: _opened(call, found), raw)
        if done != raw:
            changed[member] = _decode(done)
    if changed:
        call.private = {**call.private, **changed}
        call.revealed = revealed
    return None


def _held(call: Call) -> Iterator[tuple[str, bytes]]:
    redactor = prepare(call.settled)
    if redactor is None or not redactor.opens:
        return
    for member in _MEMBERS:
        value = call.params.get(member)
        if value:
            yield member, encode(value)


def _tokens(call: Call, raw: bytes) -> Iterator[tuple[str, str]]:
    redactor = prepare(call.settled)
    for kind, name in _TOKEN.findall(raw):
        if redactor is not None and kind.decode() in redactor.opens:
            yield kind.decode(), name.decode()


def _opened(call: Call, found: re.Match[bytes]) -> bytes:
    redactor = prepare(call.settled)
    value = call.tokens.get(found[2].decode())
    if value is None or redactor is None or found[1].decode() not in redactor.opens:
        return found[0]
    return encode(value)[1:-1]


def _unknown(call: Call, token: str) -> Denial:
    message = (
        f"'{call.exposed}' was not called: the token {token} is not known here, or no longer. Tokens are good for a "
        f"while, for whoever got them, at the endpoint that gave them. Ask for the value again, and use the new token."
    )
    return Denial(_NAME, "unknown_token", message, {"token": token}, note=call.settled.places.get("redaction", ""))
