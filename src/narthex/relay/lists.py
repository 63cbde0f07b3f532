"""What the gateway says of itself and of its lists, from the snapshot alone: nothing here asks a server.

Knows: `server/discover`, `initialize`, the four lists. Refuses to wait.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from narthex.catalog.pages import page
from narthex.model.call import Call
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import Result
from narthex.relay.sight import sight
from narthex.wire.faults import INVALID_PARAMS, PeerFault
from narthex.wire.revisions import LISTS, OWN_META, SUPPORTED
from narthex.wire.seal import Sealer
from narthex.wire.translate import modern_result


def listed(call: Call, sealer: Sealer, now: float) -> Result:
    """One page of a list, in the shape of the client's revision."""
    cursor = call.params.get("cursor")
    if cursor is not None and type(cursor) is not str:
        raise PeerFault(INVALID_PARAMS, "params.cursor must be a string.", data={"reason": "cursor"})
    endpoint, seen = call.endpoint, sight(call.endpoint, call.principal)
    array, following = page(
        seen.shown(call.method),
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
    degraded = seen.degraded
    if degraded:
        members["_meta"] = {OWN_META + "degraded": degraded}
    if not call.modern:
        return Result(members)
    return Result(modern_result(call.method, members, endpoint.server_info, cache=(endpoint.ttl_ms, "private")))


def discovered(endpoint: Endpoint, who: Principal, notes: Sequence[str] = ()) -> Result:
    """The answer to `server/discover` (2026-07-28, server/discover). `notes`: what else there is to say."""
    instructions = _instructions(endpoint, who, notes)
    members: dict[str, Any] = {"supportedVersions": list(SUPPORTED), "capabilities": dict(endpoint.capabilities)}
    if instructions:
        members["instructions"] = instructions
    return Result(modern_result("server/discover", members, endpoint.server_info, cache=(endpoint.ttl_ms, "private")))


def initialized(endpoint: Endpoint, revision: str, who: Principal, notes: Sequence[str] = ()) -> dict[str, Any]:
    """An InitializeResult (2025-11-25, basic/lifecycle). The capabilities of a session never change."""
    instructions = _instructions(endpoint, who, notes)
    members: dict[str, Any] = {
        "protocolVersion": revision,
        "capabilities": dict(endpoint.capabilities),
        "serverInfo": endpoint.server_info,
    }
    if instructions:
        members["instructions"] = instructions
    return members


def _instructions(endpoint: Endpoint, who: Principal, notes: Sequence[str]) -> str | None:
    """What is true at this moment goes first: it is what has to be done before the rest is of use."""
    own = sight(endpoint, who).instructions
    return "\n\n".join((*notes, *([own] if own else ()))) or None
