"""A library whose author says which scopes its things require, as a process over pipes."""

from collections.abc import Sequence

from narthex.libraries.server import Answer, Call, NotFound, Server, Tree, requiring, takes, text
from narthex.libraries.stdio_server import run

SECRET_PLAN = requiring({"uri": "memo://plan", "name": "plan"}, ["memo:read"])
OPEN_NOTE: Tree = {"uri": "memo://note", "name": "note"}


class Memos:
    def list(self) -> Sequence[Tree]:
        return (SECRET_PLAN, OPEN_NOTE)

    def templates(self) -> Sequence[Tree]:
        return ()

    def read(self, uri: str) -> Sequence[Tree]:
        if uri not in (SECRET_PLAN["uri"], OPEN_NOTE["uri"]):
            raise NotFound(uri)
        return ({"uri": uri, "text": "written down"},)

    def complete(self, template: str, argument: str, start: str) -> Sequence[str]:
        return ()


server = Server("declaring", "Declaring", "1", "", resources=Memos())


@server.tool(
    "find_contact",
    title="Find",
    description="Finds one.",
    takes=takes(),
    required_scopes=("crm:read",),
    readOnlyHint=True,
)
def find_contact(call: Call) -> Answer:
    return Answer([text("found")])


@server.tool("ping", title="Ping", description="For everybody.", takes=takes())
def ping(call: Call) -> Answer:
    return Answer([text("pong")])


@server.prompt("greet", title="Greet", description="Greets.", arguments=(), required_scopes=("crm:greet",))
def greet() -> Sequence[Tree]:
    return [{"role": "user", "content": text("Hello.")}]


if __name__ == "__main__":
    run(server)
