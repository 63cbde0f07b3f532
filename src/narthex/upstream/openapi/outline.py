"""The operations of a document in outline: enough to choose among them.

Knows: paths, methods, operationIds, tags. Refuses to know: parameters, bodies, answers.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from narthex.limits import openapi_operations_max
from narthex.upstream.openapi.document import BadDocument, Document
from narthex.upstream.openapi.request import leads_elsewhere

METHODS = ("get", "put", "post", "delete", "options", "patch")  # HEAD and TRACE have no answer that a model could read


class Found(NamedTuple):
    """`item` and `node` are what stands in the document, at the path and at the method."""

    method: str
    path: str
    operation_id: str
    tags: tuple[str, ...]
    deprecated: bool
    item: dict[str, Any]
    node: dict[str, Any]

    @property
    def title(self) -> str:
        return f"{self.method} {self.path}"


def operations_of(document: Document, complain: Callable[[str], None]) -> Iterator[Found]:
    """Every operation, in the document's order. Raises BadDocument where there are too many."""
    number = 0
    for path, item in document.paths:
        if path.startswith("x-"):
            continue
        if not _is_path(path):
            complain(f"{path[:100]!r} is no path: it does not start with a slash, or holds what no path may")
            continue
        try:
            if "$ref" in item:
                item = {**document.follow(item), **{name: value for name, value in item.items() if name != "$ref"}}
        except BadDocument as fault:
            complain(f"{path}: {fault}")
            continue
        for method in METHODS:
            node = item.get(method)
            if type(node) is not dict:
                continue
            number += 1
            if number > openapi_operations_max:
                raise BadDocument(f"it has more than {openapi_operations_max} operations")
            yield _found(method.upper(), path, item, node)


def _found(method: str, path: str, item: dict[str, Any], node: dict[str, Any]) -> Found:
    tags = node.get("tags")
    said = node.get("operationId")
    return Found(
        method,
        path,
        said if type(said) is str else "",
        tuple(tag for tag in tags if type(tag) is str) if type(tags) is list else (),
        node.get("deprecated") is True,
        item,
        node,
    )


def _is_path(path: str) -> bool:
    return (
        path.startswith("/")
        and not path.startswith("//")
        and all(sign.isprintable() and sign not in "?#\\" for sign in path)
        and not leads_elsewhere(path)  # also escaped: whoever is on the way may undo it
    )
