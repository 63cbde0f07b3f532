"""One record as one line: for a human on a terminal, or as JSON for a machine.

Knows: both forms. Refuses to know: where lines go, and which of them are wanted.
"""

from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec

from narthex.telemetry.event import CallEvent, sentence
from narthex.telemetry.plain import plain, plain_name
from narthex.telemetry.scrub import scrubbed, scrubbed_text

Level = Literal["debug", "info", "warning", "error"]
LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Line(NamedTuple):
    """Something said outside of calls."""

    at: float
    level: Level
    sentence: str
    fields: dict[str, Any]


Record = Line | CallEvent

_COLOURS = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_RESET = "\x1b[0m"
_encode = msgspec.json.Encoder().encode


def level_of(event: CallEvent) -> Level:
    return "warning" if event.outcome == "error" else "info"


class HumanForm:
    """`14:03:07.412 info    crm__find_contact by local: ok in 3.1 ms (412 B in, 1.2 kB out)`"""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._clock = _Clock("%H:%M:%S", local=True)

    def __call__(self, record: Record) -> bytes:
        if isinstance(record, CallEvent):
            level, said = level_of(record), sentence(record)
        else:
            level, said = record.level, scrubbed_text(record.sentence)
            said += "".join(f" {plain(name)}={_worded(scrubbed(name, value))}" for name, value in record.fields.items())
        word = f"{_COLOURS[level]}{level:<7}{_RESET}" if self._colours else f"{level:<7}"
        return f"{self._clock(record.at)} {word} {said}\n".encode("utf-8", "backslashreplace")


class JsonForm:
    """`{"at":"2026-08-22T12:03:07.412Z","level":"info","message":"crm__find_contact by local: …",…}`"""

    def __init__(self) -> None:
        self._clock = _Clock("%Y-%m-%dT%H:%M:%S", local=False)

    def __call__(self, record: Record) -> bytes:
        at = self._clock(record.at) + "Z"
        if isinstance(record, CallEvent):
            return _encode(_call_line(at, record)) + b"\n"
        members: dict[str, object] = {"at": at, "level": record.level, "message": scrubbed_text(record.sentence)}
        for name, value in record.fields.items():
            members[f"{name}_" if name in members else plain(name)] = scrubbed(name, value)
        return _encode(members) + b"\n"


class _CallLine(msgspec.Struct, gc=False, omit_defaults=True):
    """A struct, and not a dictionary: thousands of these are written in a second, and it takes a third of the time."""

    at: str
    level: str
    message: str
    serial: int
    method: str
    endpoint: str
    tool: str
    server: str
    principal: str
    revision: str
    outcome: str
    seconds: float
    bytes_in: int
    bytes_out: int
    reason: str | None = None
    code: int | None = None


def _call_line(at: str, event: CallEvent) -> _CallLine:
    return _CallLine(
        at,
        level_of(event),
        sentence(event),
        event.serial,
        plain_name(event.method),
        event.endpoint,
        plain_name(event.tool),
        event.server,
        plain_name(event.principal),
        plain_name(event.revision),
        event.outcome,
        round(event.seconds, 6),
        event.bytes_in,
        event.bytes_out,
        event.reason,
        event.code,
    )


def _worded(value: object) -> str:
    if isinstance(value, str) and value and not any(letter in value for letter in ' "='):
        return value
    return _encode(value).decode("utf-8")


class _Clock:
    """Formats a time to the millisecond; the part down to the second is made once per second."""

    def __init__(self, form: str, *, local: bool) -> None:
        self._form, self._local = form, local
        self._second, self._text = -1, ""

    def __call__(self, at: float) -> str:
        second = int(at)
        if second != self._second:
            when = datetime.fromtimestamp(second, UTC)
            self._second, self._text = second, (when.astimezone() if self._local else when).strftime(self._form)
        return f"{self._text}.{int((at - second) * 1000):03d}"
