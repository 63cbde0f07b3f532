"""What of one endpoint a caller sees: its lists, its instructions, and what a listener compares.

Knows: the lists as they were compiled, and the predicate that also forbids (`policy/scopes`). Refuses to know: pages,
and who listens. Callers with the same rights have the same sight: it is made once and kept with the endpoint.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TypeVar

from narthex.catalog.merge import fingerprint
from narthex.catalog.voice import instructions
from narthex.limits import sights_per_endpoint_max
from narthex.model.endpoint import Endpoint, Items
from narthex.model.identity import Principal
from narthex.policy.scopes import missing

Item = TypeVar("Item")
_CALLED_BY = {
    "tools/list": "tools/call",
    "prompts/list": "prompts/get",
    "resources/list": "resources/read",
    "resources/templates/list": "resources/read",
}


class _Kept:
    """What was worked out for one set of scopes. It knows no endpoint, so that both can go at once."""

    __slots__ = ("fingerprints", "items", "whole")

    def __init__(self) -> None:
        self.items: dict[str, Items] = {}
        self.fingerprints: dict[str, int] = {}
        self.whole: dict[str, bool] = {}


class Sight:
    """An endpoint through the eyes of whoever has these scopes. Lists are sifted when they are first asked for."""

    __slots__ = ("_endpoint", "_kept", "_who")

    def __init__(self, endpoint: Endpoint, who: Principal, kept: _Kept) -> None:
        self._endpoint, self._who, self._kept = endpoint, who, kept

    def items(self, method: str) -> Items:
        """One list; the endpoint's own where nothing of it is hidden."""
        found = self._kept.items.get(method)
        if found is None:
            found = self._kept.items[method] = self._sifted(self._endpoint.lists[method])
        return found

    def shown(self, method: str) -> Items:
        """The same without what the operator's own rules forbid this caller, whatever the arguments.

        The rules are asked about each item, once per caller and world: with many of them, not on the event loop.
        """
        endpoint, items = self._endpoint, self.items(method)
        judge, verb = endpoint.judge, _CALLED_BY[method]
        if judge is None:
            return items
        found: Items | None = endpoint.sights.get((self._who, method))
        if found is None:
            hides = [judge.hides(endpoint, self._who, verb, thing) for thing in items.things]
            found = _only(items, [place for place, hidden in enumerate(hides) if not hidden])
            _keep(endpoint, (self._who, method), found)
        return found

    def fingerprint(self, method: str) -> int:
        """What a listener compares: equal as long as its own list says the same."""
        found = self._kept.fingerprints.get(method)
        if found is None:
            found = self._kept.fingerprints[method] = fingerprint(self.items(method).digests)
        return found

    def has_whole(self, server: str) -> bool:
        """Whether nothing of this server is hidden here, by the configuration or for want of a scope."""
        found = self._kept.whole.get(server)
        if found is None:
            found = self._kept.whole[server] = self._whole(server)
        return found

    def names(self, method: str) -> Iterable[str]:
        """The public names in the list of tools, or of prompts."""
        endpoint = self._endpoint
        if endpoint.judge is not None:  # not worth asking the rules about everything: what was listed is known
            listed: Items | None = endpoint.sights.get((self._who, method))
            return () if listed is None else [thing.public for thing in listed.things]
        if method == "tools/list":
            return [name for name, tool in endpoint.tools.items() if self._sees(tool.needs)]
        return [name for name, prompt in endpoint.prompts.items() if self._sees(endpoint.reach[prompt.server].rest)]

    def knows(self, server: str) -> bool:
        """Whether this server may be spoken of."""
        return self._sees(self._endpoint.reach[server].told)

    @property
    def instructions(self) -> str | None:
        return instructions(block for block in self._endpoint.blocks if not block[0] or self.knows(block[0]))

    @property
    def degraded(self) -> list[str]:
        return [server for server in self._endpoint.degraded if self.knows(server)]

    def _sees(self, needed: frozenset[str]) -> bool:
        return not needed or not missing(self._who, needed)

    def _whole(self, server: str) -> bool:
        endpoint = self._endpoint
        if server not in endpoint.whole or endpoint.judge is not None or not self._sees(endpoint.reach[server].rest):
            return False
        return all(self._sees(tool.needs) for tool in endpoint.tools.values() if tool.server == server)

    def _sifted(self, items: Items) -> Items:
        sees = {needed: self._sees(needed) for needed in set(items.needs)}
        if all(sees.values()):
            return items
        return _only(items, [place for place, needed in enumerate(items.needs) if sees[needed]])


def sight(endpoint: Endpoint, who: Principal) -> Sight:
    """What this caller sees."""
    granted = who.scopes & endpoint.scopes
    kept: _Kept | None = endpoint.sights.get(granted)
    if kept is None:
        kept = _Kept()
        _keep(endpoint, granted, kept)
    return Sight(endpoint, who, kept)


def _keep(endpoint: Endpoint, key: Any, found: Any) -> None:
    with suppress(RuntimeError, KeyError):  # another thread has made room meanwhile
        if len(endpoint.sights) >= sights_per_endpoint_max:
            del endpoint.sights[next(iter(endpoint.sights))]
    endpoint.sights[key] = found


def _only(items: Items, places: list[int]) -> Items:
    if len(places) == len(items.keys):
        return items
    # Revisions that read the same share one tuple, and go on sharing it.
    encoded = {id(one): _picked(one, places) for one in {id(one): one for one in _encodings(items)}.values()}
    return Items(
        keys=_picked(items.keys, places),
        modern=encoded[id(items.modern)],
        legacy={revision: encoded[id(one)] for revision, one in items.legacy.items()},
        needs=_picked(items.needs, places),
        digests=_picked(items.digests, places),
        things=_picked(items.things, places) if items.things else (),
    )


def _encodings(items: Items) -> Iterable[tuple[bytes, ...]]:
    return (items.modern, *items.legacy.values())


def _picked(found: tuple[Item, ...], places: list[int]) -> tuple[Item, ...]:
    return tuple([found[place] for place in places])
