"""Objects of other people's SDKs, read without knowing them.

Knows: that the same member may be a key of a dict or an attribute, spelled in snake case or in camel case. Refuses to
know: any SDK; none is imported, so all of them will do, and none.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

Tree = dict[str, Any]


def member(thing: Any, *names: str) -> Any:
    """The first of these members that is there and not None; else None."""
    for name in names:
        found = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
        if found is not None:
            return found
    return None


def plain(thing: Any) -> Any:
    """A dict of what an SDK has as an object, by the names of the wire; anything else as it is."""
    dump = None if isinstance(thing, (Mapping, type)) else getattr(thing, "model_dump", None)
    if not callable(dump):
        return thing
    return dump(mode="json", by_alias=True, exclude_none=True)


def listed(thing: Any) -> list[Any]:
    """A list or tuple as a list; None as nothing; one thing as a list of one."""
    if thing is None:
        return []
    return list(thing) if isinstance(thing, (list, tuple)) else [thing]


def text_of(value: Any) -> str:
    """JSON in one line, as a model reads it; of what is no JSON, what Python shows."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return f"({type(value).__name__})"


def sendable(text: str) -> str:
    """A text that can be written as UTF-8: halves of surrogate pairs, which JSON may hold, become question marks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def sendable_tree(value: Any) -> Any:
    """The same for every text in a value; a number that JSON has none for becomes null."""
    if isinstance(value, str):
        return sendable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {sendable(str(name)): sendable_tree(inner) for name, inner in value.items()}
    return [sendable_tree(inner) for inner in value] if isinstance(value, list) else value
