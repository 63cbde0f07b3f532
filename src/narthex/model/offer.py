"""What one server offers: its lists as they came, in the order they came, with what it says of itself.

Knows: definitions, each as the JSON text it came in, unread. Refuses to know: what they say, and who may see them.

Text, and not dictionaries: a catalogue of half a million values would be a hundred thousand objects, and whenever
Python's collector of garbage walks over those, everybody waits.
"""

from typing import Any, Literal

import msgspec

Era = Literal["modern", "legacy"]


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue of one server, last known good. It is what is kept on disk (see `store`)."""

    server: str
    era: Era
    revision: str
    transport: str  # "http", "http+sse", "stdio"
    server_info: dict[str, Any] = {}
    capabilities: dict[str, Any] = {}
    instructions: str | None = None
    tools: tuple[msgspec.Raw, ...] = ()
    resources: tuple[msgspec.Raw, ...] = ()
    resource_templates: tuple[msgspec.Raw, ...] = ()
    prompts: tuple[msgspec.Raw, ...] = ()
    ttl_ms: int | None = None  # least of the server's own hints; None: it gave none
    public: bool = False  # every page said cacheScope "public"
    taken_at: float = 0.0  # wall clock, seconds since the epoch
    degraded: bool = False  # the server did not answer lately; this is what it said before
    skipped: tuple[str, ...] = ()  # items left out, each with its reason, for the operator
    learnt: dict[str, tuple[str, ...]] = {}  # by tool, the scopes it asked for when it refused calls, as it calls them
