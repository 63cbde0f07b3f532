"""One member of a JSON file set or removed, the rest of the text left as its owner wrote it.

Knows: comments, trailing commas, indentation, line ends. Refuses to know: whose file it is. Every edit is read back
and compared with what was meant; an edit that would change anything else is refused.
"""

import json
import re
from typing import Any

from narthex.control import jsonc
from narthex.control.document import Mark, Node
from narthex.control.problem import ConfigError

Keys = tuple[str, ...]

_REST_OF_LINE = re.compile(r"([ \t]*)(,?)([ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/)?[ \t]*)")


class EditError(Exception):
    """The file cannot be edited safely; the text says why."""


def set_member(text: str, keys: Keys, value: Any) -> str:
    """`text` with the member at `keys` being `value`; objects on the way are made where they are missing."""
    if not text.strip():
        return _dumps(_nested(keys, value), "", "  ", "\n") + "\n"
    root = _parse(text)
    node, depth = root, 0
    while depth < len(keys) and (inner := node.member(keys[depth])) is not None:
        if depth + 1 < len(keys) and inner.kind != "map":
            raise EditError(f"'{'.'.join(keys[: depth + 1])}' is not an object there")
        node, depth = inner, depth + 1
    unit, newline = _unit(text, root), "\r\n" if "\r\n" in text else "\n"
    if depth == len(keys):
        if _plain(node) == value:
            return text
        result = text[: node.start] + _dumps(value, _indent(text, node.start), unit, newline) + text[node.end :]
    else:
        result = _insert(text, node, keys[depth], _nested(keys[depth + 1 :], value), unit, newline)
    return _verified(result, _with(_plain(root), keys, value))


def remove_member(text: str, keys: Keys) -> str:
    """`text` without the member at `keys`; unchanged when it is not there."""
    if not text.strip():
        return text
    root = _parse(text)
    node = root
    for key in keys[:-1]:
        inner = node.member(key)
        if inner is None:
            return text
        node = inner
    if node.member(keys[-1]) is None:
        return text
    return _verified(_cut(text, node, keys[-1]), _without(_plain(root), keys))


def read_member(text: str, keys: Keys) -> Any:
    """The value at `keys`, or None."""
    node: Node | None = _parse(text) if text.strip() else None
    for key in keys:
        node = node.member(key) if node is not None else None
    return None if node is None else _plain(node)


def _parse(text: str) -> Node:
    try:
        root = jsonc.parse("", text)
    except ConfigError as error:
        problem = error.problems[0]
        raise EditError(f"line {problem.line}, column {problem.column}: {problem.what}. {problem.remedy}") from None
    if root.kind != "map":
        raise EditError("it does not hold a JSON object")
    return root


def _insert(text: str, around: Node, key: str, value: Any, unit: str, newline: str) -> str:
    name = json.dumps(key, ensure_ascii=False)
    if not around.value:
        base = _indent(text, around.start)
        inside = text[around.start + 1 : around.end - 1].rstrip()
        member = f"{name}: {_dumps(value, base + unit, unit, newline)}"
        return f"{text[: around.start + 1]}{inside}{newline}{base}{unit}{member}{newline}{base}{text[around.end - 1 :]}"
    last = around.value[-1][1]
    if "\n" not in text[around.start : around.end]:  # all on one line: stay there
        return f"{text[: last.end]}, {name}: {json.dumps(value, ensure_ascii=False)}{text[last.end :]}"
    indent = _indent(text, around.value[-1][0].start)
    member = f"{name}: {_dumps(value, indent, unit, newline)}"
    rest = _REST_OF_LINE.match(text, last.end)
    assert rest is not None, "the pattern matches nothing, too"
    blank, comma, comment = rest.groups()
    # A trailing comma is somebody's style: keep it.
    return f"{text[: last.end]},{blank}{comment}".rstrip() + f"{newline}{indent}{member}{comma}{text[rest.end() :]}"


def _cut(text: str, around: Node, name: str) -> str:
    index = next(index for index, (key, _) in enumerate(around.value) if key.value == name)
    key, value = around.value[index]
    rest = _REST_OF_LINE.match(text, value.end)
    assert rest is not None, "the pattern matches nothing, too"
    if index + 1 < len(around.value):
        # Up to the next member, but leave the comments that stand on lines above it.
        end = rest.end()
        after = re.compile(r"(\r?\n)?[ \t]*").match(text, end)
        return text[: key.start] + text[after.end() if after else end :]
    before = text[: key.start].rstrip()
    if index == 0:
        tail = text[rest.end() : around.end - 1]
        inside = before[around.start + 1 :] + tail
        return (
            text[: around.start + 1] + (inside.rstrip() + _gap(tail) if inside.strip() else "") + text[around.end - 1 :]
        )
    previous = around.value[index - 1][1]
    between = text[previous.end : key.start]
    if not rest.group(2):
        between = _REST_OF_LINE.sub(r"\1\3", between, count=1)  # the comma that now separates nothing
    return text[: previous.end] + between.rstrip() + text[rest.end() :]


def _gap(tail: str) -> str:
    return tail[len(tail.rstrip()) :]


def _indent(text: str, offset: int) -> str:
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return line[: len(line) - len(line.lstrip())]


def _unit(text: str, root: Node) -> str:
    for key, _ in root.value:
        indent = _indent(text, key.start)
        if indent:
            return indent
    return "  "


def _dumps(value: Any, indent: str, unit: str, newline: str) -> str:
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return (newline + indent).join(lines)


def _nested(keys: Keys, value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _with(tree: Any, keys: Keys, value: Any) -> Any:
    if not keys:
        return value
    inner = tree.get(keys[0], {}) if isinstance(tree, dict) else {}
    return {**tree, keys[0]: _with(inner, keys[1:], value)}


def _without(tree: Any, keys: Keys) -> Any:
    if len(keys) == 1:
        return {key: value for key, value in tree.items() if key != keys[0]}
    return {**tree, keys[0]: _without(tree[keys[0]], keys[1:])}


def _plain(node: Node) -> Any:
    if node.kind == "map":
        return {key.value: _plain(value) for key, value in node.value}
    if node.kind == "list":
        return [_plain(value) for value in node.value]
    return node.value


def _verified(text: str, expected: Any) -> str:
    try:
        found = _plain(jsonc.parse("", text))
    except ConfigError:
        found = Node("scalar", None, Mark(0, 0))
    if found != expected:
        raise EditError("its layout is too unusual to be edited safely")
    return text
