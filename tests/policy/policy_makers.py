"""Small houses with rules, and callers with rights."""

from typing import Any

import msgspec

from narthex.catalog.compile import Compiled, compile_endpoints
from narthex.model.authentication import AuthenticationConfig, ScopesConfig
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.offer import Offer
from narthex.relay.sight import sight

EVERYTHING = {"tools": {}, "prompts": {}, "resources": {"subscribe": True}, "completions": {}}


def who(*scopes: str, how: Any = "key", **more: Any) -> Principal:
    return Principal("ana", scopes=frozenset(scopes), how=how, **more)


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def texts(*items: dict[str, Any]) -> tuple[msgspec.Raw, ...]:
    return tuple(msgspec.Raw(msgspec.json.encode(one)) for one in items)


def offer(server: str, *tools: str | dict[str, Any], **more: Any) -> Offer:
    lists: dict[str, Any] = {
        "tools": [tool(one) if isinstance(one, str) else one for one in tools],
        "prompts": [{"name": "greet"}],
        "resources": [{"uri": "memo://one", "name": "one"}],
        "resource_templates": [{"uriTemplate": "memo://{name}", "name": "memo"}],
    }
    written = {name: texts(*items) for name, items in lists.items()}
    said = {"era": "modern", "revision": "2026-07-28", "transport": "http", "capabilities": EVERYTHING, **more}
    return Offer(server=server, **{**written, **said})


def server(name: str, **more: Any) -> ServerConfig:
    return ServerConfig(name=name, upstream=f"https://{name}.example.com/mcp", **more)


def rules(*required: str, default: Any = "allow") -> AuthenticationConfig:
    return AuthenticationConfig(type="keys", required_scopes=required, scopes=ScopesConfig(default=default))


def compiled(
    *servers: ServerConfig,
    offers: tuple[Offer, ...],
    authentication: AuthenticationConfig | None = None,
    judge: Any = None,
    previous: Compiled | None = None,
    **endpoints: EndpointConfig,
) -> Compiled:
    config = Config(servers=servers, endpoints=endpoints, authentication=authentication or rules())
    return compile_endpoints(config, {one.server: one for one in offers}, previous, judge)


def seen(endpoint: Endpoint, principal: Principal, method: str = "tools/list", *, judged: bool = False) -> list[str]:
    """The names, or URIs, in one list of one caller. `judged`: by the operator's own rules too."""
    sees = sight(endpoint, principal)
    items = sees.shown(method) if judged else sees.items(method)
    found = [msgspec.json.decode(text) for text in items.modern]
    return [one.get("uri") or one.get("uriTemplate") or one["name"] for one in found]
