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
    revision: str = ""  # the client's
    reason: str | None = None  # machine's word
    code: int | None = None  # JSON-RPC code
    bytes_in: int = 0
    bytes_out: int = 0

    def __repr__(self) -> str:
        return f"<CallEvent {self.serial} {sentence(self)}>"


_SAID: dict[str, str] = {
    "ok": "ok in",
    "tool_error": "tool error in",
    "denied": "denied{why} in",
    "error": "error{why} in",
    "cancelled": "cancelled{why} after",
    "input_required": "asked back after",
}


def sentence(event: CallEvent) -> str:
    """The call in one line, for a human: safe on a terminal whatever the client put into its names."""
    return (
        f"{_subject(event)} by {plain_name(event.principal) or 'nobody'}: {_said(event)} {duration(event.seconds)} "
        f"({size(event.bytes_in)} in, {size(event.bytes_out)} out)"
    )


def _subject(event: CallEvent) -> str:
    if event.method == "tools/call":
        subject = event.tool or event.method
    else:
        subject = f"{event.method} {event.tool}" if event.tool else event.method
    return plain_name(f"{subject} on {event.endpoint}" if event.endpoint else subject)


def _said(event: CallEvent) -> str:
    said = _SAID[event.outcome]
    if "{why}" not in said:
        return said
    words = [word for word in (event.reason, event.code) if word is not None]
    return said.replace("{why}", f" ({', '.join(str(word) for word in words)})" if words else "")


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
