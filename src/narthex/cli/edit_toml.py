"""One table of a TOML file set or removed, the rest of the text left as its owner wrote it.

Knows: where a table begins and ends in the text. Refuses to know: inline tables and dotted keys; a file that writes
its servers so is left alone, with the reason. Every edit is read back and compared with what was meant.
"""

import json
import re
import tomllib
from typing import Any

from narthex.cli.edit_json import EditError, Keys
from narthex.control.toml import key_parts

_HEAD = re.compile(r"^[ \t]*\[\[?[ \t]*([^\]\r\n]+?)[ \t]*\]\]?[ \t]*(?:#[^\r\n]*)?\r?$", re.MULTILINE)


def set_table(text: str, keys: Keys, value: dict[str, str | list[str] | dict[str, str]]) -> str:
    """`text` with the table at `keys` holding `value`."""
    tree = _parse(text)
    if _at(tree, keys) == value:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    body = [f"{_key(name)} = {_value(item)}" for name, item in value.items()]
    table = newline.join([f"[{'.'.join(_key(part) for part in keys)}]", *body]) + newline
    start, end = _span(text, keys)
    if start < 0:
        before = text.rstrip()
        result = before + (newline * 2 if before else "") + table
    else:
        result = text[:start] + table + text[end:]
    return _verified(result, _with(tree, keys, value))


def remove_table(text: str, keys: Keys) -> str:
    """`text` without the table at `keys` and the tables below it; unchanged when it is not there."""
    tree = _parse(text)
    if _at(tree, keys) is None:
        return text
    start, end = _span(text, keys)
    if start < 0:
        raise EditError("it writes the table in a way that is not edited here")
    before, after = text[:start].rstrip(), text[end:].lstrip("\r\n")
    newline = "\r\n" if "\r\n" in text else "\n"
    result = before + (newline * (2 if after else 1) if before else "") + after
    return _verified(result, _with(tree, keys, None))


def _span(text: str, keys: Keys) -> tuple[int, int]:
    """From the table's head to the next table that is not below it; comments above that one stay with it."""
    start = -1
    for head in _HEAD.finditer(text):
        parts = key_parts(head.group(1))
        is_ours = parts[: len(keys)] == keys
        if start < 0 and is_ours:
            start = head.start()
        elif start >= 0 and not is_ours:
            return start, _above_comments(text, start, head.start())
    return (start, len(text)) if start >= 0 else (-1, -1)


def _above_comments(text: str, start: int, end: int) -> int:
    lines = text[start:end].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        end -= len(lines.pop())
    return end


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise EditError(f"it is not valid TOML: {error}") from None


def _at(tree: Any, keys: Keys) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _with(tree: dict[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    first, *further = keys
    inner = tree.get(first)
    if further:
        value = _with(inner if isinstance(inner, dict) else {}, tuple(further), value)
    rest = {key: item for key, item in tree.items() if key != first}
    # A table without anything in it is not written, so it counts as absent.
    return rest if value in (None, {}) else {**rest, first: value}


def _value(item: str | list[str] | dict[str, str]) -> str:
    if isinstance(item, dict):
        return f"{{ {', '.join(f'{_key(name)} = {_value(one)}' for name, one in item.items())} }}"
    return json.dumps(item, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _verified(text: str, expected: dict[str, Any]) -> str:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        found = {"": None}
    if _tidy(found) != _tidy(expected):
        raise EditError("it writes its servers in a way that is not edited here (inline tables or dotted keys)")
    return text


def _tidy(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if value != {}}
