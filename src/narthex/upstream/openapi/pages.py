"""The pages after the first: where they are, and how many of them one call fetches.

Knows: `Link` headers (RFC 8288), addresses and cursors in the answer, page numbers. Refuses to know: how they are sent.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from narthex.model.json_path import Path, read
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.openapi.operation import Operation, Pages
from narthex.upstream.openapi.selecting import selected

_LINK = re.compile(r'<([^<>]{1,4096})>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s,;"]+))*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s,;"]+))', re.IGNORECASE)
LINK = "link"


class Paging:
    """How one tool finds its pages, its paths read once."""

    def __init__(self, pages: Pages, first: int = 1) -> None:
        """`first`: the number of the first page. Raises BadPath."""
        self.most, self._first = pages.most, first
        self._next: Path | None = read(pages.next) if pages.next not in (None, LINK) else None
        self._by_link = pages.next == LINK
        self._parameter = pages.parameter
        self._items: Path | None = read(pages.items) if pages.items is not None else None

    def items(self, value: Any) -> list[Any]:
        """What one page brings."""
        found = selected(value, self._items) if self._items is not None else value
        return found if type(found) is list else [] if found is None else [found]

    def next(self, reply: HttpReply, value: Any, arguments: Mapping[str, Any]) -> str | dict[str, Any] | None:
        """An address, or the arguments of the next request; None: this is the last."""
        if self._by_link:
            return next_link(reply)
        if self._next is not None:
            found = selected(value, self._next)
            if found in (None, "", False) or type(found) in (dict, list):
                return None
            return {**arguments, self._parameter: found} if self._parameter is not None else str(found)
        if self._parameter is None or not self.items(value):
            return None
        number = arguments.get(self._parameter, self._first)
        return {**arguments, self._parameter: number + 1} if type(number) is int else None


def next_link(reply: HttpReply) -> str | None:
    """The address of `rel="next"`."""
    for match in _LINK.finditer(reply.headers.get(b"link", b"").decode("latin-1")):
        rel = _REL.search(match[2])
        if rel is not None and "next" in (rel[1] or rel[2]).lower().split():
            return match[1]
    return None


def hint(reply: HttpReply, operation: Operation, arguments: Mapping[str, Any]) -> str | None:
    """Where an answer links to the next page: which arguments would bring it."""
    address = next_link(reply)
    if address is None:
        return None
    try:
        query = dict(parse_qsl(urlsplit(address).query))
    except ValueError:  # brackets in it that hold no address
        return None
    known = {one.name: one.argument for one in operation.parameters if one.place == "query"}
    changed = {
        known[name]: value
        for name, value in query.items()
        if name in known and str(arguments.get(known[name])) != value
    }
    said = ", ".join(f"{name}={value}" for name, value in changed.items())
    return f"There is a next page: call this tool again with {said}." if said else None
