"""What an endpoint says of itself: merged capabilities, instructions, and how long its lists stay fresh.

Knows: what each server said of itself (R2, R5, H4). Refuses to promise what no server behind it has.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from narthex import __version__
from narthex.catalog.names import SEPARATOR
from narthex.limits import (
    degraded_ttl_ms_max,
    instructions_chars_max,
    instructions_per_server_chars_max,
    list_ttl_ms_max,
)
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.offer import Offer

_CUT = " […]"
_TITLE = "Narthex MCP gateway"  # unless the operator gave it a name


def server_info(config: Config, wanted: EndpointConfig) -> dict[str, Any]:
    """Who the gateway says it is, here: the operator's name for it, our version."""
    title = wanted.title or config.title or (_TITLE if config.name == Config().name else None)
    return {"name": config.name, **({"title": title} if title else {}), "version": __version__}


def capabilities(offers: Sequence[Offer], *, complete: bool, offloads: bool = False) -> dict[str, Any]:
    """What at least one server has. While a server is still unknown, everything it could have is promised: sessions
    of older revisions keep for hours what they were told first, and a call it cannot answer says so."""
    said = [offer.capabilities for offer in offers]
    merged: dict[str, Any] = {"tools": {"listChanged": True}}
    if not complete or any("prompts" in one for one in said):
        merged["prompts"] = {"listChanged": True}
    if not complete or any("resources" in one for one in said):
        merged["resources"] = {
            "subscribe": not complete or any(_subscribes(one) for one in said),
            "listChanged": True,
        }
    elif offloads:  # results of ours that are read as resources
        merged["resources"] = {}
    for name in ("completions", "logging"):
        if not complete or any(name in one for one in said):
            merged[name] = {}
    return merged


def _subscribes(said: dict[str, Any]) -> bool:
    resources = said.get("resources")
    return type(resources) is dict and resources.get("subscribe") is True


def blocks(
    own: str | None, parts: Iterable[tuple[ServerConfig, Offer | None]], *, named: bool
) -> tuple[tuple[str, str], ...]:
    """The operator's words under "", then a block under each server. A server that stands alone is quoted as it is."""
    parts = list(parts)
    if len(parts) == 1 and own is None:
        server, offer = parts[0]
        return ((server.name, offer.instructions),) if offer and offer.instructions else ()
    found = [("", own)] if own else []
    for server, offer in parts:
        words = [server.description, offer.instructions if offer else None]
        text = "\n".join(word for word in words if word)
        if text:
            heading = f"[{server.name}: names begin with {server.name}{SEPARATOR}]" if named else f"[{server.name}]"
            found.append((server.name, f"{heading}\n{_cut(text, instructions_per_server_chars_max)}"))
    return tuple(found)


def instructions(found: Iterable[tuple[str, str]]) -> str | None:
    """Blocks as one text."""
    text = "\n\n".join(text for _, text in found)
    return _cut(text, instructions_chars_max) if text else None


def ttl_ms(offers: Iterable[Offer], *, degraded: bool) -> int:
    """The least any server allows, and at most what a withdrawn tool may stay visible."""
    hints = [offer.ttl_ms for offer in offers if offer.ttl_ms is not None]
    return max(0, min([*hints, degraded_ttl_ms_max if degraded else list_ttl_ms_max]))


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - len(_CUT)] + _CUT
