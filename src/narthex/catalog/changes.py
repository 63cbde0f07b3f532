"""How two definitions of one thing differ, member by member, and what that means for whoever knew the old one.

Knows: tools, prompts, instructions. Refuses to know: JSON Schema (`schema_changes`), and what is to be done about it.

A change belongs to one of three classes. `breaking`: a call that was right may be wrong now. `text`: what a model or a
person reads. A machine does not mind it, and it is where attacks stand. `compatible`: all others. Two definitions with
different fingerprints always have a change, and two with the same never: what nothing here understands is compared
member by member.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from narthex.catalog.change import ABSENT, Change, Class, classes, said
from narthex.catalog.schema_changes import Flow, schema_changes
from narthex.catalog.texts import fresh_texts
from narthex.model.pin import Kind
from narthex.wire.canonical_json import canonical, fingerprint

_TEXTS = frozenset({"title", "description", "icons"})
# A promise that is taken back breaks what was built on it; absent, the first two are no promise, the last two are.
_PROMISES: Mapping[str, bool] = {
    "readOnlyHint": True,
    "idempotentHint": True,
    "destructiveHint": False,
    "openWorldHint": False,
}

__all__ = ("Change", "Class", "changes", "classes", "likeness")


def changes(kind: Kind, old: Any, new: Any) -> tuple[Change, ...]:
    """From the old definition to the new one; nothing when they say the same."""
    if canonical(old) == canonical(new):
        return ()
    if kind == "instructions" or type(old) is not dict or type(new) is not dict:
        return (Change("text", "", "reads differently", old, new),)
    return tuple(_members(kind, old, new))


def likeness(kind: Kind, definition: Any) -> str | None:
    """Equal for a thing and for itself under another name; None where too little is said to tell it by."""
    if type(definition) is not dict:
        return None
    if kind == "tool":
        schema = definition.get("inputSchema")
        shape = {"in": schema, "out": definition.get("outputSchema")}
        telling = type(schema) is dict and bool(schema.get("properties"))
    else:
        shape = {"in": definition.get("arguments")}
        telling = bool(definition.get("arguments"))
    if not telling:  # many tools take nothing: those are the same only if they also read the same
        if not definition.get("description"):
            return None
        shape["text"] = definition["description"]
    return fingerprint(shape)


def _members(kind: Kind, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if before is not ABSENT and after is not ABSENT and canonical(before) == canonical(after):
            continue
        found = list(_member(kind, name, before, after))
        yield from found
        fresh = fresh_texts(before, after)
        if fresh and all(one.kind != "text" for one in found):
            yield Change("text", name, "brings texts", ABSENT, fresh)
        elif not found:
            yield Change("compatible", name, said("changed", before, after), before, after)


def _member(kind: Kind, name: str, before: Any, after: Any) -> Iterator[Change]:
    if name in _TEXTS:
        yield Change("text", name, said("reads differently", before, after), before, after)
    elif kind == "tool" and name == "inputSchema":
        yield from _schemas(name, before, after, "in")
    elif kind == "tool" and name == "outputSchema":
        yield from _schemas(name, before, after, "out")
    elif kind == "tool" and name == "annotations":
        yield from _annotations(before, after)
    elif kind == "prompt" and name == "arguments":
        yield from _arguments(before, after)
    elif kind == "tool" and name == "execution":
        yield from _execution(before, after)


def _schemas(name: str, before: Any, after: Any, flow: Flow) -> Iterator[Change]:
    if type(before) is dict and type(after) is dict:
        found = schema_changes(before, after, flow, name)
        yield from found or [Change("breaking", name, "changed in a way that is not understood", before, after)]
    elif flow == "out" and before is ABSENT:
        yield Change("compatible", name, "says now what results look like", before, after)
    else:
        yield Change("breaking", name, said("is another schema", before, after), before, after)


def _annotations(before: Any, after: Any) -> Iterator[Change]:
    old, new = (one if type(one) is dict else {} for one in (before, after))
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, ABSENT), new.get(name, ABSENT)
        if was is not ABSENT and now is not ABSENT and canonical(was) == canonical(now):
            continue
        where = f"annotations.{name}"
        if name == "title":
            yield Change("text", where, said("reads differently", was, now), was, now)
        elif name in _PROMISES and was is _PROMISES[name]:
            yield Change("breaking", where, "is promised no longer", was, now)
        elif name in _PROMISES and now is _PROMISES[name]:
            yield Change("compatible", where, "is promised now", was, now)
        else:
            yield Change("compatible", where, said("changed", was, now), was, now)


def _execution(before: Any, after: Any) -> Iterator[Change]:
    was, now = ((one.get("taskSupport") if type(one) is dict else None) for one in (before, after))
    if was != now and "required" in (was, now):
        what = "can only be called as a task now" if now == "required" else "need no longer be called as a task"
        yield Change("breaking" if now == "required" else "compatible", "execution.taskSupport", what, was, now)


def _arguments(before: Any, after: Any) -> Iterator[Change]:
    """Those of a prompt: a list of names, each required or not."""
    old, new = _by_name(before), _by_name(after)
    for name in sorted(old.keys() | new.keys()):
        where, was, now = f"arguments.{name}", old.get(name), new.get(name)
        if now is None:
            yield Change("breaking", where, "is gone", was, ABSENT)
        elif was is None:
            needed = now.get("required") is True
            what = "is new, and required" if needed else "is new, and may be left out"
            yield Change("breaking" if needed else "compatible", where, what, ABSENT, now)
        else:
            yield from _argument(where, was, now)


def _argument(where: str, was: dict[str, Any], now: dict[str, Any]) -> Iterator[Change]:
    if (was.get("required") is True) != (now.get("required") is True):
        needed = now.get("required") is True
        what = "is required now" if needed else "may be left out now"
        yield Change("breaking" if needed else "compatible", where, what, was.get("required"), now.get("required"))
    rest = [{name: value for name, value in one.items() if name != "required"} for one in (was, now)]
    if canonical(rest[0]) != canonical(rest[1]):
        yield Change("text", where, "reads differently", was, now)


def _by_name(arguments: Any) -> dict[str, dict[str, Any]]:
    found = arguments if type(arguments) is list else []
    return {one["name"]: one for one in found if type(one) is dict and type(one.get("name")) is str}
