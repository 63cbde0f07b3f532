"""What of one endpoint a caller sees: its lists, its instructions, and what a listener compares.

Knows: the lists as they were compiled, and the predicate that also forbids (`policy/scopes`). Refuses to know: pages,
and who listens. Callers with the same rights have the same sight: it is made once and kept with the endpoint.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from narthex.catalog.merge import fingerprint
from narthex.catalog.voice import instructions
from narthex.limits import sights_per_endpoint_max
from narthex.model.endpoint import Endpoint, Items
from narthex.model.identity import Principal
from narthex.policy.scopes import missing
from narthex.policy.stopped import bars

Item = TypeVar("Item")
_STOPPED = "stopped"  # what callers share for whom there is nothing now
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
            found = self._kept.items[method] = self._sifted(method)
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

    def fingerprint(self, method: str, *, judged: bool = False) -> int:
        """What a listener compares: equal as long as its own list says the same. `judged`: by the rules too."""
        if judged and self._endpoint.judge is not None:
            return fingerprint(self.shown(method).digests)
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
        goes = self._goes(method)
        things = endpoint.tools if method == "tools/list" else endpoint.prompts
        return [name for name, thing in things.items() if self._sees(thing.needs) and goes(thing.server, name)]

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
        reach = endpoint.reach[server]
        if server not in endpoint.whole or endpoint.judge is not None or not self._sees(reach.rest):
            return False
        if endpoint.stops:
            return False  # something of it may be stopped: what that changes is told by comparison
        needs = {tool.needs for tool in endpoint.tools.values() if tool.server == server}
        needs |= {prompt.needs for prompt in endpoint.prompts.values() if prompt.server == server}
        if not all(map(self._sees, needs)):
            return False
        return reach.guard is None or self._sees(reach.guard.most)

    def _sifted(self, method: str) -> Items:
        items = self._endpoint.lists[method]
        sees = {needed: self._sees(needed) for needed in set(items.needs)}
        if self._endpoint.stops:
            return _only(items, [place for place in self._running(method, items) if sees[items.needs[place]]])
        if all(sees.values()):
            return items
        return _only(items, [place for place, needed in enumerate(items.needs) if sees[needed]])

    def _running(self, method: str, items: Items) -> Iterable[int]:
        """The places of what is not stopped."""
        goes = self._goes(method)
        names: Iterable[str] = self._endpoint.tools if method == "tools/list" else items.keys
        return [
            place for place, (server, name) in enumerate(zip(items.servers, names, strict=True)) if goes(server, name)
        ]

    def _goes(self, method: str) -> Callable[[str, str], bool]:
        """Whether a thing is not stopped, by its server and its public name."""
        stops, tools = self._endpoint.stops, self._endpoint.tools
        if stops and bars(self._who, stops):
            return lambda _server, _name: False
        if method != "tools/list":
            return lambda server, _name: stops.of_server(server) is None
        return lambda server, name: not (stops.of_server(server) or stops.of_tool(server, tools[name].private, name))


def sight(endpoint: Endpoint, who: Principal) -> Sight:
    """What this caller sees."""
    granted = who.scopes & endpoint.scopes
    alike: Any = _STOPPED if endpoint.stops and bars(who, endpoint.stops) else granted
    kept: _Kept | None = endpoint.sights.get(alike)
    if kept is None:
        kept = _Kept()
        _keep(endpoint, alike, kept)
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
        servers=_picked(items.servers, places),
        digests=_picked(items.digests, places),
        things=_picked(items.things, places) if items.things else (),
    )


def _encodings(items: Items) -> Iterable[tuple[bytes, ...]]:
    return (items.modern, *items.legacy.values())


def _picked(found: tuple[Item, ...], places: list[int]) -> tuple[Item, ...]:
    return tuple([found[place] for place in places])
