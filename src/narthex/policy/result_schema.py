"""The structured content of a result must be what the tool's output schema promises, where the operator wants that.

Knows: the compiled output schema of the call's tool. Refuses to know: how checking works (`policy/validation`), and to
repeat anything of a result that is withheld.
"""

from typing import Any

import msgspec

from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.policy.validation.checked import Checked
from narthex.policy.validation.flaws import flaws_of
from narthex.policy.validation.saying import data, listed
from narthex.wire.revisions import OWN_META
from narthex.wire.strict import encode
from narthex.wire.translate import opened

_NAME = "result_schema"
_WHAT = "the structured content"
NOTE = OWN_META + "result_schema"  # in the `_meta` of a result that does not match, and is passed on all the same
MENDED = OWN_META + "coerced"  # in the `_meta` of an answer to arguments that were put right

Members = dict[str, Any]


def response(call: Call, members: Members) -> Members | Denial:
    if call.mended:
        members = _noted(members, MENDED, [{"pointer": pointer, "change": what} for pointer, what in call.mended])
    ready = call.output_schema
    if type(ready) is not Checked or opened(members.get("isError")) is True:  # an error need not match
        return members
    if "structuredContent" not in members:
        return _judged(call, members, f"{_WHAT} is missing", {"errors": []})
    raw = members["structuredContent"]
    value = opened(raw)
    if not ready.affordable(value, len(raw) if type(raw) is msgspec.Raw else 0):
        return _judged(call, members, f"{_WHAT} is too large, or nests too deep, to be checked", {"errors": []})
    if not ready.accepts(value):
        flaws = flaws_of(ready, value)
        return _judged(call, members, listed(flaws, _WHAT, values=False), data(flaws, values=False))
    if call.settled.validation.results == "enforce":
        members = {**members, "structuredContent": msgspec.Raw(encode(value))}  # exactly what was looked at
    return members


def _judged(call: Call, members: Members, said: str, found: dict[str, Any]) -> Members | Denial:
    message = f"The result of '{call.exposed}' of server '{call.server}' does not match its output schema"
    if call.settled.validation.results == "warn":
        call.warned += (Denial(_NAME, "invalid_result", f"{message}.", note=said),)
        return _noted(members, NOTE, found)
    text = (
        f"{message}, and is withheld: {said.rstrip('.')}. The call itself was carried out: check what it did before "
        f"you repeat it."
    )
    return Denial(_NAME, "invalid_result", text, {"server": call.server, **found})


def _noted(members: Members, key: str, what: Any) -> Members:
    meta = opened(members.get("_meta"))
    return {**members, "_meta": {**(meta if type(meta) is dict else {}), key: what}}
