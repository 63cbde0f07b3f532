"""Small offers and configurations for the tests of the catalogue."""

from typing import Any

import msgspec

from narthex.catalog.compile import Compiled, compile_endpoints
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Endpoint
from narthex.model.offer import Offer

ALL = {"tools": {}, "prompts": {}, "resources": {}}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def prompt(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def resource(uri: str, **more: Any) -> dict[str, Any]:
    return {"uri": uri, "name": uri, **more}


def template(uri: str, **more: Any) -> dict[str, Any]:
    return {"uriTemplate": uri, "name": uri, **more}


def offer(server: str, *tools: Any, **more: Any) -> Offer:
    lists = {"tools": [tool(one) if type(one) is str else one for one in tools]}
    lists |= {kind: more.pop(kind) for kind in ("prompts", "resources", "resource_templates") if kind in more}
    said = {"era": "modern", "revision": "2026-07-28", "transport": "http", "capabilities": ALL, **more}
    return Offer(server=server, **{kind: texts(items) for kind, items in lists.items()}, **said)


def texts(items: Any) -> tuple[msgspec.Raw, ...]:
    """Items as they come in: JSON texts. One that is a text already stays it."""
    return tuple(one if type(one) is msgspec.Raw else msgspec.Raw(msgspec.json.encode(one)) for one in items)


def values(endpoint: Endpoint, method: str) -> list[dict[str, Any]]:
    """What a modern client reads in one list."""
    return [msgspec.json.decode(text) for text in endpoint.lists[method].modern]


def server(name: str, **more: Any) -> ServerConfig:
    return ServerConfig(name=name, upstream=f"https://{name}.example.com/mcp", **more)


def house(*offers: Offer, endpoints: dict[str, EndpointConfig] | None = None, **more: Any) -> Config:
    servers = more.pop("servers", tuple(server(one.server) for one in offers))
    return Config(servers=servers, endpoints=endpoints or {}, **more)


def built(*offers: Offer, previous: Compiled | None = None, **more: Any) -> Compiled:
    return compile_endpoints(house(*offers, **more), {one.server: one for one in offers}, previous)


def main(*offers: Offer, **more: Any) -> Endpoint:
    """The endpoint /mcp over these servers, which must give no reason for complaint."""
    compiled = built(*offers, **more)
    assert compiled.problems == ()
    return compiled.endpoints[""]
