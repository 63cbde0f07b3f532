"""JSON as editors write it, to nodes: comments and trailing commas allowed, a place for every value.

Knows: RFC 8259 plus `//`, `/* */` and the comma before a closing bracket (what VS Code calls JSONC). Refuses to
know: what the file is for. Offsets are kept, so that `narthex connect` can change one entry and leave the rest of
the text as its owner wrote it.
"""

import json
import re
from bisect import bisect_right

from narthex.control.document import Mark, Node
from narthex.control.problem import ConfigError, Problem
from narthex.limits import config_depth_max

_SPACE = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![0-9A-Za-z_.])")
_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"[A-Za-z_$'`][A-Za-z0-9_$'`]*")


def parse(file: str, text: str) -> Node:
    """The value of `text`, or ConfigError with the place of the mistake."""
    return _Scanner(file, text).document()


class _Scanner:
    def __init__(self, file: str, text: str) -> None:
        self.file, self.text, self.at = file, text, 0
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def document(self) -> Node:
        self.skip()
        node = self.value(0)
        self.skip()
        if self.at < len(self.text):
            raise self.wrong("the JSON value ends before this", "Remove what follows it.")
        return node

    def value(self, depth: int) -> Node:
        if depth > config_depth_max:
            raise self.wrong(f"nested more than {config_depth_max} levels deep", "")
        start = self.at
        letter = self.text[start : start + 1]
        if letter == "{":
            node = self.map(depth)
        elif letter == "[":
            node = self.list(depth)
        elif letter == '"':
            node = self.string()
        else:
            node = self.plain()
        node.start, node.end = start, self.at
        return node

    def map(self, depth: int) -> Node:
        node = Node("map", [], self.mark(self.at))
        seen: dict[str, Mark] = {}
        self.at += 1
        while not self.closed("}"):
            if self.at >= len(self.text):
                raise self.wrong("the file ends inside '{'", "Look for a missing '}'.")
            if self.text[self.at] != '"':
                raise self.wrong("a key in double quotes is expected here", "")
            start = self.at
            key = self.string()
            key.start, key.end = start, self.at
            if key.value in seen:
                self.at = start
                first = seen[key.value]
                raise self.wrong(f"the key '{key.value}' is here twice", f"It was first given in line {first.line}.")
            seen[key.value] = key.mark
            self.skip()
            if self.text[self.at : self.at + 1] != ":":
                raise self.wrong(f"a ':' is expected after the key '{key.value}'", "")
            self.at += 1
            self.skip()
            node.value.append((key, self.value(depth + 1)))
            self.comma("}")
        return node

    def list(self, depth: int) -> Node:
        node = Node("list", [], self.mark(self.at))
        self.at += 1
        while not self.closed("]"):
            node.value.append(self.value(depth + 1))
            self.comma("]")
        return node

    def closed(self, bracket: str) -> bool:
        self.skip()
        if self.text[self.at : self.at + 1] == bracket:
            self.at += 1
            return True
        return False

    def comma(self, bracket: str) -> None:
        self.skip()
        letter = self.text[self.at : self.at + 1]
        if letter == ",":
            self.at += 1
        elif letter != bracket:
            raise self.wrong(
                f"a ',' or '{bracket}' is expected here", "Look for a missing comma or bracket just before."
            )

    def string(self) -> Node:
        found = _STRING.match(self.text, self.at)
        if found is None:
            raise self.wrong(
                "this string does not end, or holds a character or '\\' escape that JSON forbids",
                "Write a backslash as '\\\\'.",
            )
        mark, self.at = self.mark(self.at), found.end()
        value = json.loads(found.group())
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self.wrong("this string holds half of a surrogate pair", "") from None
        return Node("scalar", value, mark, raw=value)

    def plain(self) -> Node:
        mark = self.mark(self.at)
        found = _NUMBER.match(self.text, self.at)
        if found:
            self.at = found.end()
            is_float = found.group(1) or found.group(2)
            return Node("scalar", float(found.group()) if is_float else int(found.group()), mark, raw=found.group())
        word = _WORD.match(self.text, self.at)
        if word and word.group() in _WORDS:
            self.at = word.end()
            return Node("scalar", _WORDS[word.group()], mark, raw=word.group())
        if self.at >= len(self.text):
            raise self.wrong("the file ends where a value is expected", "Look for a missing bracket.")
        raise self.wrong("this is not a JSON value", "Text needs double quotes.")

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None, "the pattern for white space matches nothing, too"
        self.at = found.end()

    def mark(self, offset: int) -> Mark:
        line = bisect_right(self.lines, offset)
        return Mark(line, offset - self.lines[line - 1] + 1)

    def wrong(self, what: str, remedy: str) -> ConfigError:
        mark = self.mark(min(self.at, len(self.text)))
        return ConfigError([Problem(self.file, mark.line, mark.column, "", f"this is not valid JSON: {what}", remedy)])
