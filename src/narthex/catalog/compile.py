"""Configuration and offers in, endpoints out: the tables that every call and every list looks into.

Knows: which servers each URL shows. Refuses to know: when to compile, and what to do about problems.

What did not change is not made again. `previous` is the last result, handed in by whoever keeps it, so there is no
cache whose life nobody owns. A server's stock is reused when its configuration and its offer say the same as before; an
endpoint is reused, with the legacy lists it has encoded since, when all its stocks were.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from narthex.catalog import merge, uris, voice
from narthex.catalog.faces import Face
from narthex.catalog.merge import Plan
from narthex.catalog.needs import House, Needs, house_of
from narthex.catalog.relaxing import relaxed
from narthex.catalog.settling import HouseRules, Settling, house_rules_of
from narthex.catalog.showing import Showing, Watching
from narthex.catalog.stock import Piece, Stock, stock_of
from narthex.limits import Limits
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Endpoint, Judge, Reach, Tool
from narthex.model.offer import Offer
from narthex.model.pin import Watched
from narthex.model.scope import NONE
from narthex.model.settled import Governed
from narthex.wire.strict import encode

_NOT_WATCHED: Mapping[str, Watched] = {}


@dataclass(frozen=True, slots=True)
class Made:
    """One endpoint, and all that it was made of."""

    plan: Plan
    own: str | None
    house: House
    rules: HouseRules
    judge: Judge | None
    parts: tuple["Part", ...]
    endpoint: Endpoint
    problems: tuple[str, ...]

    @property
    def of(self) -> tuple[Any, ...]:
        return self.plan, self.own, self.house, self.rules, self.judge, self.parts


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
    watched: Watched | None  # compared by identity; None: nobody watches its definitions
    offer: Offer | None = field(compare=False)


def compile_endpoints(
    config: Config,
    offers: Mapping[str, Offer],
    previous: Compiled | None = None,
    judge: Judge | None = None,
    watched: Mapping[str, Watched] = _NOT_WATCHED,
) -> Compiled:
    """Every endpoint: "" is /mcp with all enabled servers. Never raises for what a server offers."""
    house, rules = house_of(config), house_rules_of(config)
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
        parts = tuple(
            _part(servers[server], stocks.get(server), offers.get(server), watched.get(server))
            for server in plan.servers
        )
        before = previous.made.get(name) if previous is not None else None
        wished = (plan, own, house, rules, judge, parts)
        if before is None or before.of != wished:
            before = _make(*wished)
        made[name] = before
        problems += before.problems
    endpoints = {name: one.endpoint for name, one in made.items()}
    # Several endpoints have the same to say of one server's definitions.
    return Compiled(endpoints, tuple(dict.fromkeys(problems)), config.limits, stocks, made)


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


def _part(server: ServerConfig, stock: Stock | None, offer: Offer | None, watched: Watched | None) -> Part:
    if offer is None:
        return Part(server, None, None, None, None)
    heard = (offer.capabilities, offer.revision, offer.instructions, offer.ttl_ms, offer.degraded)
    return Part(server, stock, heard, watched, offer)


def _whole(plan: Plan, parts: tuple[Part, ...]) -> frozenset[str]:
    """The servers of which nothing is left out here."""
    if plan.wanted.include is not None or plan.wanted.exclude:
        return frozenset()
    servers = (part.server for part in parts)
    return frozenset(server.name for server in servers if server.tools is None and not server.exclude)


def _make(
    plan: Plan, own: str | None, house: House, rules: HouseRules, judge: Judge | None, parts: tuple[Part, ...]
) -> Made:
    settling = Settling(rules, plan.name, plan.wanted, [part.server for part in parts])
    showing = Showing(settling, _watching(parts), plan.prefixes, plan.wanted.tools)
    merged = merge.merge(plan, [part.stock for part in parts if part.stock is not None], showing.sift)
    shown = merged.shown
    governed = tuple(settling.tool(face.server, face.piece.private, face.piece.asked) for face in shown["tools/list"])
    faces = zip(shown["tools/list"], governed, strict=True)
    shown["tools/list"] = tuple(relaxed(face, one) for face, one in faces)
    needs = Needs(house, plan.name, plan.wanted, [part.server for part in parts])
    required, reach = _required(needs, parts, shown)
    tools = merge.tools_of(shown["tools/list"], required["tools/list"], governed, showing.tools)
    prompts = merge.prompts_of(shown["prompts/list"], required["prompts/list"])
    offers = showing.offers(part.offer for part in parts if part.offer is not None)
    spoken = {offer.server: offer for offer in offers}
    blocks = voice.blocks(own, [(part.server, spoken.get(part.server.name)) for part in parts], named=plan.named)
    withheld = _withheld(showing, needs, settling, tools)
    problems = (*merged.problems, *_unmet(plan, needs, settling), *showing.notes())
    degraded = tuple(part.server.name for part in parts if part.offer is None or part.offer.degraded)
    endpoint = Endpoint(
        name=plan.name,
        servers=plan.servers,
        prefixed=plan.named,
        tools=tools,
        prompts=prompts,
        owners=merge.owners_of(shown["resources/list"]),
        schemes={f"gw+{prefix}": server for server, prefix in plan.prefixes.items()},
        lists={
            method: merge.items_of(
                faces, required[method], () if judge is None else merge.things_of(method, faces, tools)
            )
            for method, faces in shown.items()
        },
        capabilities=voice.capabilities(offers, complete=plan.complete, offloads=_offloads(governed)),
        server_capabilities={offer.server: offer.capabilities for offer in offers},
        server_revisions={offer.server: offer.revision for offer in offers},
        server_info=plan.server_info,
        server_info_encoded=encode(plan.server_info),
        instructions=voice.instructions(blocks),
        degraded=degraded,
        ttl_ms=voice.ttl_ms(offers, degraded=bool(degraded)),
        fingerprints={method: merge.fingerprint(face.digest for face in faces) for method, faces in shown.items()},
        whole=frozenset(server for server in _whole(plan, parts) if not showing.hides(server)),
        prefixes=plan.prefixes,
        normal_uris=merge.normal_uris_of(shown["resources/list"]),
        template_prefixes=merge.template_prefixes_of(shown["resources/templates/list"]) if plan.prefixes else (),
        needs=needs.endpoint,
        reach=reach,
        scopes=NONE.union(*(one for several in required.values() for one in several), *_of_servers(reach)),
        blocks=blocks,
        judge=judge,
        governed={server: settling.rest(server) for server in plan.servers},
        withheld=withheld,
        judged=tuple(showing.judged),
    )
    return Made(plan, own, house, rules, judge, parts, endpoint, problems)


def _offloads(governed: Iterable[Governed]) -> bool:
    """Whether results of some tool here may be put aside, to be read as resources."""
    several = (one for each in governed for one in (each.others, *each.tenants.values()))
    return any(one.rules.result is not None and one.rules.result.when_larger == "offload" for one in several)


def _watching(parts: tuple[Part, ...]) -> dict[str, Watching]:
    return {
        part.server.name: Watching(part.stock, part.watched)
        for part in parts
        if part.stock is not None and part.watched is not None
    }


def _withheld(showing: Showing, needs: Needs, settling: Settling, shown: Mapping[str, Tool]) -> dict[str, Tool]:
    """Tools that are not there, for whoever calls them all the same: with all that says who may know of them."""
    faces = tuple(one.face for one in showing.withheld)
    required = tuple(needs.tool(face.server, face.piece) for face in faces)
    governed = tuple(settling.tool(face.server, face.piece.private, face.piece.asked) for face in faces)
    judged = {one.face.public: one.judged for one in showing.withheld}
    found = merge.tools_of(faces, required, governed, judged)
    return {public: tool for public, tool in found.items() if public not in shown}


def _required(
    needs: Needs, parts: tuple[Part, ...], shown: Mapping[str, tuple[Face, ...]]
) -> tuple[dict[str, tuple[frozenset[str], ...]], dict[str, Reach]]:
    """What each item of each list requires, and what each server does."""
    guards = {part.server.name: needs.guard(part.server.name, part.stock) for part in parts}

    def resource(server: str, piece: Piece) -> frozenset[str]:
        return needs.resource(piece.private, server, guards[server])

    kinds = {"tools/list": needs.tool, "prompts/list": needs.prompt}
    required = {
        method: tuple(kinds.get(method, resource)(face.server, face.piece) for face in faces)
        for method, faces in shown.items()
    }
    of_server: dict[str, set[frozenset[str]]] = {server: set() for server in guards}
    for method, faces in shown.items():
        for face, one in zip(faces, required[method], strict=True):
            of_server[face.server].add(one)
    return required, {server: needs.reach(server, found, guards[server]) for server, found in of_server.items()}


def _of_servers(reach: Mapping[str, Reach]) -> list[frozenset[str]]:
    return [one.rest | one.told | (one.guard.most if one.guard is not None else NONE) for one in reach.values()]


def _unmet(plan: Plan, needs: Needs, settling: Settling) -> list[str]:
    """A requirement that meets nothing protects nothing: whoever misspelt it must hear of it."""
    if not plan.complete:
        return []
    unmet = [*needs.unmet_here(), *(("rules", text, "tool") for text in settling.unmet_here())]
    return [
        f"{plan.title}: `{member}` names {text!r}, and no {kind} here is called so: it protects nothing."
        if kind != "resource"
        else f"{plan.title}: `{member}` names {text!r}, and nothing that is listed here is called so."
        for member, text, kind in unmet
    ]
