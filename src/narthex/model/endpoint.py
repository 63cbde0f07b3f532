"""What one URL shows: public names, and where each leads.

Knows: the compiled tables a call looks into. Refuses to know: how they were compiled (that is `catalog`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from narthex.wire.mirror import Mirror


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as one endpoint shows it."""

    public: str
    server: str
    private: str
    definition: Mapping[str, Any]  # modern shape, under its public name
    mirrors: tuple[Mirror, ...] = ()
    read_only: bool = False
    idempotent: bool = False
    task_required: bool = False  # legacy `execution.taskSupport: required`


@dataclass(frozen=True, slots=True)
class Prompt:
    public: str
    server: str
    private: str


@dataclass(frozen=True, slots=True)
class Items:
    """One list of an endpoint, sorted: sort keys, and each item encoded once for modern and once per legacy shape."""

    keys: tuple[str, ...]
    modern: tuple[bytes, ...]
    values: tuple[Mapping[str, Any], ...]
    legacy: dict[str, tuple[bytes, ...]] = field(default_factory=dict)  # revision -> encoded, filled on first use


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
    instructions: str | None
    degraded: tuple[str, ...] = ()
    ttl_ms: int = 0
    fingerprints: Mapping[str, int] = field(default_factory=dict)  # list method -> what a listener compares
    whole: frozenset[str] = frozenset()  # servers of which this endpoint hides nothing
    prefixes: Mapping[str, str] = field(default_factory=dict)  # server -> "crm" of "gw+crm"; or none
    normal_uris: Mapping[str, str] = field(default_factory=dict)  # normal form -> public URI, where the two differ
    template_prefixes: tuple[tuple[str, str], ...] = ()  # (start of an http template, server), longest start first


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole configured world at one serial number. A call reads it once and ends in it."""

    serial: int
    config: Any  # model.config.Config
    endpoints: Mapping[str, Endpoint]
