"""What became of one call: the event that log, metrics, usage and audit all read, and its one sentence.

Knows: the form of the event and how it is said. Refuses to know: who counts, writes or keeps it.
"""

from typing import Literal

import msgspec

from narthex.telemetry.plain import plain_name

How = Literal["ok", "tool_error", "denied", "error", "cancelled", "input_required"]


class CallEvent(msgspec.Struct, gc=False, kw_only=True, omit_defaults=True):
    """Made once per call, by the relay. Holds no containers, so the garbage collector need not follow it."""

    at: float  # wall clock when the call ended, seconds since the epoch
    serial: int  # number of the call in this process
    method: str
    outcome: How
    seconds: float
    endpoint: str = ""  # "" is /mcp
    tool: str = ""  # public name of the tool or prompt, or the resource's URI
    server: str = ""  # "": the call never found its server
    principal: str = ""
    tenant: str = ""
    revision: str = ""  # the client's
    reason: str | None = None  # machine's word
    denied_by: str = ""  # the filter that said no
    warned_by: str = ""  # the filter that would have, if it did more than warn
    warning: str = ""  # what it would have said
    code: int | None = None  # JSON-RPC code
    bytes_in: int = 0
    bytes_out: int = 0
    cached: str = ""  # "kept": the answer is an older one; "shared": that of another call at the same time
    shortened: str = ""  # "truncated", "offloaded": the result was larger than it may be
    cost: float = 0.0  # units

    def __repr__(self) -> str:
        return f"<CallEvent {self.serial} {sentence(self)}>"


_SAID: dict[str, str] = {
    "ok": "ok",
    "tool_error": "tool error",
    "denied": "denied",
    "error": "error",
    "cancelled": "cancelled",
    "input_required": "asked back",
}
_EXPLAINED = frozenset({"denied", "error", "cancelled"})
_AFTER = frozenset({"cancelled", "input_required"})  # said of what did not end: after so long, not in so long


def sentence(event: CallEvent) -> str:
    """The call in one line, for a human: safe on a terminal whatever the client put into its names."""
    told = said(event.outcome, event.reason, event.code)
    took = f"{'after' if event.outcome in _AFTER else 'in'} {duration(event.seconds)}"
    return (
        f"{subject(event.method, event.tool, event.endpoint)} by {plain_name(event.principal) or 'nobody'}: "
        f"{told} {took} ({size(event.bytes_in)} in, {size(event.bytes_out)} out)"
    )


def subject(method: str, tool: str, endpoint: str) -> str:
    """What was asked for, and where."""
    named = tool or method
    if method != "tools/call" and tool:
        named = f"{method} {tool}"
    return plain_name(f"{named} on {endpoint}" if endpoint else named)


def said(outcome: How, reason: str | None, code: int | None) -> str:
    """What became of it."""
    words = [str(word) for word in (reason, code) if word is not None] if outcome in _EXPLAINED else []
    return f"{_SAID[outcome]} ({', '.join(words)})" if words else _SAID[outcome]


def duration(seconds: float) -> str:
    """Two or three digits that matter: `0.04 ms`, `3.1 ms`, `412 ms`, `1.25 s`, `2 min 5 s`."""
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    milliseconds = seconds * 1000
    if milliseconds >= 100:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds:.1f} ms" if milliseconds >= 0.1 else f"{milliseconds:.2f} ms"


def size(count: int) -> str:
    """Bytes in decimal units: `412 B`, `1.2 kB`, `3.4 MB`."""
    if count < 1_000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1_000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"
