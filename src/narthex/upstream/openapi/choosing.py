"""Which operations of a document become tools.

Knows: operationIds, tags, paths and methods, each by name or glob. Refuses to know: what an operation does.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol

from narthex.upstream.openapi.outline import Found


class Choice(Protocol):
    """What the operator wrote. What is absent (None) leaves nothing out; what is there must all hold."""

    @property
    def ids(self) -> tuple[str, ...] | None: ...
    @property
    def tags(self) -> tuple[str, ...] | None: ...
    @property
    def paths(self) -> tuple[str, ...] | None: ...
    @property
    def methods(self) -> tuple[str, ...] | None: ...
    @property
    def exclude(self) -> tuple[str, ...]: ...
    @property
    def deprecated(self) -> bool: ...


class Everything(NamedTuple):
    """All that is not deprecated."""

    ids: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    deprecated: bool = False


def chosen(found: Found, choice: Choice) -> bool:
    if found.deprecated and not choice.deprecated:
        return False
    if choice.methods is not None and found.method not in (method.upper() for method in choice.methods):
        return False
    if choice.tags is not None and not any(_any(choice.tags, tag) for tag in found.tags):
        return False
    if choice.paths is not None and not any(_path(pattern, found.path) for pattern in choice.paths):
        return False
    if choice.ids is not None and not _named(found, choice.ids):
        return False
    return not _named(found, choice.exclude)


def unused(choice: Choice, operations: Sequence[Found]) -> list[str]:
    """What the operator wrote, and nothing in the document is called."""
    misses = [name for name in choice.ids or () if not any(_named(one, (name,)) for one in operations)]
    misses += [name for name in choice.exclude if not any(_named(one, (name,)) for one in operations)]
    misses += [
        tag for tag in choice.tags or () if not any(_any((tag,), said) for one in operations for said in one.tags)
    ]
    misses += [path for path in choice.paths or () if not any(_path(path, one.path) for one in operations)]
    return misses


def _named(found: Found, names: tuple[str, ...]) -> bool:
    """By its operationId, or as `GET /pets/{petId}`."""
    return any(
        (found.operation_id and fnmatchcase(found.operation_id, name)) or _request(name, found) for name in names
    )


def _request(name: str, found: Found) -> bool:
    method, blank, path = name.partition(" ")
    return bool(blank) and method.upper() in (found.method, "*") and _path(path, found.path)


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text.lower(), pattern.lower()) for pattern in patterns)


def _path(pattern: str, path: str) -> bool:
    """`/pets/*` is one segment more, `/pets/**` all below, and `/pets` itself; braces stand for themselves."""
    if pattern.endswith("/**"):
        return path == pattern[:-3] or path.startswith(pattern[:-2]) or _segments(pattern[:-3], path, open_end=True)
    return _segments(pattern, path, open_end=False)


def _segments(pattern: str, path: str, *, open_end: bool) -> bool:
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given) and not (open_end and len(given) > len(wanted)):
        return False
    return all(fnmatchcase(one, want.replace("[", "[[]")) for want, one in zip(wanted, given, strict=False))
