"""How the audit log is kept, as the operator wrote it.

Knows: folders, sizes, times, addresses, choices. Refuses to know: files and sockets.
"""

from typing import Annotated, Literal

import msgspec

from narthex.limits import MIB, audit_segment_bytes_min

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
SinkName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
SinkType = Literal["stdout", "file", "syslog", "otlp", "webhook"]


class SinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where records go besides. The folder stays what counts; a sink that is away gets what it missed."""

    type: SinkType
    name: SinkName | None = None  # absent: its type; two of a type need names
    path: Word | None = None  # of a `file`
    address: Word | None = None  # of a `syslog`: udp://HOST:PORT, tcp://HOST:PORT, unix:///PATH
    url: Word | None = None  # of `otlp` (`…/v1/logs`) and `webhook`
    headers: dict[Word, Word] = {}  # of the same; values may be secrets
    secret: Word | None = None  # of a `webhook`: signs what is sent (HMAC-SHA256)
    facility: Annotated[int, msgspec.Meta(ge=0, le=23)] = 13  # of a `syslog`; 13 is "log audit" (RFC 5424, table 1)
    timeout_seconds: Positive | None = None

    def __repr__(self) -> str:
        return f"<SinkConfig {self.called}>"

    @property
    def called(self) -> str:
        """The name under which it is spoken of, and its place remembered."""
        return self.name or self.type


class AuditConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key `audit:`."""

    enabled: bool = True
    folder: Word | None = None  # absent: `audit` in the state folder
    durability: Literal["process", "power"] = "process"
    when_broken: Literal["refuse", "count"] = "refuse"
    arguments: Literal["digest", "redacted", "none"] = "digest"
    segment_bytes: Annotated[int, msgspec.Meta(ge=audit_segment_bytes_min)] = 64 * MIB
    segment_seconds: Positive = 86_400.0
    keep_days: Positive | None = None  # absent: for ever
    keep_bytes: Annotated[int, msgspec.Meta(ge=audit_segment_bytes_min)] | None = None  # absent: whatever it takes
    compress: bool = True
    blocked_seconds_max: Annotated[float, msgspec.Meta(ge=0)] = 30.0  # a longer write ends the process; 0: it waits
    sinks: tuple[SinkConfig, ...] = ()


_WANTED: dict[SinkType, tuple[str, ...]] = {
    "stdout": (),
    "file": ("path",),
    "syslog": ("address",),
    "otlp": ("url",),
    "webhook": ("url",),
}
_ALLOWED: dict[SinkType, tuple[str, ...]] = {
    "stdout": (),
    "file": ("path",),
    "syslog": ("address", "timeout_seconds"),
    "otlp": ("url", "headers", "timeout_seconds"),
    "webhook": ("url", "headers", "secret", "timeout_seconds"),
}
_CHOICES = ("path", "address", "url", "headers", "secret", "timeout_seconds")


def wrong_with(sink: SinkConfig) -> str | None:
    """What two keys of a sink mean together, where that cannot be; None where it can."""
    for key in _WANTED[sink.type]:
        if not getattr(sink, key):
            return f"a sink of type {sink.type} needs '{key}'"
    for key in _CHOICES:
        if getattr(sink, key) and key not in _ALLOWED[sink.type]:
            return f"a sink of type {sink.type} has no '{key}'"
    if sink.address is not None and not sink.address.startswith(("udp://", "tcp://", "unix:///")):
        return "an address of syslog begins with udp://, tcp:// or unix:///"
    if sink.url is not None and not sink.url.startswith(("http://", "https://")):
        return "a URL of a sink begins with http:// or https://"
    return None


def names_twice(sinks: tuple[SinkConfig, ...]) -> set[str]:
    """Names that more than one sink has: their places would be each other's."""
    names = [sink.called for sink in sinks]
    return {name for name in names if names.count(name) > 1}
