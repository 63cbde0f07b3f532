"""Configuration and offers in, endpoints out: the tables that every call and every list looks into.

Knows: which servers each URL shows. Refuses to know: when to compile, and what to do about problems.

What did not change is not made again. `previous` is the last result, handed in by whoever keeps it, so there is no
cache whose life nobody owns. A server's stock is reused when its configuration and its offer say the same as before; an
endpoint is reused, with the legacy lists it has encoded since, when all its stocks were.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from narthex.catalog import merge, uris, voice
from narthex.catalog.merge import Plan
from narthex.catalog.stock import Stock, stock_of
from narthex.limits import Limits
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Endpoint
from narthex.model.offer import Offer


@dataclass(frozen=True, slots=True)
class Made:
    """One endpoint, and all that it was made of."""

    plan: Plan
    own: str | None
    parts: tuple["Part", ...]
    endpoint: Endpoint
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """The endpoints by name, and every problem in a sentence for the operator. The rest is for the next compilation."""

    endpoints: dict[str, Endpoint]
    problems: tuple[str, ...]
    limits: Limits = field(repr=False)
    stocks: dict[str, Stock] = field(repr=False)
    made: dict[str, Made] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One server's share in an endpoint: its pieces, and what else of its offer can be seen from outside."""

    server: ServerConfig
    stock: Stock | None  # compared by identity
    heard: tuple[Any, ...] | None  # what `voice` reads of the offer
    offer: Offer | None = field(compare=False)


def compile_endpoints(config: Config, offers: Mapping[str, Offer], previous: Compiled | None = None) -> Compiled:
    """Every endpoint: "" is /mcp with all enabled servers. Never raises for what a server offers."""
    if previous is not None and previous.limits != config.limits:
        previous = None
    servers = {server.name: server for server in config.servers if server.enabled}
    stocks = _stocks(servers, offers, config.limits, previous)
    prefixes = uris.prefixes(server.name for server in config.servers)
    problems = [problem for stock in stocks.values() for problem in stock.problems]
    made: dict[str, Made] = {}
    for name, wanted in {"": EndpointConfig(), **config.endpoints}.items():
        plan = _plan(name, wanted, servers, stocks, prefixes, problems)
        own = wanted.instructions or config.instructions
        parts = tuple(_part(servers[server], stocks.get(server), offers.get(server)) for server in plan.servers)
        before = previous.made.get(name) if previous is not None else None
        if before is None or (plan, own, parts) != (before.plan, before.own, before.parts):
            before = _make(plan, own, parts)
        made[name] = before
        problems += before.problems
    endpoints = {name: one.endpoint for name, one in made.items()}
    return Compiled(endpoints, tuple(problems), config.limits, stocks, made)


def _stocks(
    servers: Mapping[str, ServerConfig], offers: Mapping[str, Offer], limits: Limits, previous: Compiled | None
) -> dict[str, Stock]:
    stocks: dict[str, Stock] = {}
    for name, server in servers.items():
        if name not in offers:
            continue
        stock = previous.stocks.get(name) if previous is not None else None
        if stock is None or not stock.serves(server, offers[name]):
            stock = stock_of(server, offers[name], limits)
        stocks[name] = stock
    return stocks


def _plan(
    name: str,
    wanted: EndpointConfig,
    servers: Mapping[str, ServerConfig],
    stocks: Mapping[str, Stock],
    prefixes: Mapping[str, str],
    problems: list[str],
) -> Plan:
    chosen = list(dict.fromkeys(servers if wanted.servers is None else wanted.servers))
    for unknown in [server for server in chosen if server not in servers]:
        chosen.remove(unknown)
        problems.append(f"endpoint '/mcp/{name}': `servers` names '{unknown}', and no enabled server is called so.")
    several = len(chosen) > 1
    named = several if wanted.names is None else wanted.names == "prefixed"
    carried = {server: prefixes[server] for server in chosen} if several else {}
    return Plan(name, wanted, tuple(chosen), named, carried, all(server in stocks for server in chosen))


def _part(server: ServerConfig, stock: Stock | None, offer: Offer | None) -> Part:
    if offer is None:
        return Part(server, None, None, None)
    heard = (offer.capabilities, offer.revision, offer.instructions, offer.ttl_ms, offer.degraded)
    return Part(server, stock, heard, offer)


def _whole(plan: Plan, parts: tuple[Part, ...]) -> frozenset[str]:
    """The servers of which nothing is left out here."""
    if plan.wanted.include is not None or plan.wanted.exclude:
        return frozenset()
    return frozenset(part.server.name for part in parts if part.server.tools is None)


def _make(plan: Plan, own: str | None, parts: tuple[Part, ...]) -> Made:
    merged = merge.merge(plan, [part.stock for part in parts if part.stock is not None])
    shown = merged.shown
    offers = [part.offer for part in parts if part.offer is not None]
    degraded = tuple(part.server.name for part in parts if part.offer is None or part.offer.degraded)
    endpoint = Endpoint(
        name=plan.name,
        servers=plan.servers,
        prefixed=plan.named,
        tools=merge.tools_of(shown["tools/list"]),
        prompts=merge.prompts_of(shown["prompts/list"]),
        owners=merge.owners_of(shown["resources/list"]),
        schemes={f"gw+{prefix}": server for server, prefix in plan.prefixes.items()},
        lists={method: merge.items_of(faces) for method, faces in shown.items()},
        capabilities=voice.capabilities(offers, complete=plan.complete),
        server_capabilities={offer.server: offer.capabilities for offer in offers},
        server_revisions={offer.server: offer.revision for offer in offers},
        instructions=voice.instructions(own, [(part.server, part.offer) for part in parts], named=plan.named),
        degraded=degraded,
        ttl_ms=voice.ttl_ms(offers, degraded=bool(degraded)),
        fingerprints={method: merge.fingerprint(faces) for method, faces in shown.items()},
        whole=_whole(plan, parts),
        prefixes=plan.prefixes,
        normal_uris=merge.normal_uris_of(shown["resources/list"]),
        template_prefixes=merge.template_prefixes_of(shown["resources/templates/list"]) if plan.prefixes else (),
    )
    return Made(plan, own, parts, endpoint, tuple(merged.problems))
