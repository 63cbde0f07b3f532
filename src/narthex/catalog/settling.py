"""Which rules hold for which tool: every key from the most specific place that has it.

Knows: the order of the places. Refuses to know: what a rule means, and who is calling.

From the least to the most specific: the gateway, the caller's tenant, the endpoint, the server, and single tools: by
the server's `rules`, then by the endpoint's. Of several patterns that meet a tool the exact name is more specific than
a glob, and a longer glob more specific than a shorter one.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from narthex.catalog.choose import Choice
from narthex.catalog.limiting import limits_of, tariff_of
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.limit import Limit
from narthex.model.rules.rules import KEYS, Rules
from narthex.model.rules.validation import AS_USUAL
from narthex.model.settled import NOTHING_SAID, UNGOVERNED, Governed, Sending, Settled

_GLOB = frozenset("*?[")


class Place(NamedTuple):
    """One place of the configuration, and the keys that stand there."""

    where: str  # "servers.crm", "servers.crm.rules['search_*']"; "" is the file itself
    keys: tuple[tuple[str, object], ...]


class HouseRules(NamedTuple):
    """What holds wherever nothing nearer speaks. Compared by value: an endpoint is made again when it changes."""

    gateway: Place = Place("", ())
    tenants: tuple[tuple[str, Place], ...] = ()


def house_rules_of(config: Config) -> HouseRules:
    tenants = tuple((name, _place(f"tenants.{name}", rules)) for name, rules in sorted(config.tenants.items()))
    return HouseRules(_place("", config), tenants)


def speaks_of(config: Config, key: str) -> bool:
    """Whether this key stands anywhere."""
    places: list[Rules] = [config, *config.tenants.values(), *config.servers, *config.endpoints.values()]
    places += [rules for server in config.servers for rules in server.rules.values()]
    places += [rules for endpoint in config.endpoints.values() for rules in endpoint.rules.values()]
    return any(getattr(place, key) is not None for place in places)


class Settling:
    """The rules at one endpoint. Things for which the same holds share one object."""

    def __init__(self, house: HouseRules, name: str, wanted: EndpointConfig, servers: Iterable[ServerConfig]) -> None:
        self._house = house
        self._endpoint = _place(f"endpoints.{name}", wanted)
        self._servers = {server.name: _place(f"servers.{server.name}", server) for server in servers}
        self._there = {server.name: _patterns(f"servers.{server.name}", server.rules) for server in servers}
        self.written_here = frozenset(server.name for server in servers if server.written_here)
        self._here = _patterns(f"endpoints.{name}", wanted.rules)
        self._known: dict[tuple[tuple[Place, ...], Place | None], Governed] = {}

    def tool(self, server: str, private: str, asked: Rules | None = None) -> Governed:
        """What holds for one tool, by its server's own name of it. `asked`: what its library wants to hold."""
        there = [place for choice, place in self._there[server] if choice.holds(server, private)]
        here = [place for choice, place in self._here if choice.holds(server, private)]
        library = None if asked is None else _place(f"the library '{server}' of '{private}'", asked)
        return self._of((self._servers[server], *there, *here), library)

    def rest(self, server: str) -> Governed:
        """What holds for whatever else a server has: prompts, resources, completion."""
        return self._of((self._servers[server],))

    def unmet_here(self) -> tuple[str, ...]:
        """Patterns of the endpoint's own `rules` that have met no tool."""
        return tuple(text for choice, _ in self._here for text in choice.unmet)

    def _of(self, near: tuple[Place, ...], library: Place | None = None) -> Governed:
        found = self._known.get((near, library))
        if found is None:
            found = self._known[near, library] = self._settled(near, library)
        return found

    def _settled(self, near: tuple[Place, ...], library: Place | None) -> Governed:
        near = (self._endpoint, *near)
        others = settled((self._house.gateway, *near), library)
        tenants = {name: settled((self._house.gateway, place, *near), library) for name, place in self._house.tenants}
        tenants = {name: one for name, one in tenants.items() if one != others}
        return Governed(others, tenants) if tenants or others is not NOTHING_SAID else UNGOVERNED


def settled(places: Iterable[Place], library: Place | None = None) -> Settled:
    """Every key from the last of the places that has it.

    A library's own word is the least specific of all, and its rate limits hold beside those of the operator.
    """
    found: dict[str, object] = {}
    where: dict[str, str] = {}
    for place in places if library is None else (library, *places):
        for key, value in place.keys:
            found[key] = value
            where[key] = f"{place.where}.{key}" if place.where else key
    if not found:
        return NOTHING_SAID
    rules = Rules(**found)  # type: ignore[arg-type]
    asked = rules.approval if rules.approval is not None and rules.approval.by != "nobody" else None
    return Settled(
        rules,
        where,
        (*limits_of(rules, where), *_besides(library, where)),
        tariff_of(rules),
        rules.validation or AS_USUAL,
        approval=asked,
        sending=_sending(rules, where),
    )


def _besides(library: Place | None, where: Mapping[str, str]) -> tuple[Limit, ...]:
    """The limits of a library, where others stand in the place of them."""
    if library is None or where.get("rate_limit", "").startswith(library.where):
        return ()
    kept = dict(library.keys)
    if "rate_limit" not in kept:
        return ()
    return limits_of(Rules(rate_limit=kept["rate_limit"]), {"rate_limit": f"{library.where}.rate_limit"})  # type: ignore[arg-type]


_SENDING = ("timeout_seconds", "bulkhead", "retries", "repeatable", "hedge_after_seconds")


def _sending(rules: Rules, where: Mapping[str, str]) -> Sending | None:
    said = {key: value for key in _SENDING if (value := getattr(rules, key)) is not None}
    return Sending(**said, place=where.get("bulkhead", "")) if said else None


def _place(where: str, rules: Rules) -> Place:
    said = ((key, getattr(rules, key)) for key in KEYS)
    return Place(where, tuple((key, value) for key, value in said if value is not None))


def _patterns(where: str, rules: Mapping[str, Rules]) -> list[tuple[Choice, Place]]:
    """The least specific first."""
    ordered = sorted(rules, key=lambda text: (not _GLOB & set(text), len(text)))
    return [(Choice([text]), _place(f"{where}.rules['{text}']", rules[text])) for text in ordered]
