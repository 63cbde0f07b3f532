"""Small offers and configurations for the tests of the catalogue."""

from typing import Any

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
    texts = tuple(tool(one) if type(one) is str else one for one in tools)
    said = {"era": "modern", "revision": "2026-07-28", "transport": "http", "capabilities": ALL, **more}
    return Offer(server=server, tools=texts, **said)


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
