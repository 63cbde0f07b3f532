"""The first words of a conversation: `server/discover` of the modern era, `initialize` of the older ones.

Knows: what both say about a server. Refuses to decide which to try when (that is `upstream.probe`).
"""

from typing import Any, Protocol

from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, Outcome, Result, UpstreamFault
from narthex.upstream.link.ask import CLIENT_INFO, Ask, Link
from narthex.wire.revisions import LEGACY, LEGACY_NEWEST, META_SERVER_INFO, MODERN
from narthex.wire.translate import opened


class Greeted(Link, Protocol):
    """A link that a handshake writes into."""

    server: str

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None: ...


def initialize_params(capabilities: dict[str, Any]) -> dict[str, Any]:
    return {"protocolVersion": LEGACY_NEWEST, "capabilities": capabilities, "clientInfo": CLIENT_INFO}


async def initialize(link: Greeted, capabilities: dict[str, Any], deadline: Deadline) -> None:
    """`initialize` and `notifications/initialized` on a channel. Raises `UpstreamFault`."""
    outcome = await link.request(Ask("initialize", initialize_params(capabilities), deadline))
    if isinstance(outcome, Failure):
        raise UpstreamFault(link.server, "upstream_refused", f"it refused initialize: {outcome.message[:200]}")
    adopt_initialized(link, outcome)
    await link.notify("notifications/initialized")


def adopt_initialized(link: Greeted, outcome: Result) -> None:
    """Take over what an InitializeResult says (basic/lifecycle of the older revisions)."""
    members = {name: opened(value) for name, value in outcome.members.items()}
    revision = members.get("protocolVersion")
    if revision not in LEGACY:
        text = f"it chose the protocol revision {str(revision)[:40]!r}, which is not an older one"
        raise UpstreamFault(link.server, "upstream_revision", text)
    link.revision = revision
    link.capabilities = _object(members.get("capabilities"))
    link.server_info = _object(members.get("serverInfo"))
    link.instructions = _text(members.get("instructions"))


def adopt_discovered(link: Link, outcome: Outcome) -> bool:
    """Take over what `server/discover` says. False: this is no modern server (R1)."""
    if isinstance(outcome, Failure):
        return False
    members = {name: opened(value) for name, value in outcome.members.items()}
    versions = members.get("supportedVersions")
    if type(versions) is not list or MODERN not in versions:
        return False
    link.revision = MODERN
    link.capabilities = _object(members.get("capabilities"))
    link.server_info = _object(_object(members.get("_meta")).get(META_SERVER_INFO))
    link.instructions = _text(members.get("instructions"))
    return True


def _object(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _text(value: Any) -> str | None:
    return value if type(value) is str else None
