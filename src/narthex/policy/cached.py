"""Which calls are the same call, so that one answer serves them: the same tool, the same arguments, the same caller.

Knows: what of a call a server may answer to. Refuses to know: where answers are kept, for how long, and whose
credentials a server is shown (`relay/sharing`).
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from narthex.model.call import Call
from narthex.wire.revisions import OWN_META
from narthex.wire.translate import opened

_KEY = "cache"
MARK = OWN_META + "cached"  # in the `_meta` of an answer that was not asked for anew
_OF_THIS_CALL = frozenset({"_meta"})
_OF_TRACES = frozenset({"traceparent", "tracestate", "baggage"})  # others with every call
_sorted = msgspec.json.Encoder(order="sorted").encode

Members = dict[str, Any]


def may(call: Call) -> bool:
    """Whether the answer to this call may be another call's. Only where its tool says that it reads, and the operator
    that it may."""
    tool = call.tool
    if call.settled.rules.cache is None or tool is None or not tool.read_only or tool.task_required:
        return False
    return "requestState" not in call.params and "inputResponses" not in call.params


def digest(call: Call, params: Mapping[str, Any], meta: Mapping[str, Any], capabilities: Mapping[str, Any]) -> bytes:
    """All that a server is told, and all that the tool is at this endpoint. Of the arguments as they are sent."""
    assert call.tool is not None
    said = {key: value for key, value in params.items() if key not in _OF_THIS_CALL}
    more = {key: value for key, value in meta.items() if key not in _OF_TRACES}
    whole = _sorted([call.server, call.tool.private, call.endpoint.name, said, more, capabilities])
    return hashlib.blake2b(call.tool.encoded + b"\x00" + whole, digest_size=32).digest()


def is_good(members: Members) -> bool:
    """Whether an answer is one to be kept: complete, and no error."""
    return opened(members.get("isError")) is not True


def marked(call: Call, members: Members) -> Members:
    """An answer that was not asked for anew says so."""
    meta = opened(members.get("_meta"))
    how = {"age_seconds": round(call.cached_seconds, 1)} if call.cached == "kept" else {"shared": True}
    return {**members, "_meta": {**(meta if type(meta) is dict else {}), MARK: how}}


def standing(call: Call) -> str:
    """What an operator reads of a call that may pass."""
    rule = call.settled.rules.cache
    if rule is None:
        return ""
    place = call.settled.places.get(_KEY, _KEY)
    if call.tool is None or not call.tool.read_only:
        return f"Its answer is asked for every time: its definition does not say `readOnlyHint` ({place})."
    whose = "any caller" if rule.public else "the same caller"
    kept = f"may be up to {rule.seconds:g} seconds old, and" if rule.seconds else "is asked for anew, and"
    return f"Its answer {kept} may be that of the same call of {whose} at the same time ({place})."
