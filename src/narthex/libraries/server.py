"""What a small MCP server is: tools, resources and prompts under a name. The protocol around it is `conversation`.

Knows: what is offered, and who wants to hear of changes. Refuses to know: revisions, pipes, HTTP.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Tree = dict[str, Any]
page_items_max = 50
REQUIRED_SCOPES = "dev.narthex/required_scopes"  # in `_meta`: what a gateway may ask of callers (docs/scopes.md)
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}")  # RFC 6749, 3.3


class Refusal(Exception):
    """A tool cannot do what was asked; the text goes to the model, which may mend it."""


class NotFound(Exception):
    """There is no resource under this URI."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gives back: content blocks, and the same for machines."""

    content: Sequence[Tree]
    structured: Any = None


def text(said: str) -> Tree:
    return {"type": "text", "text": said}


@dataclass(frozen=True, slots=True)
class Principal:
    """For whom a call is made, as whoever stands in front has proved it."""

    subject: str
    tenant: str = ""
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:  # claims may hold what no log should
        return f"<Principal {self.subject}>"


class Call(Protocol):
    """What a tool may do while it works."""

    @property
    def principal(self) -> Principal | None:
        """None: nobody has found out who calls."""
        ...

    def progress(self, done: float, total: float | None, message: str) -> None: ...

    def log(self, level: str, said: Any) -> None: ...


ToolFunction = Callable[..., "Answer | Awaitable[Answer]"]
PromptFunction = Callable[..., "Sequence[Tree] | Awaitable[Sequence[Tree]]"]
Completer = Callable[[str], "Sequence[str] | Awaitable[Sequence[str]]"]


Check = Callable[[Tree], "str | None"]


@dataclass(frozen=True, slots=True)
class Tool:
    """`check` says what is wrong with arguments. Absent: they are held against a schema of the simple kind."""

    definition: Tree
    run: ToolFunction
    check: Check | None = None
    asks: bool = False  # it may ask the client something before it answers


@dataclass(frozen=True, slots=True)
class Prompt:
    definition: Tree
    render: PromptFunction
    completers: dict[str, Completer]


class Library(Protocol):
    """Where resources come from."""

    def list(self) -> Sequence[Tree]: ...

    def templates(self) -> Sequence[Tree]: ...

    def read(self, uri: str) -> Sequence[Tree] | Awaitable[Sequence[Tree]]:
        """The contents under `uri`. Raises NotFound."""
        ...

    def complete(self, template: str, argument: str, start: str) -> Sequence[str] | Awaitable[Sequence[str]]: ...


class Listener(Protocol):
    """Somebody who asked to be told of changes."""

    def hear(self, method: str, params: Tree) -> None: ...


@dataclass(slots=True)
class Server:
    """A server, transport-free. Everything in it lives as long as the process."""

    name: str
    title: str
    version: str
    instructions: str
    resources: Library | None = None
    ttl_ms: int = 60_000  # how long a peer may keep our lists
    scope: str = "public"  # nothing in them depends on who asks
    reads_privately: bool = False  # what is read may be another for each caller, and the next time
    subscribable: bool = False
    logs: bool = False
    page_items_max: int = page_items_max
    tools: dict[str, Tool] = field(default_factory=dict)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    listeners: set[Listener] = field(default_factory=set)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    kept: dict[str, Any] = field(default_factory=dict)  # of `asking`: what waits for a client's answer
    on_close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)  # what it holds is let go, last first

    def tool(
        self,
        name: str,
        *,
        title: str,
        description: str,
        takes: Tree,
        gives: Tree | None = None,
        required_scopes: Sequence[str] = (),
        **hints: bool,
    ) -> Callable[[ToolFunction], ToolFunction]:
        """Offer the decorated function, which gets a `Call` and the arguments by name.

        `required_scopes` are told, not enforced here: see `requiring`.
        """
        definition: Tree = {"name": name, "title": title, "description": description, "inputSchema": takes}
        if gives is not None:
            definition["outputSchema"] = gives
        definition["annotations"] = {"openWorldHint": False, **hints}
        definition = requiring(definition, required_scopes)

        def keep(run: ToolFunction) -> ToolFunction:
            self.tools[name] = Tool(definition, run)
            return run

        return keep

    def prompt(
        self,
        name: str,
        *,
        title: str,
        description: str,
        arguments: Sequence[Tree],
        required_scopes: Sequence[str] = (),
        **completers: Completer,
    ) -> Callable[[PromptFunction], PromptFunction]:
        definition = {"name": name, "title": title, "description": description, "arguments": list(arguments)}
        definition = requiring(definition, required_scopes)

        def keep(render: PromptFunction) -> PromptFunction:
            self.prompts[name] = Prompt(definition, render, completers)
            return render

        return keep

    async def aclose(self) -> None:
        """Whoever serves it no longer does."""
        self.closing.set()
        while self.on_close:
            await self.on_close.pop()()

    def info(self) -> Tree:
        return {"name": self.name, "title": self.title, "version": self.version}

    def capabilities(self) -> Tree:
        found: Tree = {"tools": {"listChanged": False}}
        if self.resources is not None:
            found["resources"] = {"subscribe": self.subscribable, "listChanged": self.subscribable}
        if self.prompts:
            found["prompts"] = {"listChanged": False}
        if self.prompts or self.resources is not None:
            found["completions"] = {}
        if self.logs:
            found["logging"] = {}
        return found

    def resource_changed(self, uri: str) -> None:
        self._tell("notifications/resources/updated", {"uri": uri})

    def resource_list_changed(self) -> None:
        self._tell("notifications/resources/list_changed", {})

    def _tell(self, method: str, params: Tree) -> None:
        for listener in tuple(self.listeners):
            listener.hear(method, params)


def takes(required: Sequence[str] = (), **properties: Tree) -> Tree:
    """The schema of a tool's arguments."""
    schema: Tree = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"required": list(required)} if required else schema


def gives(**properties: Tree) -> Tree:
    """The schema of a structured answer: every property is always there."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def requiring(definition: Tree, scopes: Sequence[str]) -> Tree:
    """The definition of a tool, prompt, resource or template, saying which scopes a caller of it should have.

    A server knows no callers: it is the gateway in front that asks for them, where its operator lets it.
    Raises ValueError for what is no list of scopes: it would be found out only by those who are not let in.
    """
    if isinstance(scopes, str) or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise ValueError(f"these are no scopes: {scopes!r}")
    if not scopes:
        return definition
    return {**definition, "_meta": {**definition.get("_meta", {}), REQUIRED_SCOPES: list(scopes)}}
