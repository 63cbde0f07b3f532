"""A result may be only so large: what is larger is cut with a note, put aside to be read in pages, or refused.

Knows: the rule of the call, and which members of a result can be made smaller. Refuses to know: how a text is cut
(`policy/guarding`), and where what is put aside is kept (`relay/offloads`).

Last on the way back: what was hidden before is hidden in every page, and what is counted is what the client gets.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from narthex.limits import result_cuts_told_max, result_note_bytes
from narthex.model.call import Call
from narthex.model.outcome import Denial, Failure
from narthex.model.rules.result import ResultSize
from narthex.policy.guarding.blocks import Fitted, fitted, note_part, with_note
from narthex.policy.guarding.shorten import Cut, Shortened, shortened
from narthex.policy.guarding.whole import pages_of
from narthex.policy.validation.checked import NOTHING_DECLARED, Checked
from narthex.wire.revisions import OWN_META
from narthex.wire.strict import encode
from narthex.wire.translate import opened

_NAME = "result"
NOTE = OWN_META + "truncated"
_LISTS = {"tools/call": "content", "resources/read": "contents"}
_SMALL = frozenset({"isError", "resultType", "ttlMs", "cacheScope"})

Members = dict[str, Any]


def response(call: Call, members: Members) -> Members | Denial:
    rule = call.settled.rules.result
    if rule is None:
        return members
    size = weight(members)
    if size <= rule.most:
        return members
    if rule.when_larger == "refuse" or call.method not in _LISTS:
        return _refused(call, rule, size)
    slip = call.slip if rule.when_larger == "offload" else None
    done = _smaller(call, rule, members, size, slip.uri if slip is not None else "")
    if isinstance(done, Denial):
        return done
    if weight(done) > rule.most:
        return _refused(call, rule, size)
    if slip is not None:
        slip.pages = pages_of(members, rule.most - 2 * result_note_bytes)
    call.shortened = "offloaded" if slip is not None else "truncated"
    return done


def failure(call: Call, failed: Failure) -> Failure:
    """An error of a server, without data that is larger than a result may be."""
    rule = call.settled.rules.result
    if rule is None or not failed.has_data or len(encode(failed.data)) <= rule.most:
        return failed
    return Failure(failed.code, failed.message, None, failed.status, scopes=failed.scopes)


def weight(members: Mapping[str, Any]) -> int:
    """Bytes of a result in JSON, about: never fewer than there are."""
    return 2 + sum(len(name) + 4 + _size(value) for name, value in members.items())


def standing(call: Call) -> str:
    """What an operator reads of a call that may pass."""
    rule = call.settled.rules.result
    if rule is None:
        return ""
    does = {"truncate": "truncated", "offload": "put aside to be read in pages", "refuse": "refused"}[rule.when_larger]
    return f"A result over {rule.most:,} bytes is {does} ({call.settled.places.get(_NAME, _NAME)})."


# ---- helpers


class _Room(NamedTuple):
    listed: int
    structured: int


def _smaller(call: Call, rule: ResultSize, members: Members, size: int, uri: str) -> Members | Denial:
    name = _LISTS[call.method]
    most = rule.most - result_note_bytes - len(encode(rule.hint or "")) - 3 * len(uri)
    if call.method != "tools/call":
        most -= len(encode(call.exposed))
    kept, left = _others(members, name, most)
    if left < result_note_bytes:
        return _refused(call, rule, size)
    room = _rooms(members, name, left)
    failed = opened(members.get("isError")) is True  # then nothing is promised
    structured = _structured(call, members.get("structuredContent"), room.structured, failed=failed)
    if structured is None:
        return _refused(call, rule, size)
    content = fitted(_raw(members.get(name, [])), room.listed)
    if content is None or (name == "contents" and not content.parts):
        return _refused(call, rule, size)
    shown = sum(map(len, content.parts)) + len(structured.text)
    note = _note(rule, shown, size, content.left_out, uri)
    parts = _noted(call, content, note, uri)
    if structured.text:
        kept["structuredContent"] = msgspec.Raw(structured.text)
    kept[name] = msgspec.Raw(b"[" + b",".join(parts) + b"]")
    meta = opened(kept.get("_meta"))
    kept["_meta"] = {**(meta if type(meta) is dict else {}), NOTE: _told(shown, size, content, structured.cuts, uri)}
    return kept


def _others(members: Members, name: str, most: int) -> tuple[Members, int]:
    """What is neither content nor structured content, if it leaves most of the room to these; and the room left."""
    shrinks = (name, "structuredContent")
    kept = {key: value for key, value in members.items() if key not in shrinks}
    if weight(kept) > most // 4:
        kept = {key: value for key, value in kept.items() if key in _SMALL}
    return kept, most - weight(kept) - sum(len(key) + 4 for key in shrinks)


def _rooms(members: Members, name: str, left: int) -> _Room:
    """Half for each of the two; what one does not need the other may have."""
    listed, structured = (_size(members[key]) if key in members else 0 for key in (name, "structuredContent"))
    half = left // 2
    if listed <= half:
        return _Room(left, left - listed)
    return _Room(left - structured, structured) if structured <= half else _Room(half, half)


def _structured(call: Call, value: Any, room: int, *, failed: bool) -> Shortened | None:
    """The structured content as it may go on; without text: there is none. None: what is left of it would not be what
    the tool's output schema promises, and nobody would know."""
    if value is None:
        return Shortened(b"")
    raw = _raw(value)
    found = shortened(raw, room)
    if found is not None and not found.cuts:
        return found
    ready = call.promised
    if ready is NOTHING_DECLARED or failed:
        return found or Shortened(b"")
    if found is None or type(ready) is not Checked:
        return None
    left = opened(msgspec.Raw(found.text))
    return found if ready.affordable(left, len(found.text)) and ready.accepts(left) else None


def _noted(call: Call, content: Fitted, note: str, uri: str) -> list[bytes]:
    """The parts and the note: at the end of the text that was cut, or as a part of its own."""
    parts = list(content.parts)
    if content.open_end:
        parts[-1] = with_note(parts[-1], note)
    elif call.method == "tools/call":
        parts.append(note_part(note))
    else:
        parts.append(encode({"uri": uri or call.exposed, "mimeType": "text/plain", "text": note}))
    if uri and call.method == "tools/call":
        named = {"name": "the whole result", "mimeType": "text/plain"}
        parts.append(encode({"type": "resource_link", "uri": uri, **named}))
    return parts


def _note(rule: ResultSize, shown: int, size: int, left_out: int, uri: str) -> str:
    said = [f"{shown:,} of {size:,} bytes shown"]
    if left_out:
        said.append(f"{left_out:,} part{'s' * (left_out != 1)} left out")
    if uri:
        said.append(f"the whole can be read as the resource {uri} for {_time(rule.keep_seconds)}")
    said.append(f"ask for less, e.g. {rule.hint}" if rule.hint else "ask for less")
    return f"… [truncated: {'; '.join(said)}]"


def _told(shown: int, size: int, content: Fitted, cuts: tuple[Cut, ...], uri: str) -> dict[str, Any]:
    """The same for programs."""
    told: dict[str, Any] = {"shown_bytes": shown, "bytes": size}
    if content.left_out:
        told["parts_left_out"] = content.left_out
    if uri:
        told["uri"] = uri
    places = [{"pointer": one.pointer, "kind": one.kind, "shown": one.shown, "of": one.of} for one in cuts]
    room = result_note_bytes // 2
    for place in places[:result_cuts_told_max]:
        room -= len(encode(place)) + 1
        if room < 0:
            break
        told.setdefault("structured", []).append(place)
    return told


def _refused(call: Call, rule: ResultSize, size: int) -> Denial:
    how = f"Ask for less, e.g. {rule.hint}." if rule.hint else "Ask for less at one time."
    done = " The call itself was carried out." if call.method == "tools/call" else ""
    message = f"The result of '{call.exposed}' has {size:,} bytes, and at most {rule.most:,} are passed on.{done} {how}"
    data = {"bytes": size, "bytes_max": rule.most}
    return Denial(_NAME, "result_too_large", message, data, note=call.settled.places.get(_NAME, _NAME))


def _size(value: Any) -> int:
    return len(value) if type(value) is msgspec.Raw else len(encode(value))


def _raw(value: Any) -> bytes:
    return bytes(value).strip() if type(value) is msgspec.Raw else encode(value)


def _time(seconds: int) -> str:
    if seconds % 60:
        return f"{seconds} seconds"
    return f"{seconds // 60} minute{'s' * (seconds != 60)}"
