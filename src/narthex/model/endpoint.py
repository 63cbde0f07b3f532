"""What one URL shows: public names, and where each leads.

Knows: the compiled tables a call looks into. Refuses to know: how they were compiled (that is `catalog`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.pin import Judged
from narthex.model.scope import NONE, Said
from narthex.model.settled import UNGOVERNED, Governed
from narthex.model.stop import NO_STOPS, Stops
from narthex.wire.mirror import Mirror

if TYPE_CHECKING:
    from narthex.model.call import Call

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as one endpoint shows it."""

    public: str
    server: str
    private: str
    encoded: bytes  # its definition in modern shape, under its public name
    mirrors: tuple[Mirror, ...] = ()
    read_only: bool = False
    idempotent: bool = False
    task_required: bool = False  # legacy `execution.taskSupport: required`
    needs: frozenset[str] = NONE  # the scopes that whoever calls it must have, all of them
    declared: frozenset[str] = NONE  # those of them that its server declares
    learnt: tuple[str, ...] = ()  # what its server asked for when it refused calls, in its own words
    governed: Governed = UNGOVERNED  # what else the operator lays down about it
    judged: Judged | None = None  # what became of its definition, where a rule had a say

    @property
    def definition(self) -> dict[str, Any]:
        """Decoded anew each time: a snapshot holds texts, see `model.offer`."""
        return _decode(self.encoded)


@dataclass(frozen=True, slots=True)
class Prompt:
    public: str
    server: str
    private: str
    needs: frozenset[str] = NONE
    declared: frozenset[str] = NONE


class Thing(NamedTuple):
    """What a call is about, as rules know it."""

    kind: str  # "Tool", "Prompt", "Resource"
    server: str
    name: str  # the server's own: a tool's name, a resource's URI or template
    public: str
    tool: Tool | None = None

    @property
    def id(self) -> str:
        return f"{self.server}/{self.name}"


@dataclass(frozen=True, slots=True)
class Items:
    """One list of an endpoint, sorted: sort keys, and each item encoded, for modern clients and each older revision."""

    keys: tuple[str, ...]
    modern: tuple[bytes, ...]
    legacy: Mapping[str, tuple[bytes, ...]]  # revision -> encoded; the very same bytes where nothing differs
    needs: tuple[frozenset[str], ...] = ()  # what whoever sees the item must have
    servers: tuple[str, ...] = ()  # whose each is
    digests: tuple[bytes, ...] = ()  # of all that is shown of the item
    things: tuple[Thing, ...] = ()  # what each is to the operator's rules; empty where there are none


class Guard(Protocol):
    """What the resources of one server require at one endpoint, where they do not all require the same."""

    def needs(self, uri: str) -> frozenset[str]:
        """`uri`: the server's own, of a resource, or the text of a template."""
        ...

    def said(self, uri: str) -> Iterable[Said]: ...

    @property
    def most(self) -> frozenset[str]:
        """All that any of them requires."""
        ...


@dataclass(frozen=True, slots=True)
class Reach:
    """What one server requires of whoever comes to it through one endpoint."""

    needs: frozenset[str] = NONE  # whoever lacks one of these meets nothing of the server
    rest: frozenset[str] = NONE  # what is required of what no line speaks of: the same, or nobody may have it
    trusted: bool = False  # what the server says of its tools is believed
    told: frozenset[str] = NONE  # who hears that the server is there, where an endpoint speaks of its servers
    concealed: bool = False  # to whoever lacks `needs` everything of it is unknown
    guard: Guard | None = None  # what single resources require; None: `rest`
    challenges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # its word for a scope -> ours

    def asked_for(self, words: frozenset[str]) -> frozenset[str]:
        """What callers need for what this server calls so."""
        return NONE.union(*(self.challenges[word] for word in words if word in self.challenges))

    def needs_of(self, uri: str) -> frozenset[str]:
        """What a resource requires, by the server's own URI of it."""
        return self.rest if self.guard is None else self.guard.needs(uri)


class Judge(Protocol):
    """The operator's own rules about single calls, compiled."""

    def decide(self, call: "Call") -> Denial | None:
        """None: the rules allow it."""

    def hides(self, endpoint: "Endpoint", who: Principal, method: str, thing: Thing) -> bool:
        """Whether this caller may not call it, whatever the arguments: then it need not see it."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything behind one URL, compiled. `lists` is keyed by list method (`tools/list`, ...)."""

    name: str  # "" is /mcp
    servers: tuple[str, ...]
    prefixed: bool
    tools: Mapping[str, Tool]
    prompts: Mapping[str, Prompt]
    owners: Mapping[str, tuple[str, str]]  # public resource URI -> (server, private URI)
    schemes: Mapping[str, str]  # "gw+crm" -> "crm": the URI prefix of each server
    lists: Mapping[str, Items]
    capabilities: Mapping[str, Any]
    server_capabilities: Mapping[str, Mapping[str, Any]]
    server_revisions: Mapping[str, str]
    server_info: dict[str, Any]  # ours, never a server's; part of every modern answer
    server_info_encoded: bytes
    instructions: str | None
    degraded: tuple[str, ...] = ()
    ttl_ms: int = 0
    fingerprints: Mapping[str, int] = field(default_factory=dict)  # list method -> what a listener compares
    whole: frozenset[str] = frozenset()  # servers of which this endpoint hides nothing
    prefixes: Mapping[str, str] = field(default_factory=dict)  # server -> "crm" of "gw+crm"; or none
    normal_uris: Mapping[str, str] = field(default_factory=dict)  # normal form -> public URI, where the two differ
    template_prefixes: tuple[tuple[str, str], ...] = ()  # (start of an http template, server), longest start first
    needs: frozenset[str] = NONE  # what the gateway and this endpoint require of every request
    reach: Mapping[str, Reach] = field(default_factory=dict)  # by server
    scopes: frozenset[str] = NONE  # every scope that anything here requires
    blocks: tuple[
        tuple[str, str], ...
    ] = ()  # the instructions in parts: server, or "" for the operator's own, and text
    judge: Judge | None = None
    governed: Mapping[str, Governed] = field(default_factory=dict)  # by server: all of it that is no tool
    withheld: Mapping[str, Tool] = field(default_factory=dict)  # by public name: tools whose definition is quarantined
    judged: tuple[Judged, ...] = ()  # every definition here about which a rule had a say
    stops: Stops = NO_STOPS  # what the operator has stopped, for now
    sights: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)  # kept by `relay.sight`


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole configured world at one serial number. A call reads it once and ends in it."""

    serial: int
    config: Any  # model.config.Config
    endpoints: Mapping[str, Endpoint]
    on_behalf: bool = False  # some server is reached with tokens got for its callers
    connecting: frozenset[str] = NONE  # servers that want a grant of somebody, given in a browser
    carried: frozenset[bytes] = frozenset()  # headers of clients that some server asks for, in lower case
