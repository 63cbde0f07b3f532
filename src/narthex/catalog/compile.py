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
from narthex.catalog.faces import Face
from narthex.catalog.merge import Plan
from narthex.catalog.needs import House, Needs, house_of
from narthex.catalog.stock import Stock, stock_of
from narthex.limits import Limits
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Endpoint, Judge, Reach
from narthex.model.offer import Offer
from narthex.model.scope import NONE
from narthex.wire.strict import encode


@dataclass(frozen=True, slots=True)
class Made:
    """One endpoint, and all that it was made of."""

    plan: Plan
    own: str | None
    house: House
    judge: Judge | None
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


def compile_endpoints(
    config: Config, offers: Mapping[str, Offer], previous: Compiled | None = None, judge: Judge | None = None
) -> Compiled:
    """Every endpoint: "" is /mcp with all enabled servers. Never raises for what a server offers."""
    house = house_of(config)
    if previous is not None and previous.limits != config.limits:
        previous = None
    servers = {server.name: server for server in config.servers if server.enabled}
    stocks = _stocks(servers, offers, config.limits, previous)
    prefixes = uris.prefixes(server.name for server in config.servers)
    problems = [problem for stock in stocks.values() for problem in stock.problems]
    made: dict[str, Made] = {}
    for name, wanted in {"": EndpointConfig(), **config.endpoints}.items():
        plan = _plan(config, name, wanted, servers, stocks, prefixes, problems)
        own = wanted.instructions or config.instructions
        parts = tuple(_part(servers[server], stocks.get(server), offers.get(server)) for server in plan.servers)
        before = previous.made.get(name) if previous is not None else None
        known = (before.plan, before.own, before.house, before.judge, before.parts) if before is not None else None
        if before is None or (plan, own, house, judge, parts) != known:
            before = _make(plan, own, house, judge, parts)
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
    config: Config,
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
    complete = all(server in stocks for server in chosen)
    return Plan(name, wanted, tuple(chosen), named, carried, complete, voice.server_info(config, wanted))


def _part(server: ServerConfig, stock: Stock | None, offer: Offer | None) -> Part:
    if offer is None:
        return Part(server, None, None, None)
    heard = (offer.capabilities, offer.revision, offer.instructions, offer.ttl_ms, offer.degraded)
    return Part(server, stock, heard, offer)


def _whole(plan: Plan, parts: tuple[Part, ...]) -> frozenset[str]:
    """The servers of which nothing is left out here."""
    if plan.wanted.include is not None or plan.wanted.exclude:
        return frozenset()
    servers = (part.server for part in parts)
    return frozenset(server.name for server in servers if server.tools is None and not server.exclude)


def _make(plan: Plan, own: str | None, house: House, judge: Judge | None, parts: tuple[Part, ...]) -> Made:
    merged = merge.merge(plan, [part.stock for part in parts if part.stock is not None])
    shown = merged.shown
    needs = Needs(house, plan.name, plan.wanted, [part.server for part in parts])
    required, reach = _required(plan, needs, shown)
    tools = merge.tools_of(shown["tools/list"], required["tools/list"])
    problems = (*merged.problems, *_unmet(plan, needs))
    blocks = voice.blocks(own, [(part.server, part.offer) for part in parts], named=plan.named)
    offers = [part.offer for part in parts if part.offer is not None]
    degraded = tuple(part.server.name for part in parts if part.offer is None or part.offer.degraded)
    endpoint = Endpoint(
        name=plan.name,
        servers=plan.servers,
        prefixed=plan.named,
        tools=tools,
        prompts=merge.prompts_of(shown["prompts/list"]),
        owners=merge.owners_of(shown["resources/list"]),
        schemes={f"gw+{prefix}": server for server, prefix in plan.prefixes.items()},
        lists={
            method: merge.items_of(
                faces, required[method], () if judge is None else merge.things_of(method, faces, tools)
            )
            for method, faces in shown.items()
        },
        capabilities=voice.capabilities(offers, complete=plan.complete),
        server_capabilities={offer.server: offer.capabilities for offer in offers},
        server_revisions={offer.server: offer.revision for offer in offers},
        server_info=plan.server_info,
        server_info_encoded=encode(plan.server_info),
        instructions=voice.instructions(blocks),
        degraded=degraded,
        ttl_ms=voice.ttl_ms(offers, degraded=bool(degraded)),
        fingerprints={method: merge.fingerprint(face.digest for face in faces) for method, faces in shown.items()},
        whole=_whole(plan, parts),
        prefixes=plan.prefixes,
        normal_uris=merge.normal_uris_of(shown["resources/list"]),
        template_prefixes=merge.template_prefixes_of(shown["resources/templates/list"]) if plan.prefixes else (),
        needs=needs.endpoint,
        reach=reach,
        scopes=NONE.union(*(one for several in required.values() for one in several), *_of_servers(reach)),
        blocks=blocks,
        judge=judge,
    )
    return Made(plan, own, house, judge, parts, endpoint, problems)


def _required(
    plan: Plan, needs: Needs, shown: Mapping[str, tuple[Face, ...]]
) -> tuple[dict[str, tuple[frozenset[str], ...]], dict[str, Reach]]:
    """What each item of each list requires, and what each server does."""
    tools = tuple(needs.tool(face.server, face.piece) for face in shown["tools/list"])
    of_server: dict[str, list[frozenset[str]]] = {server: [] for server in plan.servers}
    for face, one in zip(shown["tools/list"], tools, strict=True):
        of_server[face.server].append(one)
    reach = {server: needs.reach(server, found) for server, found in of_server.items()}
    required = {method: tuple(reach[face.server].rest for face in faces) for method, faces in shown.items()}
    return {**required, "tools/list": tools}, reach


def _of_servers(reach: Mapping[str, Reach]) -> list[frozenset[str]]:
    return [one.rest | one.told for one in reach.values()]


def _unmet(plan: Plan, needs: Needs) -> list[str]:
    """A requirement that meets nothing protects nothing: whoever misspelt it must hear of it."""
    unmet = needs.unmet_here() if plan.complete else ()
    return [
        f"{plan.title}: `scopes` names {text!r}, and no tool here is called so: it protects nothing." for text in unmet
    ]
