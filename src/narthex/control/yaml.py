"""YAML to nodes: the core schema of YAML 1.2, duplicate keys refused, a place for every value.

Knows: events of libyaml, scalars, anchors, merge keys. Refuses to know: what the file is for.

PyYAML's own constructors follow YAML 1.1 (`no` is false, `012` is ten, `12:30:00` is a number) and let the last of
two equal keys win in silence; its composer recurses, and a file of opening brackets ends the process. So only its
scanner is used, through events, and the nodes are built here without recursion.
"""

from collections.abc import Iterator
from typing import Any

import yaml  # type: ignore[import-untyped]

from narthex.control.document import Mark, Node
from narthex.control.problem import ConfigError, Problem
from narthex.limits import config_depth_max
from narthex.wire.plain_scalars import meant

_SCANNER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it was built in: three times faster
_TAG = "tag:yaml.org,2002:"
_PLAIN_TYPES = {"str", "int", "float", "bool", "null", "map", "seq", "merge"}


def parse(file: str, text: str) -> Node:
    """The single document of `text`, or ConfigError with the place of the mistake."""
    try:
        return _Builder(file).build(yaml.parse(text, Loader=_SCANNER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError([_syntax_problem(file, text, error, mark)]) from None
    except yaml.reader.ReaderError as error:
        # The two scanners count differently, bytes or characters: look for the character itself.
        letter = chr(error.character) if isinstance(error.character, int) else str(error.character)
        before = text.partition(letter)[0]
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        what = f"the character U+{ord(letter):04X} is not allowed in YAML"
        raise ConfigError([Problem(file, mark.line, mark.column, "", what, "Remove it.")]) from None


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.anchors: dict[str, Node] = {}
        self.problems: list[Problem] = []

    def build(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        open_nodes: list[Node] = []
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self.refuse(event, "a second document begins here", "Keep one document in the file.")
                break
            if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self.close(open_nodes.pop())
            elif isinstance(event, (yaml.NodeEvent)):
                node = self.node(event)
                if open_nodes:
                    open_nodes[-1].value.append(node)
                else:
                    root = node
                if isinstance(event, yaml.CollectionStartEvent):
                    open_nodes.append(node)
                    if len(open_nodes) > config_depth_max:
                        self.refuse(event, f"nested more than {config_depth_max} levels deep", "")
                        break
        if self.problems:
            raise ConfigError(self.problems)
        return root or Node("scalar", None, Mark(1, 1))

    def node(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            found = self.anchors.get(event.anchor)
            if found is None:
                self.refuse(
                    event, f"the alias *{event.anchor} names no anchor above it", f"Write &{event.anchor} first."
                )
            return found or Node("scalar", None, _mark(event))
        tag = event.tag or ""
        if tag not in ("", "!") and (not tag.startswith(_TAG) or tag.removeprefix(_TAG) not in _PLAIN_TYPES):
            self.refuse(
                event, f"the tag {tag.replace(_TAG, '!!')} is not understood", "Remove it: the key decides the type."
            )
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event, tag)
        else:
            kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
            node = Node(kind, [], _mark(event))
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def scalar(self, event: Any, tag: str) -> Node:
        text = event.value
        is_plain = event.implicit[0] and not tag
        typed = tag.startswith(_TAG) and not tag.endswith(":str")
        return Node("scalar", meant(text) if is_plain or typed else text, _mark(event), raw=text)

    def close(self, node: Node) -> None:
        if node.kind != "map":
            return
        flat = node.value
        pairs: list[tuple[Node, Node]] = []
        merged: list[tuple[Node, Node]] = []
        seen: dict[str, Node] = {}
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if key.kind == "scalar" and key.raw == "<<":
                merged += self.merge(key, value)
                continue
            name = self.key(key)
            if name in seen:
                first = seen[name].mark
                self.say(key.mark, name, f"the key '{name}' is here twice", f"It was first given in line {first.line}.")
                continue
            seen[name] = key
            pairs.append((Node("scalar", name, key.mark), value))
        for key, value in merged:  # what stands in the mapping itself wins over what is merged into it
            if key.value not in seen:
                seen[key.value] = key
                pairs.append((key, value))
        node.value = pairs

    def key(self, key: Node) -> str:
        if key.kind == "scalar":
            return key.raw
        self.say(key.mark, "", "a key must be a word, not a list or a mapping", "Put it in quotes.")
        return ""

    def merge(self, key: Node, value: Node) -> list[tuple[Node, Node]]:
        sources = value.value if value.kind == "list" else [value]
        if any(source.kind != "map" for source in sources):
            self.say(key.mark, "<<", "<< merges mappings only", "Name an anchored mapping: <<: *name.")
            return []
        # A mapping that merges itself is still open: its value is a flat list of nodes, not yet of pairs.
        if any(source.value and not isinstance(source.value[0], tuple) for source in sources):
            self.say(key.mark, "<<", "a mapping cannot be merged into itself", "")
            return []
        return [pair for source in sources for pair in source.value]

    def refuse(self, event: Any, what: str, remedy: str) -> None:
        self.say(_mark(event), "", what, remedy)

    def say(self, mark: Mark, path: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, mark.line, mark.column, path, what, remedy))


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _syntax_problem(file: str, text: str, error: yaml.MarkedYAMLError, mark: Any) -> Problem:
    what = error.problem or "this is not YAML"
    if error.context:
        what = f"{what} ({error.context})"
    remedy = "Look at the brackets, quotes, commas and the indentation here and in the lines above."
    if mark and mark.index < len(text) and text[mark.index] == "\t":
        what, remedy = "a tab cannot be used here", "YAML indents with spaces."
    elif "mapping values are not allowed" in what:
        remedy = "A value that holds ': ' needs quotes."
    elif "cannot start any token" in what:
        remedy = "A value that begins with this character needs quotes."
    elif "could not find expected ':'" in what or "did not find expected key" in what:
        remedy = "Look at the indentation, and for a missing ':' or quote, in the lines above."
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Problem(file, line, column, "", f"this is not valid YAML: {what}", remedy)
