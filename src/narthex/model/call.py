"""One request on its way through the hall, and the proof that it may leave it.

Knows: what was asked, by whom, until when, and where it leads. Refuses to know: sockets and encodings.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from narthex.model.caller import NOTHING_CARRIED, Carried
from narthex.model.client import Client, Sitting
from narthex.model.deadline import Deadline
from narthex.model.endpoint import Endpoint, Tool
from narthex.model.identity import Principal


class Call(msgspec.Struct, eq=False):
    """Flows through the hall: one owner at a time, changed in place. `params` has the modern shape."""

    id: int | str  # the client's, in its own JSON type
    method: str
    params: dict[str, Any]
    endpoint: Endpoint
    principal: Principal
    revision: str  # the client's
    capabilities: Mapping[str, Any]  # what this client can be asked, on this request
    client: Client
    deadline: Deadline
    progress_token: int | str | None = None
    log_level: str | None = None
    level_said: bool = True  # the client named the level itself
    mirrored: Mapping[str, str] | None = None  # `Mcp-Param-*` as received; None where the transport has no headers
    sitting: Sitting | None = None  # the legacy session this call belongs to
    modern: bool = True
    challenged: bool = False  # the answer may be an HTTP 403 that asks for more scopes
    carried: Carried = NOTHING_CARRIED  # headers of the client's request that some server asks for
    bytes_in: int = 0
    bytes_out: int = 0
    started: float = 0.0
    # where it leads, once resolved
    server: str = ""
    tool: Tool | None = None
    private: dict[str, Any] = msgspec.field(default_factory=dict)  # the params as the server knows them
    exposed: str = ""  # public tool or prompt name, or URI
    reason: str | None = None  # the machine's word for what went wrong, for the event

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.exposed or '-'} by {self.principal} via /mcp/{self.endpoint.name}>"


class Permit(msgspec.Struct, frozen=True):
    """Proof that the whole chain said yes. Only `policy.chain.request` makes one."""

    call: Call
