"""One request on its way through the hall, and the proof that it may leave it.

Knows: what was asked, by whom, until when, and where it leads. Refuses to know: sockets and encodings.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from narthex.model.approvals import Consent
from narthex.model.caller import NOTHING_CARRIED, Carried
from narthex.model.client import Client, Sitting
from narthex.model.deadline import Deadline
from narthex.model.endpoint import Endpoint, Tool
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.scope import NONE
from narthex.model.settled import NOTHING_SAID, Settled
from narthex.wire.trace_context import TraceContext

NOTHING: Mapping[str, str] = MappingProxyType({})


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
    trace: TraceContext | None = None  # whose trace it belongs to
    spans: Any = None  # of `telemetry/otel`, where it is traced
    bytes_in: int = 0
    bytes_out: int = 0
    started: float = 0.0
    world: int = 0  # serial of the snapshot it began in
    serial: int = 0  # its number in this process, once it may be sent
    digest: str | None = None  # of its arguments, once it was asked for
    recorded: int = 0  # the number of its last record
    # where it leads, once resolved
    server: str = ""
    tool: Tool | None = None
    private: dict[str, Any] = msgspec.field(default_factory=dict)  # the params as the server knows them
    settled: Settled = NOTHING_SAID  # what the operator lays down about calls like this one
    exposed: str = ""  # public tool or prompt name, or URI
    reason: str | None = None  # the machine's word for what went wrong, for the event
    denied_by: str = ""  # the filter that said no
    # what it is held against (`relay/facts` makes it ready, `policy/rate` spends it)
    tallies: Sequence[Any] = ()  # of `policy/tally`
    ticks: int = 0  # the moment at which they are looked at
    cost: int = 0  # thousandths of a unit: of the call itself, and once it has ended of all of it
    rows: int = 0  # of the result, where somebody counts them
    trial: bool = False  # nothing is spent: somebody asks what would be
    counted: bool = False  # spent; a call that is sent anew is not counted anew
    spent: Sequence[Any] = ()  # those it was counted by, until it ends: some hold a place for it, or are charged more
    room: Any = None  # of `upstream/rooms`: it has a place there until it ends
    warned: tuple[Denial, ...] = ()  # what would have been refused
    # the schemas of its tool, made ready (`relay/checking`); None: nothing is held against them
    input_schema: Any = None  # of `policy/validation`
    output_schema: Any = None
    weighed: bool | None = None  # whether checking the arguments is affordable, where that took a look
    mended: tuple[tuple[str, str], ...] = ()  # arguments that were put right: pointer, and what was done
    # what may not be in it, and what stands there instead (`policy/redact`, `policy/reveal`)
    pseudonyms: Any = None  # of `policy/redaction`: names for values
    tokens: Mapping[str, str] = NOTHING  # those in its arguments that are good: name -> value
    revealed: Mapping[str, str] = NOTHING  # value -> the token it was sent as
    minted: dict[str, Any] | None = None  # tokens its answer gives out, by name
    consent: Consent | None = None  # a human's yes, where it needs one (`relay/approving` gets it)
    # a result that is too large (`policy/result`), an answer that others may have (`relay/sharing`)
    promised: Any = None  # of `policy/validation`: what the structured content has to match, where it may be cut
    slip: Any = None  # of `relay/offloads`: where a result is put aside
    shortened: str = ""  # "truncated", "offloaded"
    cached: str = ""  # "kept": an older answer; "shared": that of a call at the same time
    cached_seconds: float = 0.0  # how old it is
    asked: int = 0  # how often its client was asked for a grant already, as the state that came back says
    wanted: frozenset[str] = NONE  # what its server asked for when it refused it, as the server calls it

    def asked_for(self, scopes: frozenset[str]) -> bool:
        """See `Caller`. Remembered with the call: what follows is decided where it is awaited (`relay.learning`)."""
        self.wanted |= scopes
        if self.tool is None:
            return False
        return not self.endpoint.reach[self.server].asked_for(scopes) <= self.principal.scopes

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.exposed or '-'} by {self.principal} via /mcp/{self.endpoint.name}>"


class Permit(msgspec.Struct, frozen=True):
    """Proof that the whole chain said yes. Only `policy.chain.request` makes one."""

    call: Call
