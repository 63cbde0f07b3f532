"""Taking the catalogue of a server: every list, every page, under limits.

Knows: paging and its traps (endless cursors, repeated ones, the empty string). Refuses to judge single items.
"""

import time
from typing import Any

import msgspec

from narthex.limits import Limits
from narthex.model.deadline import Deadline
from narthex.model.offer import Offer
from narthex.model.outcome import Failure, UpstreamFault
from narthex.upstream.era import EraRecord
from narthex.upstream.link.ask import Ask, Link
from narthex.wire.faults import METHOD_NOT_FOUND
from narthex.wire.revisions import LISTS

_CAPABILITY = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
}
_decode = msgspec.json.Decoder().decode


class Hints:
    """The least `ttlMs` and the strictest `cacheScope` of all pages."""

    def __init__(self) -> None:
        self.ttl_ms: int | None = None
        self.public = True

    def take(self, members: dict[str, Any]) -> None:
        ttl, scope = members.get("ttlMs"), members.get("cacheScope")
        if type(ttl) is int and ttl >= 0:
            self.ttl_ms = ttl if self.ttl_ms is None else min(self.ttl_ms, ttl)
        self.public = self.public and scope == "public"


async def take_offer(server: str, link: Link, era: EraRecord, limits: Limits, clock: Any) -> Offer:
    """All lists of one server. Raises `UpstreamFault`; an item that is no object is left out and said."""
    hints, skipped = Hints(), list[str]()
    lists = {method: list[dict[str, Any]]() for method in LISTS}
    for method in LISTS:
        if _CAPABILITY[method] in link.capabilities:
            lists[method] = await _walk(server, link, method, limits, clock, hints, skipped)
    return Offer(
        server=server,
        era=era.era,
        revision=link.revision,
        transport=era.transport,
        server_info=link.server_info,
        capabilities=link.capabilities,
        instructions=link.instructions,
        tools=tuple(lists["tools/list"]),
        resources=tuple(lists["resources/list"]),
        resource_templates=tuple(lists["resources/templates/list"]),
        prompts=tuple(lists["prompts/list"]),
        ttl_ms=hints.ttl_ms,
        public=hints.public and era.era == "modern",
        taken_at=time.time(),
        skipped=tuple(skipped),
    )


async def _walk(
    server: str, link: Link, method: str, limits: Limits, clock: Any, hints: Hints, skipped: list[str]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    seen: set[str] = set()
    size = 0
    for _ in range(limits.list_pages_max):
        params = {} if cursor is None else {"cursor": cursor}
        outcome = await link.request(Ask(method, params, Deadline(clock() + limits.call_seconds_max)))
        if isinstance(outcome, Failure):
            if outcome.code == METHOD_NOT_FOUND:
                return found  # it declared the capability and lacks the method, as many do for templates
            raise UpstreamFault(server, "upstream_list", f"{method} failed: {outcome.message[:200]}")
        items = outcome.members.get(LISTS[method])
        size += len(bytes(items)) if type(items) is msgspec.Raw else 0
        if size > limits.list_bytes_max:
            raise UpstreamFault(server, "upstream_too_large", f"{method} holds more than {limits.list_bytes_max} bytes")
        page = {name: _decode(value) for name, value in outcome.members.items() if type(value) is msgspec.Raw}
        hints.take(page)
        _collect(page.get(LISTS[method]), method, found, skipped)
        if len(found) > limits.list_items_max:
            raise UpstreamFault(server, "upstream_too_large", f"{method} holds more than {limits.list_items_max} items")
        cursor = page.get("nextCursor")
        if type(cursor) is not str:
            return found
        if cursor in seen:
            raise UpstreamFault(server, "upstream_list", f"{method} gave the same cursor twice")
        seen.add(cursor)
    raise UpstreamFault(server, "upstream_list", f"{method} has more than {limits.list_pages_max} pages")


def _collect(items: Any, method: str, found: list[dict[str, Any]], skipped: list[str]) -> None:
    if type(items) is not list:
        skipped.append(f"{method}: the page holds no list")
        return
    for item in items:
        if type(item) is dict:
            found.append(item)
        else:
            skipped.append(f"{method}: an item is not an object")
