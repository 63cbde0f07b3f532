"""A YAML document as JSON, in the core schema of YAML 1.2.

Knows: events of libyaml; that `no` is a word and `3.10` a version as it is written where it is a key; that ten aliases
of ten aliases are a bomb. Refuses to know: tags, and what the document is about.
"""

from typing import Any

import yaml  # type: ignore[import-untyped]

from narthex.limits import openapi_depth_max, openapi_document_bytes_max, openapi_yaml_values_max
from narthex.wire.plain_scalars import meant
from narthex.wire.strict import encode

_CHARS_PER_VALUE = openapi_document_bytes_max // openapi_yaml_values_max  # a longer text counts as several
_SCANNER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadYaml(Exception):
    """The text says what is wrong, and in which line."""


def json_of(text: bytes) -> bytes:
    """Raises BadYaml."""
    try:
        return encode(_Builder().build(yaml.parse(text, Loader=_SCANNER)))
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise BadYaml(f"{getattr(fault, 'problem', None) or 'it is no YAML'}{where}") from None
    except (RecursionError, UnicodeError) as fault:
        raise BadYaml(str(fault)[:100]) from None


class _Builder:
    def __init__(self) -> None:
        self._anchors: dict[str, tuple[Any, int]] = {}  # what it stands for, and how many values that is
        self._values = 0

    def build(self, events: Any) -> Any:
        # Each open collection: itself, the key that waits for its value, its anchor, the count of values before it,
        # and what is merged into it, which never wins over what stands there itself.
        stack: list[list[Any]] = []
        root: Any = None
        for event in events:
            if isinstance(event, yaml.AliasEvent):
                value = self._repeated(event)
            elif isinstance(event, yaml.ScalarEvent):
                values = 1 + len(event.value) // _CHARS_PER_VALUE
                self._count(event, values)
                is_plain = event.implicit[0] and event.tag is None
                waiting_for_key = bool(stack) and type(stack[-1][0]) is dict and stack[-1][1] is None
                value = meant(event.value) if is_plain and not waiting_for_key else event.value
                if event.anchor:
                    self._anchors[event.anchor] = (value, values)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._count(event, 1)
                made: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
                stack.append([made, None, event.anchor, self._values, {}])
                if len(stack) > openapi_depth_max:
                    raise BadYaml(f"it nests deeper than {openapi_depth_max} levels")
                continue
            elif isinstance(event, yaml.CollectionEndEvent):
                value, _, anchor, before, merged = stack.pop()
                if merged:
                    value |= {name: inner for name, inner in merged.items() if name not in value}
                if anchor:
                    self._anchors[anchor] = (value, self._values - before + 1)
            else:
                continue
            if stack:
                self._put(stack[-1], value, event)
            else:
                root = value
        return root

    def _put(self, place: list[Any], value: Any, event: Any) -> None:
        into = place[0]
        if type(into) is list:
            into.append(value)
        elif place[1] is None:
            if not isinstance(value, str):
                raise BadYaml(f"a key is no word{_line(event)}")
            if value in into:
                raise BadYaml(f"the key {value[:60]!r} stands there twice{_line(event)}")
            place[1] = value
        else:
            key, place[1] = place[1], None
            if key == "<<" and isinstance(value, dict):
                place[4] |= {name: inner for name, inner in value.items() if name not in place[4]}
            else:
                into[key] = value

    def _repeated(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise BadYaml(f"the alias *{event.anchor[:60]} names no anchor above it{_line(event)}")
        value, values = self._anchors[event.anchor]
        self._count(event, values)
        return value

    def _count(self, event: Any, values: int) -> None:
        self._values += values
        if self._values > openapi_yaml_values_max:
            raise BadYaml(f"it holds more than {openapi_yaml_values_max} values{_line(event)}")


def _line(event: Any) -> str:
    return f" (line {event.start_mark.line + 1})"
