"""What the gateway says of itself and of its lists, from the snapshot alone: nothing here asks a server.

Knows: `server/discover`, `initialize`, the four lists. Refuses to wait.
"""

from typing import Any

import msgspec

from narthex import __version__
from narthex.catalog.pages import page
from narthex.model.call import Call
from narthex.model.endpoint import Endpoint
from narthex.model.outcome import Result
from narthex.wire.faults import INVALID_PARAMS, PeerFault
from narthex.wire.revisions import LISTS, OWN_META, SUPPORTED
from narthex.wire.seal import Sealer
from narthex.wire.translate import modern_result

SERVER_INFO: dict[str, Any] = {"name": "narthex", "title": "Narthex MCP gateway", "version": __version__}


def listed(call: Call, sealer: Sealer, now: float) -> Result:
    """One page of a list, in the shape of the client's revision."""
    cursor = call.params.get("cursor")
    if cursor is not None and type(cursor) is not str:
        raise PeerFault(INVALID_PARAMS, "params.cursor must be a string.", data={"reason": "cursor"})
    endpoint = call.endpoint
    array, following = page(
        endpoint.lists[call.method],
        call.method,
        cursor,
        endpoint=endpoint.name,
        revision=call.revision,
        sealer=sealer,
        now=now,
        holder=call.principal.key,
    )
    members: dict[str, Any] = {LISTS[call.method]: msgspec.Raw(array)}
    if following is not None:
        members["nextCursor"] = following
    if endpoint.degraded:
        members["_meta"] = {OWN_META + "degraded": list(endpoint.degraded)}
    if not call.modern:
        return Result(members)
    return Result(modern_result(call.method, members, SERVER_INFO, cache=(endpoint.ttl_ms, "private")))


def discovered(endpoint: Endpoint) -> Result:
    """The answer to `server/discover` (2026-07-28, server/discover)."""
    members: dict[str, Any] = {"supportedVersions": list(SUPPORTED), "capabilities": dict(endpoint.capabilities)}
    if endpoint.instructions:
        members["instructions"] = endpoint.instructions
    return Result(modern_result("server/discover", members, SERVER_INFO, cache=(endpoint.ttl_ms, "private")))


def initialized(endpoint: Endpoint, revision: str) -> dict[str, Any]:
    """An InitializeResult (2025-11-25, basic/lifecycle). The capabilities of a session never change."""
    members: dict[str, Any] = {
        "protocolVersion": revision,
        "capabilities": dict(endpoint.capabilities),
        "serverInfo": SERVER_INFO,
    }
    if endpoint.instructions:
        members["instructions"] = endpoint.instructions
    return members
