"""The documents of Brightwater Kites: text in several scripts, and the company's logo.

Knows: a shelf of short texts. Refuses to know: the protocol.
"""

import base64
from collections.abc import Sequence
from typing import Any

from narthex.libraries.demo.logo import logo
from narthex.libraries.demo.shelf import DOCUMENTS, Document
from narthex.libraries.server import Answer, Call, NotFound, Server, gives, takes, text
from narthex.libraries.stdio_server import run

Tree = dict[str, Any]

_NAMES = [document.name for document in DOCUMENTS]


class Shelf:
    """Documents by name, and as resources."""

    def __init__(self) -> None:
        self.documents = {document.name: document for document in DOCUMENTS}

    def find(self, query: str) -> list[Document]:
        words = query.casefold().split()
        return [one for one in self.documents.values() if all(word in one.searched() for word in words)]

    def list(self) -> Sequence[Tree]:
        return [_described(document) for document in self.documents.values()]

    def templates(self) -> Sequence[Tree]:
        return [{"uriTemplate": "docs://brightwater/{name}", "name": "document", "title": "A document"}]

    def read(self, uri: str) -> Sequence[Tree]:
        document = self.documents.get(uri.removeprefix("docs://brightwater/"))
        if document is None or uri != document.uri:
            raise NotFound(uri)
        return [_contents(document)]

    def complete(self, template: str, argument: str, start: str) -> Sequence[str]:
        return [name for name in self.documents if name.startswith(start)]


def _described(document: Document) -> Tree:
    return {
        "uri": document.uri,
        "name": document.name,
        "title": document.title,
        "description": f"In {document.language}",
        "mimeType": "text/markdown",
        "size": len(document.text.encode("utf-8")),
    }


def _contents(document: Document) -> Tree:
    return {"uri": document.uri, "mimeType": "text/markdown", "text": document.text}


shelf = Shelf()
server = Server(
    name="brightwater-docs",
    title="Brightwater Documents",
    version="1.0.0",
    instructions="The documents of Brightwater Kites. search_docs finds them, read_doc reads one.",
    resources=shelf,
    ttl_ms=300_000,
)


@server.tool(
    "search_docs",
    title="Search documents",
    description="Find documents by words in their title or text. Gives links to read.",
    takes=takes(
        ["query"],
        query={"type": "string", "description": "Words that must all occur", "maxLength": 200},
        limit={"type": "integer", "description": "At most this many", "minimum": 1, "maximum": 20, "default": 5},
    ),
    readOnlyHint=True,
    idempotentHint=True,
)
def search_docs(call: Call, query: str, limit: int = 5) -> Answer:
    found = shelf.find(query)[:limit]
    if not found:
        return Answer([text(f"No document has all of: {query}. There are: {', '.join(_NAMES)}.")])
    links = [{"type": "resource_link", **_described(document)} for document in found]
    return Answer([text(f"{len(found)} found: {', '.join(document.name for document in found)}."), *links])


@server.tool(
    "read_doc",
    title="Read a document",
    description="The whole text of one document, as Markdown.",
    takes=takes(["name"], name={"type": "string", "enum": _NAMES}),
    gives=gives(name={"type": "string"}, language={"type": "string"}, text={"type": "string"}),
    readOnlyHint=True,
    idempotentHint=True,
)
def read_doc(call: Call, name: str) -> Answer:
    document = shelf.documents[name]
    contents = {"type": "resource", "resource": _contents(document)}
    structured = {"name": name, "language": document.language, "text": document.text}
    return Answer([text(document.text), contents], structured)


@server.tool(
    "company_logo",
    title="Company logo",
    description="The logo of Brightwater Kites as a small picture.",
    takes=takes(),
    readOnlyHint=True,
    idempotentHint=True,
)
def company_logo(call: Call) -> Answer:
    data = base64.b64encode(logo()).decode("ascii")
    return Answer([{"type": "image", "data": data, "mimeType": "image/png", "annotations": {"audience": ["user"]}}])


if __name__ == "__main__":
    run(server)
