"""What a small MCP server is: tools, resources and prompts under a name. The protocol around it is `conversation`.

Knows: what is offered, and who wants to hear of changes. Refuses to know: revisions, pipes, HTTP.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Tree = dict[str, Any]
page_items_max = 50


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


class Call(Protocol):
    """What a tool may do while it works."""

    def progress(self, done: float, total: float, message: str) -> None: ...

    def log(self, level: str, said: str) -> None: ...


ToolFunction = Callable[..., "Answer | Awaitable[Answer]"]
PromptFunction = Callable[..., Sequence[Tree]]
Completer = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Tool:
    definition: Tree
    run: ToolFunction


@dataclass(frozen=True, slots=True)
class Prompt:
    definition: Tree
    render: PromptFunction
    completers: dict[str, Completer]


class Library(Protocol):
    """Where resources come from."""

    def list(self) -> Sequence[Tree]: ...

    def templates(self) -> Sequence[Tree]: ...

    def read(self, uri: str) -> Sequence[Tree]:
        """The contents under `uri`. Raises NotFound."""
        ...

    def complete(self, template: str, argument: str, start: str) -> Sequence[str]: ...


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
    subscribable: bool = False
    logs: bool = False
    page_items_max: int = page_items_max
    tools: dict[str, Tool] = field(default_factory=dict)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    listeners: set[Listener] = field(default_factory=set)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def tool(
        self, name: str, *, title: str, description: str, takes: Tree, gives: Tree | None = None, **hints: bool
    ) -> Callable[[ToolFunction], ToolFunction]:
        """Offer the decorated function, which gets a `Call` and the arguments by name."""
        definition: Tree = {"name": name, "title": title, "description": description, "inputSchema": takes}
        if gives is not None:
            definition["outputSchema"] = gives
        definition["annotations"] = {"openWorldHint": False, **hints}

        def keep(run: ToolFunction) -> ToolFunction:
            self.tools[name] = Tool(definition, run)
            return run

        return keep

    def prompt(
        self, name: str, *, title: str, description: str, arguments: Sequence[Tree], **completers: Completer
    ) -> Callable[[PromptFunction], PromptFunction]:
        definition = {"name": name, "title": title, "description": description, "arguments": list(arguments)}

        def keep(render: PromptFunction) -> PromptFunction:
            self.prompts[name] = Prompt(definition, render, completers)
            return render

        return keep

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
