"""Trace context as W3C lays it down (Trace Context, level 1), and where MCP carries it (S-RPC-11: `_meta`, unprefixed).

Knows: which values are valid. Refuses to know: spans, and who samples.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

TRACEPARENT, TRACESTATE, BAGGAGE = "traceparent", "tracestate", "baggage"
KEYS = frozenset({TRACEPARENT, TRACESTATE, BAGGAGE})
SAMPLED = 1

# Version 00 ends here; a later one may go on behind a dash, and is read as far as it is known (3.2.4).
_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)
_KEY = r"[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}"
_MEMBER = re.compile(rf"(?:{_KEY})=[ -+\--<>-~]{{0,255}}[!-+\--<>-~]")
_PARENT_CHARS_MAX = 512
_STATE_CHARS_MAX, _STATE_MEMBERS_MAX = 512, 32  # what must be kept at least (3.3.1.5); longer ones are dropped whole


class TraceContext(NamedTuple):
    """Who calls: 32 and 16 lower-case hexadecimal digits, flags, and the vendors' own state ("" if there is none)."""

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)

    @property
    def parent(self) -> str:
        """As `traceparent`, always of version 00: that is what we speak."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags & SAMPLED:02x}"

    def fields(self) -> dict[str, str]:
        """For `_meta` and for headers alike."""
        return {TRACEPARENT: self.parent, TRACESTATE: self.state} if self.state else {TRACEPARENT: self.parent}


def read(parent: object, state: object = None) -> TraceContext | None:
    """What came, or None if its `traceparent` is none. A `tracestate` that is none is dropped alone (3.3)."""
    if type(parent) is not str or len(parent) > _PARENT_CHARS_MAX:
        return None
    found = _PARENT.fullmatch(parent)
    if found is None or (found[1] == "00" and found[5] is not None):
        return None
    return TraceContext(found[2], found[3], int(found[4], 16) & SAMPLED, _state(state))


def read_header(parent: bytes | None, state: bytes | None) -> TraceContext | None:
    """The same from HTTP header values."""
    if parent is None:
        return None
    return read(parent.decode("latin-1"), state.decode("latin-1") if state is not None else None)


def read_meta(meta: Mapping[str, Any]) -> TraceContext | None:
    """The same from a `_meta`."""
    return read(meta.get(TRACEPARENT), meta.get(TRACESTATE))


def _state(state: object) -> str:
    if type(state) is not str or not state or len(state) > _STATE_CHARS_MAX:
        return ""
    members = [member.strip(" \t") for member in state.split(",")]
    kept = [member for member in members if member]  # empty ones are allowed, and say nothing
    names = {member.partition("=")[0] for member in kept}
    good = len(kept) <= _STATE_MEMBERS_MAX and len(names) == len(kept) and all(map(_MEMBER.fullmatch, kept))
    return ",".join(kept) if good else ""
