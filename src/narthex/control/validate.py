"""A document against the schema: every mistake at once, each with its place and a remedy.

Knows: the kinds of failure a schema can report, and how to say them to a person. Refuses to know: what two keys mean
together (that is `check`). Values are shown only as they were written, so that nothing filled in by `${…}` appears.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

import jsonschema_rs

from narthex.control.document import Document
from narthex.control.problem import Path, Problem
from narthex.control.schema import alternative, config_schema, resolve, schema_at

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping (key: value)",
    "null": "nothing",
}
_PATTERNS = {
    "^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$": (
        "a server's name has 1 to 32 letters, digits, '_' and '-', and begins with a letter or digit"
    ),
    "^[a-z0-9][a-z0-9-]{0,62}$": (
        "an endpoint's name has 1 to 63 small letters, digits and '-', and begins with a letter or digit"
    ),
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$": (
        "a tenant's name has 1 to 63 letters, digits, '.', '_' and '-', and begins with a letter or digit"
    ),
    "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$": "a header's name has 1 to 128 letters, digits and signs, without blanks",
    r"^[\x21\x23-\x5B\x5D-\x7E]{1,256}$": (
        "a scope has 1 to 256 visible ASCII characters, without blanks, quotation marks and backslashes"
    ),
}
# Words of other programs, and of later versions, for what people reach for.
_ELSEWHERE = {
    "url": "Here it is called 'upstream'.",
    "httpUrl": "Here it is called 'upstream'.",
    "serverUrl": "Here it is called 'upstream'.",
    "type": "Remove it: a server's kind is found out.",
    "transport": "Remove it: a server's kind is found out.",
    "disabled": "Here it is 'enabled: false'.",
    "envFile": "Name the variables under 'env', with values like ${NAME} or ${file:/path}.",
    "environment": "Here it is called 'env'.",
    "auth": "Here it is 'credentials', or 'headers: {Authorization: \"Bearer ${TOKEN}\"}'.",
    "oauth": "Here it is 'credentials: {type: client_credentials, …}'.",
    "timeout": "Here it is called 'timeout_seconds'.",
    "port": "Here it is part of 'listen: http://127.0.0.1:8080'.",
    "host": "Here it is part of 'listen: http://127.0.0.1:8080'.",
    "sql": "This version has no servers of this kind.",
    "workers": "This version runs as one process.",
    "bind": "This version does not bind arguments.",
}
_KNOWN_KEYS_SHOWN_MAX = 12


@cache
def _validator() -> Any:
    # Offline: a schema of ours refers to nothing outside, and must not begin to by mistake.
    return jsonschema_rs.Draft202012Validator(
        config_schema(), offline=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def validate(document: Document) -> tuple[list[Problem], set[Path]]:
    """All problems, and the paths that cannot be used because of them."""
    problems: list[Problem] = []
    broken: set[Path] = set()
    for error in _validator().iter_errors(document.tree):
        for path, problem in _explain(document, tuple(error.instance_path), error.kind):
            problems.append(problem)
            broken.add(path)
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return problems, broken


def suggest(word: str, known: list[str]) -> str:
    """`Did you mean 'upstream'?`, the known words if they are few, or nothing."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower().replace("-", "_"), by_lower, n=1, cutoff=0.6) or get_close_matches(
        word.lower(), by_lower, n=1, cutoff=0.6
    )
    if close:
        return f"Did you mean '{by_lower[close[0]]}'?"
    if known and len(known) <= _KNOWN_KEYS_SHOWN_MAX:
        return f"Known here: {', '.join(known)}."
    return ""


def _explain(document: Document, path: Path, kind: Any) -> Iterator[tuple[Path, Problem]]:
    if kind.name == "additionalProperties":
        schema = schema_at(path)
        known = sorted((alternative(schema, {}) or schema).get("properties", ()))
        for key in kind.unexpected:
            remedy = _ELSEWHERE.get(key) if path else None
            inner = (*path, key)
            yield inner, document.problem(inner, f"unknown key '{key}'", remedy or suggest(key, known), at_key=True)
    elif kind.name == "required":
        yield path, document.problem(path, f"the key '{kind.property}' is missing", _example(path, kind.property))
    elif kind.name == "propertyNames":
        yield from _bad_names(document, path)
    elif kind.name == "anyOf" and (inside := _inside(document, path)):
        yield from inside
    elif kind.name == "anyOf" and (items := _bad_items(document, path)):
        yield from items
    else:
        what, remedy = _sentence(document, path, kind)
        yield path, document.problem(path, what, remedy)


def _bad_names(document: Document, path: Path) -> Iterator[tuple[Path, Problem]]:
    rule = schema_at(path)["propertyNames"]
    accepts = jsonschema_rs.Draft202012Validator(rule, offline=True)
    value: Any = document.tree
    for part in path:
        value = value[part]
    for key in value:
        if not accepts.is_valid(key):
            inner = (*path, key)
            yield inner, document.problem(inner, f"'{key}' cannot be a name here", _rule(rule["pattern"]), at_key=True)


def _inside(document: Document, path: Path) -> list[tuple[Path, Problem]]:
    """Where a mapping, or a list of mappings, is one of the alternatives: what is wrong inside of it."""
    value = _value(document, path)
    meant = alternative(schema_at(path), value)
    if not meant or resolve(meant.get("items", meant)).get("type") != "object":
        return []
    accepts = jsonschema_rs.Draft202012Validator({**meant, "$defs": config_schema()["$defs"]}, offline=True)
    return [
        found
        for error in accepts.iter_errors(value)
        for found in _explain(document, (*path, *error.instance_path), error.kind)
    ]


def _bad_items(document: Document, path: Path) -> list[tuple[Path, Problem]]:
    """Where a list of words is one of the alternatives: the items that are no words."""
    value = _value(document, path)
    items = enumerate(value) if isinstance(value, list) else ()
    wrong = [((*path, index), item) for index, item in items if not isinstance(item, str)]
    return [(inner, document.problem(inner, f"must be text, and is {_kind_of(item)}")) for inner, item in wrong]


def _sentence(document: Document, path: Path, kind: Any) -> tuple[str, str]:
    value = _value(document, path)
    shown = document.written.get(path, value)
    match kind.name:
        case "type":
            return f"must be {_types(kind.types)}, and is {_kind_of(value)}", _hint(path, value)
        case "enum":
            options = [str(option) for option in kind.options]
            return f"'{shown}' is not one of {', '.join(options)}", suggest(str(shown), options)
        case "pattern":
            return f"'{shown}' cannot be used here", _rule(kind.pattern)
        case "exclusiveMinimum":
            return f"must be greater than {kind.limit:g}", ""
        case "minimum":
            return f"must be at least {kind.limit:g}", ""
        case "maximum":
            return f"must be at most {kind.limit:g}", ""
        case "anyOf" if value in ([], ""):
            return "must not be empty", ""
        case "anyOf":
            options = [_types([resolve(option).get("type")]) for option in schema_at(path).get("anyOf", ())]
            return f"must be {' or '.join(options)}, and is {_kind_of(value)}", _hint(path, value)
        case "minItems" | "minLength":
            return "must not be empty", ""
        case other:
            return f"is not accepted (rule '{other}' of the schema)", "See `narthex schema`."


def _value(document: Document, path: Path) -> Any:
    value = document.tree
    for part in path:
        value = value[part]
    return value


def _rule(pattern: str) -> str:
    words = _PATTERNS.get(pattern, f"it must match {pattern}")
    return f"{words[0].upper()}{words[1:]}."


def _types(types: Any) -> str:
    names = [types] if isinstance(types, str) else list(types)
    return " or ".join(_KINDS.get(name, name) for name in names)


def _kind_of(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def _hint(path: Path, value: Any) -> str:
    if path == ("servers",) and isinstance(value, dict):
        return "Write '- name: …' for each server, or name the key 'mcpServers' for a file of an MCP client."
    if isinstance(value, str) and schema_at(path).get("type") == "array":
        return "Put it in brackets: [ … ]."
    if value is None:
        return "For empty text write ''."
    return ""


def _example(path: Path, key: str) -> str:
    if path[:1] == ("servers",) and key == "name":
        return "Give every server a name, for example 'name: github'."
    return ""
