"""A library in a test: called as a client calls it, without a network, a process, or a gateway.

Knows: the whole way of a call, from arguments as JSON to the answer. Refuses to know: test runners.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import msgspec

from narthex.libraries.conversation import Conversation
from narthex.libraries.exchange import CAPABILITIES, LOG_LEVEL, VERSION, CannotAsk
from narthex.libraries.finding import only, server_of
from narthex.libraries.revisions import MODERN
from narthex.libraries.server import Principal, Server, Tree
from narthex.libraries.surroundings import Secrets, Surroundings

Answers = Mapping[str, Any] | Callable[[str, Tree], Any]  # by message; None says no


class CallFailed(AssertionError):
    """The library answered with a protocol error."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a model would get."""

    text: str
    data: Any  # the structured answer; what stands under `result`, where it was no object
    is_error: bool
    content: list[Tree]
    structured: Any = None


@dataclass(slots=True)
class Client:
    """`progress`, `logs` and `reports` are what was said on the way; reports are what only an operator is told."""

    server: Server
    principal: Principal | None = None
    answers: Answers = field(default_factory=dict)
    progress: list[Tree] = field(default_factory=list)
    logs: list[Tree] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    _number: int = 0

    async def tools(self) -> list[Tree]:
        return await self._all("tools/list", "tools")

    async def resources(self) -> list[Tree]:
        """Single ones and templates."""
        if self.server.resources is None:
            return []
        single = await self._all("resources/list", "resources")
        return [*single, *await self._all("resources/templates/list", "resourceTemplates")]

    async def prompts(self) -> list[Tree]:
        return await self._all("prompts/list", "prompts")

    async def call(self, name: str, /, **arguments: Any) -> Result:
        """Raises CallFailed where there is no such tool, or its answer is not what its output schema promises."""
        found = await self.request("tools/call", name=name, arguments=_plain(arguments))
        structured = found.get("structuredContent")
        schema = self.server.tools[name].definition.get("outputSchema")
        if schema is not None and not found["isError"]:
            _promised(name, schema, structured)
        wrapped = schema is not None and isinstance(structured, dict) and [*schema.get("properties", ())] == ["result"]
        text = "\n".join(block["text"] for block in found["content"] if block["type"] == "text")
        data = structured["result"] if wrapped and structured else structured
        return Result(text, data, found["isError"], found["content"], structured)

    async def read(self, uri: str) -> str | bytes:
        """What stands under this URI."""
        (contents,) = (await self.request("resources/read", uri=uri))["contents"]
        if "text" in contents:
            return str(contents["text"])
        return msgspec.convert(contents["blob"], bytes)

    async def prompt(self, name: str, /, **arguments: str) -> list[Tree]:
        messages: list[Tree] = (await self.request("prompts/get", name=name, arguments=arguments))["messages"]
        return messages

    async def complete(self, of: str, argument: str, start: str = "") -> list[str]:
        """`of`: the name of a prompt, or a URI template."""
        ref = {"type": "ref/resource", "uri": of} if "://" in of else {"type": "ref/prompt", "name": of}
        found = await self.request("completion/complete", ref=ref, argument={"name": argument, "value": start})
        values: list[str] = found["completion"]["values"]
        return values

    async def request(self, method: str, **params: Any) -> Tree:
        """Any request. Raises CallFailed for an error."""
        self._number += 1
        meta = {VERSION: MODERN[0], CAPABILITIES: {}, LOG_LEVEL: "debug", "progressToken": self._number}
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": {**params, "_meta": meta}}
        response, _ = await Conversation(self.server, _nothing).answer(message, self._hear, self)
        response = msgspec.json.decode(msgspec.json.encode(response))
        if "error" in response:
            raise CallFailed(f"{method}: {response['error']['message']} ({response['error']['code']})")
        result: Tree = response["result"]
        return result

    async def _all(self, method: str, name: str) -> list[Tree]:
        found: list[Tree] = []
        cursor: Tree = {}
        while True:
            page = await self.request(method, **cursor)
            found += page[name]
            if "nextCursor" not in page:
                return found
            cursor = {"cursor": page["nextCursor"]}

    def _hear(self, message: Tree) -> None:
        told = self.progress if message["method"] == "notifications/progress" else self.logs
        told.append(message["params"])

    # To the library we are whoever serves it (`libraries.exchange.Host`).

    def report(self, sentence: str) -> None:
        self.reports.append(sentence)

    async def ask(self, method: str, params: Tree) -> Tree:
        if callable(self.answers):
            said = self.answers(params["message"], params["requestedSchema"])
        elif params["message"] in self.answers:
            said = self.answers[params["message"]]
        else:
            raise CannotAsk(params["message"])
        if said is None:
            return {"action": "decline"}
        said = _plain(said)
        return {"action": "accept", "content": said if isinstance(said, dict) else {"value": said}}


@asynccontextmanager
async def connect(
    library: Any,
    *,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    principal: Principal | None = None,
    answers: Answers | None = None,
) -> AsyncIterator[Client]:
    """A client of a library, or of a module with tools, for as long as the block lasts."""
    if isinstance(library, ModuleType):
        library = only(library, library.__name__)
    server = server_of(library, Surroundings(settings or {}, Secrets(secrets or {})))
    try:
        yield Client(server, principal, answers or {})
    finally:
        await server.aclose()


def call(library: Any, name: str, /, **arguments: Any) -> Result:
    """One call, for a test that is no coroutine."""

    async def once() -> Result:
        async with connect(library) as client:
            return await client.call(name, **arguments)

    return asyncio.run(once())


def _promised(name: str, schema: Tree, structured: Any) -> None:
    import jsonschema_rs

    flaw = next(jsonschema_rs.Draft202012Validator(schema).iter_errors(structured), None)
    if flaw is not None:
        raise CallFailed(f"the answer of '{name}' is not what its schema promises: {flaw.message}")


def _plain(value: Any) -> Any:
    """As JSON brings it."""
    from narthex.libraries.schemas import encode

    return msgspec.json.decode(encode(value))


def _nothing(_: Tree) -> None:
    """Nothing is said here outside of requests."""
