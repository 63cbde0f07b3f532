"""Type hints as everybody writes them, in the one form that schemas are made of.

Knows: the metadata of msgspec, annotated-types and pydantic in `Annotated`, by what they have, not by what they are.
Refuses to know: functions.
"""

import re
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

_BOUNDS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length")
_WORDS = ("title", "description", "examples")


def normal(hint: Any) -> Any:
    """The same type; whatever is said of it in `Annotated` as one `msgspec.Meta`."""
    origin = get_origin(hint)
    if origin is Annotated:
        base, *said = get_args(hint)
        meta = _meta(said)
        return normal(base) if meta is None else Annotated[normal(base), meta]
    if origin is None or origin is Literal:
        return hint
    inner = tuple(normal(one) if not isinstance(one, list) else one for one in get_args(hint))
    if inner == get_args(hint):
        return hint
    if origin in (Union, types.UnionType):
        return Union[inner]  # noqa: UP007 - made at run time
    return origin[inner]


def described(hint: Any, words: str) -> Any:
    """The same hint with a description, if it has none of its own."""
    if not words or (get_origin(hint) is Annotated and any(_description(one) for one in get_args(hint)[1:])):
        return hint
    return Annotated[hint, msgspec.Meta(description=words)]


def found_in(hint: Any, kind: type) -> Any:
    """The first thing of this kind that is said of a hint, or None."""
    said = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((one for one in said if isinstance(one, kind)), None)


def choices(hint: Any) -> list[str]:
    """The values that a hint leaves to choose from, as text; empty where it does not."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    if isinstance(hint, type) and hasattr(hint, "__members__"):
        return [str(member.value) for member in typing.cast("Any", hint)]
    return []


def _meta(said: list[Any]) -> msgspec.Meta | None:
    found: dict[str, Any] = {}
    for one in said:
        found.update(_read(one))
    return msgspec.Meta(**found) if found else None


def _read(said: Any) -> dict[str, Any]:
    if isinstance(said, str):
        return {"description": said}
    if isinstance(said, msgspec.Meta):
        names = (*_BOUNDS, "pattern", "tz", *_WORDS, "extra_json_schema", "extra")
        return {name: value for name in names if (value := getattr(said, name)) is not None}
    if isinstance(said, type) or callable(said):
        return {}
    found: dict[str, Any] = {}
    for inner in getattr(said, "metadata", None) or ():  # pydantic's Field keeps its bounds there
        found.update(_read(inner))
    for name in (*_BOUNDS, *_WORDS):
        value = getattr(said, name, None)
        if value is not None and not callable(value):
            found[name] = value
    pattern = getattr(said, "pattern", None)
    if pattern is not None:
        found["pattern"] = pattern.pattern if isinstance(pattern, re.Pattern) else str(pattern)
    return found


def _description(said: Any) -> bool:
    return isinstance(said, str) or bool(getattr(said, "description", None))
