"""One record as one line: for a human on a terminal, or as JSON for a machine.

Knows: both forms. Refuses to know: where lines go, and which of them are wanted.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from narthex.limits import log_name_chars_max, log_words_kept_max
from narthex.telemetry.event import CallEvent, How, said, sentence, subject
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


def level_of(outcome: How) -> Level:
    return "warning" if outcome == "error" else "info"


class HumanForm:
    """`14:03:07.412 info    crm__find_contact by local: ok in 3.1 ms (412 B in, 1.2 kB out)`"""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._clock = _Clock("%H:%M:%S", local=True)

    def __call__(self, record: Record) -> bytes:
        if isinstance(record, CallEvent):
            level, told = level_of(record.outcome), sentence(record)
        else:
            level, told = record.level, scrubbed_text(record.sentence)
            told += "".join(f" {plain(name)}={_worded(scrubbed(name, value))}" for name, value in record.fields.items())
        word = f"{_COLOURS[level]}{level:<7}{_RESET}" if self._colours else f"{level:<7}"
        return f"{self._clock(record.at)} {word} {told}\n".encode("utf-8", "backslashreplace")


class JsonForm:
    """`{"at":"2026-08-22T12:03:07.412Z","level":"info","message":"crm__find_contact by local: …",…}`"""

    def __init__(self) -> None:
        self._clock = _Clock("%Y-%m-%dT%H:%M:%S", local=False)
        self._around: _Around | None = None  # of the last call's line, with whose it was, and what they make together
        self._who, self._words = "", b""

    def __call__(self, record: Record) -> bytes:
        at = self._clock(record.at) + "Z"
        if isinstance(record, CallEvent):
            return self._call_line(at, record)
        members: dict[str, object] = {"at": at, "level": record.level, "message": scrubbed_text(record.sentence)}
        for name, value in record.fields.items():
            members[f"{name}_" if name in members else plain(name)] = scrubbed(name, value)
        return _encode(members) + b"\n"

    def _call_line(self, at: str, event: CallEvent) -> bytes:
        around = _around(
            event.method,
            event.outcome,
            event.endpoint,
            event.tool,
            event.server,
            event.revision,
            event.reason,
            event.code,
        )
        if around is not self._around or event.principal != self._who:
            self._around, self._who = around, event.principal
            before, middle, after = around
            who = _encode(plain(event.principal, log_name_chars_max))[1:-1]
            self._words = before + (who or b"nobody") + middle + who + after
        return b'{"at":"%b",%b,"serial":%d,"seconds":%.6f,"bytes_in":%d,"bytes_out":%d}\n' % (
            at.encode("ascii"),
            self._words,
            event.serial,
            event.seconds,
            event.bytes_in,
            event.bytes_out,
        )


_Around = tuple[bytes, bytes, bytes]


class _Subject(msgspec.Struct, gc=False):
    """What call after call says again, up to the caller."""

    method: str
    endpoint: str
    tool: str
    server: str


class _Ending(msgspec.Struct, gc=False, omit_defaults=True):
    """The same behind the caller."""

    revision: str
    outcome: str
    reason: str | None = None
    code: int | None = None


@lru_cache(maxsize=log_words_kept_max)
def _around(
    method: str,
    outcome: How,
    endpoint: str,
    tool: str,
    server: str,
    revision: str,
    reason: str | None,
    code: int | None,
) -> _Around:
    """Encoded, without the brackets: up to the caller in the sentence, from there to the caller's own member, the rest.

    Remembered: thousands of lines are written in a second, and differ in numbers. Of the caller nothing is remembered:
    where ten thousand take turns, to look for each costs more than to write it.
    """
    about = _encode(_Subject(plain_name(method), endpoint, plain_name(tool), server))
    before = b'"level":%b,"message":%b' % (
        _encode(level_of(outcome)),
        _encode(f"{subject(method, tool, endpoint)} by ")[:-1],
    )
    middle = b'%b,%b,"principal":"' % (_encode(f": {said(outcome, reason, code)}")[1:], about[1:-1])
    return before, middle, b'",' + _encode(_Ending(plain_name(revision), outcome, reason, code))[1:-1]


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
