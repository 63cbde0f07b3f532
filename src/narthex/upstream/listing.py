"""Taking the catalogue of a server: every list, every page, under limits.

Knows: paging and its traps (endless cursors, repeated ones, the empty string). Refuses to judge single items.
"""

import time
from typing import Any

import msgspec

from narthex.limits import Limits, list_values_max
from narthex.model.deadline import Deadline
from narthex.model.offer import Offer
from narthex.model.outcome import Failure, UpstreamFault
from narthex.upstream.era import EraRecord
from narthex.upstream.link.ask import Ask, Link
from narthex.wire.faults import METHOD_NOT_FOUND
from narthex.wire.revisions import LISTS
from narthex.wire.translate import opened

_CAPABILITY = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
}
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_OBJECT = ord("{")


class Hints:
    """The least `ttlMs` and the strictest `cacheScope` of all pages."""

    def __init__(self) -> None:
        self.ttl_ms: int | None = None
        self.public = True

    def take(self, ttl: Any, scope: Any) -> None:
        if type(ttl) is int and ttl >= 0:
            self.ttl_ms = ttl if self.ttl_ms is None else min(self.ttl_ms, ttl)
        self.public = self.public and scope == "public"


async def take_offer(
    server: str, link: Link, era: EraRecord, limits: Limits, clock: Any, before: Offer | None = None
) -> Offer:
    """All lists of one server. Raises `UpstreamFault`; an item that is no object is left out and said."""
    hints, skipped = Hints(), list[str]()
    lists = {method: list[msgspec.Raw]() for method in LISTS}
    for method in LISTS:
        if _CAPABILITY[method] in link.capabilities:
            try:
                lists[method] = await _walk(server, link, method, limits, clock, hints, skipped)
            except UpstreamFault as fault:
                # Tools are what a server is for; without another list of its own it is still worth having.
                if method == "tools/list" or fault.reason not in ("upstream_list", "upstream_too_large"):
                    raise
                lists[method] = list(_of(before, method))
                skipped.append(f"{fault.detail}; what it listed before is shown, if anything")
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


def _of(offer: Offer | None, method: str) -> tuple[msgspec.Raw, ...]:
    if offer is None:
        return ()
    kept = {"prompts/list": offer.prompts, "resources/list": offer.resources}
    return kept.get(method, offer.resource_templates)


async def _walk(
    server: str, link: Link, method: str, limits: Limits, clock: Any, hints: Hints, skipped: list[str]
) -> list[msgspec.Raw]:
    found: list[msgspec.Raw] = []
    cursor: str | None = None
    seen: set[str] = set()
    size = 0
    for _ in range(limits.list_pages_max):
        params = {} if cursor is None else {"cursor": cursor}
        outcome = await link.request(Ask(method, params, Deadline(clock() + limits.call_seconds_max)))
        if isinstance(outcome, Failure):
            if outcome.code == METHOD_NOT_FOUND:
                return found  # it declared the capability and lacks the method, as many do for templates
            note = f"{method} failed: {outcome.message[:200]}"
            raise UpstreamFault(server, "upstream_list", f"{method} failed", note=note)
        members = outcome.members
        size += sum(len(bytes(value)) for value in members.values() if type(value) is msgspec.Raw)
        if size > limits.list_bytes_max:
            raise UpstreamFault(server, "upstream_too_large", f"{method} holds more than {limits.list_bytes_max} bytes")
        hints.take(opened(members.get("ttlMs")), opened(members.get("cacheScope")))
        entries = _entries(server, method, members.get(LISTS[method]))
        if len(found) + len(entries or ()) > limits.list_items_max:
            raise UpstreamFault(server, "upstream_too_large", f"{method} holds more than {limits.list_items_max} items")
        _collect(entries, method, found, skipped)
        cursor = opened(members.get("nextCursor"))
        if type(cursor) is not str:
            return found
        if cursor in seen:
            raise UpstreamFault(server, "upstream_list", f"{method} gave the same cursor twice")
        seen.add(cursor)
    raise UpstreamFault(server, "upstream_list", f"{method} has more than {limits.list_pages_max} pages")


def _entries(server: str, method: str, raw: Any) -> list[msgspec.Raw] | None:
    """The entries of a page, each as its text: reading them is left to whoever judges them, one by one."""
    if type(raw) is not msgspec.Raw:
        return None
    text = bytes(raw)
    if text.count(b",") >= list_values_max:  # there are no more entries than commas, and one
        raise UpstreamFault(server, "upstream_too_large", f"{method} holds more than {list_values_max} values")
    try:
        return _read_list(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _collect(entries: list[msgspec.Raw] | None, method: str, found: list[msgspec.Raw], skipped: list[str]) -> None:
    if entries is None:
        skipped.append(f"{method}: the page holds no list")
        return
    objects = [entry for entry in entries if memoryview(entry)[0] == _OBJECT]
    found += objects
    if left := len(entries) - len(objects):
        skipped.append(f"{method}: {left} item{'s are' if left > 1 else ' is'} left out: not an object")
