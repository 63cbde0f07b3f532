"""From a document to tools: chosen, named, described, each with its schema.

Knows: the order of things, and that one broken operation must not cost the others. Refuses to know: requests.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from narthex.limits import openapi_description_chars_max, openapi_problems_max, tool_name_chars_max
from narthex.upstream.openapi.accepting import accepted
from narthex.upstream.openapi.bodies import Bodies
from narthex.upstream.openapi.choosing import Choice, Everything, chosen, unused
from narthex.upstream.openapi.document import BadDocument, Document
from narthex.upstream.openapi.naming import named
from narthex.upstream.openapi.operation import HttpTool, Operation
from narthex.upstream.openapi.outline import Found, operations_of
from narthex.upstream.openapi.parameters import Names, Parameters
from narthex.upstream.openapi.prose import clipped, plain
from narthex.upstream.openapi.schemas import Schemas

Tree = dict[str, Any]


class Problems:
    """What could not be taken over, each once, and not without end."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        if text in self._texts:
            return
        if len(self._texts) < openapi_problems_max:
            self._texts.append(text)
        else:
            self._more += 1

    @property
    def all(self) -> list[str]:
        return [*self._texts, f"and {self._more} more"] if self._more else self._texts


class Imported(NamedTuple):
    """`tools` are those that were chosen; `tags` are of every operation there is, chosen or not, by its title."""

    document: Document
    tools: list[HttpTool]
    tags: dict[str, tuple[str, ...]]
    problems: list[str]

    @property
    def found(self) -> int:
        return len(self.tags)


def imported(
    text: bytes,
    choice: Choice | None = None,
    *,
    name_chars_max: int = tool_name_chars_max,
    fixed: frozenset[tuple[str, str]] = frozenset(),
) -> Imported:
    """The tools of a document. `fixed`: headers (in lower case) and such that the operator fills in.

    Takes seconds for the largest there are, so not on the loop. Raises BadDocument.
    """
    choice = choice or Everything()
    document, problems = Document(text), Problems()
    wanted: list[Found] = []
    every: list[Found] = []
    for found in operations_of(document, problems.add):
        every.append(found._replace(item={}, node={}))
        if chosen(found, choice):
            wanted.append(found)
    for name in unused(choice, every):
        problems.add(f"nothing in the document is called {name[:100]!r}")
    making = _Making(document, problems.add, fixed)
    names = named(wanted, name_chars_max)
    tools = [made for found, name in zip(wanted, names, strict=True) if (made := making.tool(found, name)) is not None]
    return Imported(document, tools, {found.title: found.tags for found in every}, problems.all)


class _Making:
    def __init__(self, document: Document, complain: Callable[[str], None], fixed: frozenset[tuple[str, str]]) -> None:
        self._document, self._complain = document, complain
        self._schemas = Schemas(document, complain)
        self._parameters = Parameters(document, self._schemas, complain, fixed)
        self._bodies = Bodies(document, self._schemas)

    def tool(self, found: Found, name: str) -> HttpTool | None:
        names = Names()
        try:
            given = self._parameters.read(found.item, found.node, found.path, names)
            body = self._bodies.read(found.node, names)
        except BadDocument as fault:
            self._complain(f"{found.title} is left out: {fault}")
            return None
        operation = Operation(
            found.method,
            found.path,
            tuple(one.parameter for one in given),
            body.body if body is not None else None,
            accepted(self._document, found.node.get("responses")),
            withheld=self._parameters.withheld,
        )
        properties = {one.parameter.argument: one.schema for one in given}
        properties |= body.schemas if body is not None else {}
        required = [argument for argument, needed in operation.arguments.items() if needed]
        schema: Tree = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return HttpTool(name, _title(found), _description(found), self._schemas.bundle(schema), operation)


def _title(found: Found) -> str:
    summary = found.node.get("summary")
    said = plain(summary).partition("\n")[0] if type(summary) is str else ""
    return clipped(said or found.title, 120)


def _description(found: Found) -> str:
    """What it does, in the document's words, and which request it is."""
    parts: list[str] = []
    for key in ("summary", "description"):
        said = found.node.get(key) or found.item.get(key)
        text = plain(said) if type(said) is str else ""
        if text and not any(part.startswith(text) or text.startswith(part) for part in parts):
            parts.append(text)
        elif text and parts and len(text) > len(parts[0]):
            parts = [text]
    if found.deprecated:
        parts.append("Deprecated.")
    said = clipped("\n\n".join(parts), openapi_description_chars_max)
    return f"{said}\n\n({found.title})" if said else found.title
