"""What is wrong with a value, all of it, each with what was expected, what came, and what may have been meant.

Knows: the errors of the validator, and which of several alternatives was probably meant. Refuses to repeat a secret,
and to list what would take too long to list.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from narthex.limits import error_pointer_chars_max, errors_branch_max, errors_said_max, explained_ns_max
from narthex.policy.validation import phrases
from narthex.policy.validation.checked import Checked, Schema
from narthex.policy.validation.naming import is_secret, nearest
from narthex.policy.validation.narrowing import narrowed

Path = tuple[str | int, ...]

_UNEXPECTED = frozenset({"additionalProperties", "unevaluatedProperties"})
_UNKNOWN = "a property that is not known"
_UNIONS = frozenset({"anyOf", "oneOf"})


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing to mend."""

    path: Path
    expected: str
    got: str  # as it may be told to whoever sent it
    kind: str  # the same without any value
    suggestion: str | None = None

    @property
    def pointer(self) -> str:
        text = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in self.path)
        return text if len(text) <= error_pointer_chars_max else text[:error_pointer_chars_max] + "…"


@dataclass(frozen=True, slots=True)
class Flaws:
    """The first few, and how many there are beside them. `whole`: all were looked for."""

    told: tuple[Flaw, ...]
    more: int = 0
    whole: bool = True


def flaws_of(checked: Checked, value: Any) -> Flaws:
    """`checked` does not accept the value."""
    if checked.effort(value, explained_ns_max) <= explained_ns_max:
        return _first(_listed(checked, value), whole=True)
    smaller = narrowed(checked, value)
    if smaller is None or checked.effort(smaller.value, explained_ns_max) > explained_ns_max:
        return Flaws((), whole=False)
    moved = ((flaw, smaller.original(flaw.path)) for flaw in _listed(checked, smaller.value))
    return _first([replace(flaw, path=path) for flaw, path in moved if path is not None], whole=False)


def _listed(checked: Checked, value: Any) -> list[Flaw]:
    found = _Reader(checked.read(), value).all(checked.validator.iter_errors(value))
    return list(dict.fromkeys(found))  # two keywords may say the same


def _first(found: list[Flaw], *, whole: bool) -> Flaws:
    return Flaws(tuple(found[:errors_said_max]), max(0, len(found) - errors_said_max), whole)


class _Reader:
    """The errors of one value."""

    def __init__(self, schema: Schema, value: Any) -> None:
        self._schema, self._value = schema, value

    def all(self, errors: Iterable[Any]) -> Iterator[Flaw]:
        errors = list(errors)
        missing = {(tuple(one.instance_path), one.kind.property) for one in errors if one.kind.name == "required"}
        for error in errors:
            yield from self._of(error, missing)

    def _of(self, error: Any, missing: set[tuple[Path, str]]) -> Iterator[Flaw]:
        kind, path = error.kind, tuple(error.instance_path)
        if kind.name in _UNEXPECTED:
            yield from self._unexpected(error, path, [name for place, name in missing if place == path])
        elif kind.name == "required":
            yield self._missing(error, path)
        elif kind.name == "propertyNames":
            yield self._misnamed(error, path)
        elif kind.name in _UNIONS and any(getattr(kind, "context", ())):
            yield from self._union(error, path)
        else:
            yield self._plain(error, path)

    # ---- one error -------------------------------------------------------------------------------------------------

    def _plain(self, error: Any, path: Path) -> Flaw:
        value = self._at(path)
        suggestion = None
        if error.kind.name == "enum" and type(value) is str:
            options = [option for option in error.kind.options if type(option) is str]
            suggestion = nearest(value, options)
        return self._flaw(path, phrases.expected(error.kind), value, self._said_by(error), suggestion)

    def _flaw(self, path: Path, expected: str, value: Any, rule: Schema, suggestion: str | None = None) -> Flaw:
        hidden = (
            any(type(step) is str and is_secret(step) for step in path)
            or rule.get("writeOnly") is True
            or rule.get("format") == "password"
        )
        got = phrases.came(value, hidden=hidden)
        return Flaw(path, expected, got, phrases.came(value, hidden=True), suggestion)

    def _missing(self, error: Any, path: Path) -> Flaw:
        name, known = error.kind.property, self._properties(error)
        rule = known.get(name)
        wanted = _wanted(rule) if type(rule) is dict else "a value"
        here = self._at(path)
        misspelt = nearest(name, (one for one in here if one not in known)) if type(here) is dict else None
        if misspelt is not None:
            expected = f"the property {phrases.text_of(name)}, which is required"
            return Flaw((*path, misspelt), expected, _UNKNOWN, _UNKNOWN, name)
        return Flaw((*path, name), f"{wanted}, which is required", "nothing", "nothing")

    def _unexpected(self, error: Any, path: Path, missing: list[str]) -> Iterator[Flaw]:
        known = list(self._properties(error))
        here = self._at(path)
        free = [name for name in known if name not in here] if type(here) is dict else known
        expected = f"only {phrases.names(known)}" if known else "no properties"
        for name in error.kind.unexpected:
            if any(nearest(one, [name]) for one in missing):
                continue  # what is missing says so
            yield Flaw((*path, name), expected, _UNKNOWN, _UNKNOWN, nearest(name, free))

    def _misnamed(self, error: Any, path: Path) -> Flaw:
        inner = error.kind.error
        name = inner.instance if type(inner.instance) is str else ""
        expected = f"names of properties to be {phrases.expected(inner.kind)}"
        return Flaw((*path, name), expected, f"the name {phrases.text_of(name)}", "another name")

    # ---- alternatives ----------------------------------------------------------------------------------------------

    def _union(self, error: Any, path: Path) -> Iterator[Flaw]:
        branches = [branch for branch in error.kind.context if branch]
        possible = [branch for branch in branches if not _is_other_type(branch, path)]
        if not possible:
            types = [name for branch in branches for one in branch for name in _types(one, path)]
            yield self._flaw(path, phrases.of_types(types), self._at(path), self._said_by(error))
            return
        told = self._told_apart(possible)
        if told is not None:
            yield told
            return
        best = min(possible, key=_distance)
        yield from list(self.all(best))[:errors_branch_max]

    def _told_apart(self, branches: list[list[Any]]) -> Flaw | None:
        """Where every alternative wants another constant at one place, that is what is wrong."""
        wanted: dict[Path, list[Any]] = {}
        for branch in branches:
            for one in branch:
                if one.kind.name in ("const", "enum"):
                    wanted.setdefault(tuple(one.instance_path), []).append(one)
        for path, errors in wanted.items():
            if len(errors) >= len(branches) and (len(branches) > 1):
                options = [option for one in errors for option in _options(one.kind)]
                value = self._at(path)
                texts = [option for option in options if type(option) is str]
                suggestion = nearest(value, texts) if type(value) is str else None
                return self._flaw(path, phrases.one_of(options), value, self._said_by(errors[0]), suggestion)
        return None

    # ---- where it is -----------------------------------------------------------------------------------------------

    def _at(self, path: Path) -> Any:
        value = self._value
        for step in path:
            value = value[step]
        return value

    def _said_by(self, error: Any) -> Schema:
        """The schema object in which the keyword of an error stands."""
        node: Any = self._schema
        for step in list(error.schema_path)[:-1]:
            try:
                node = node[step]
            except (KeyError, IndexError, TypeError):
                return {}  # its path begins elsewhere, at a name of its own: nothing is known of it then
        return node if type(node) is dict else {}

    def _properties(self, error: Any) -> Schema:
        found = self._said_by(error).get("properties")
        return found if type(found) is dict else {}


def _wanted(rule: Schema) -> str:
    if type(rule.get("enum")) is list and rule["enum"]:
        return phrases.one_of(rule["enum"])
    if "const" in rule:
        return phrases.text_of(rule["const"])
    types = rule.get("type")
    if type(types) is str:
        return phrases.of_types([types])
    if type(types) is list and types:
        return phrases.of_types([one for one in types if type(one) is str])
    return "a value"


def _types(error: Any, path: Path) -> list[str]:
    if error.kind.name == "type" and tuple(error.instance_path) == path:
        return list(error.kind.types)
    if error.kind.name in _UNIONS:
        return [name for branch in error.kind.context for one in branch for name in _types(one, path)]
    return []


def _is_other_type(branch: list[Any], path: Path) -> bool:
    """The value is of another type than this alternative is for."""
    for error in branch:
        if tuple(error.instance_path) != path:
            continue
        if error.kind.name == "type":
            return True
        if error.kind.name in _UNIONS and all(_is_other_type(inner, path) for inner in error.kind.context):
            return True
    return False


def _distance(branch: list[Any]) -> tuple[int, int]:
    """A constant that is another one tells alternatives apart more surely than anything else."""
    return sum(error.kind.name in ("const", "enum") for error in branch), len(branch)


def _options(kind: Any) -> list[Any]:
    return [kind.expected_value] if kind.name == "const" else list(kind.options)
