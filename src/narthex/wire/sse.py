"""Server-sent events: bytes to events, and one event to bytes.

Knows: the grammar of the HTML standard (section 9.2, event streams) and how much one event may hold.
Refuses to know: who sent the bytes, what the data means, and when it is time to reconnect.
"""

import msgspec

BOM = b"\xef\xbb\xbf"
RETRY_DIGITS_MAX = 10  # a hundred days in milliseconds; a longer number is nobody's honest reconnection time
NAME_BYTES_MAX = len(b"event: ")  # what a line may hold beyond its value


class SseFault(Exception):
    """The stream is not one we will carry on reading: bytes that are not UTF-8, or what follows."""


class SseTooLarge(SseFault):
    """An event is over its limit."""


class SseEvent(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event. `id` and `retry` are None when this event did not set them.

    An event without data is kept, with empty `data`: servers use it to hand over an id for resumption.
    """

    event: str = "message"
    data: bytes = b""
    id: str | None = None
    retry: int | None = None


class SseParser:
    """Incremental parser: chunks may be cut anywhere, lines may end in CR, LF or CRLF, mixed.

    Stricter than a browser in two ways: an event holds at most `event_bytes_max` bytes, and data, ids and
    event names that are not UTF-8 are a fault instead of replacement characters, since what we pass on must
    be what was sent.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_event",
        "_event_bytes_max",
        "_id",
        "_line",
        "_retry",
        "_seen",
        "_start",
    )

    def __init__(self, event_bytes_max: int) -> None:
        self._event_bytes_max = event_bytes_max
        self._start: bytes | None = b""  # bytes held until we know whether they begin with a BOM; then None
        self._after_cr = False
        self._line = bytearray()  # the line whose end has not arrived
        self._data: bytes | bytearray | None = None
        self._event = ""
        self._id: str | None = None
        self._retry: int | None = None
        self._seen = False

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events completed by this chunk. Raises SseFault; the parser is of no use afterwards."""
        if self._start is not None:
            chunk = self._without_bom(chunk)
        if not chunk:
            return []
        lines = self._lines(chunk)
        rest = lines.pop()
        events: list[SseEvent] = []
        if lines:
            if self._line:
                self._line += lines[0]
                lines[0] = bytes(self._line)
                self._line = bytearray()
            for line in lines:
                if line:
                    self._field(line)
                elif self._seen:
                    events.append(self._dispatch())
        if rest:
            self._line += rest
            self._check_size(len(self._line) - NAME_BYTES_MAX + len(self._data or b""))
        return events

    def end(self) -> list[SseEvent]:
        """The stream is over: an event whose blank line never came is dropped, as the standard demands."""
        self._line = bytearray()
        self._forget_event()
        return []

    def _without_bom(self, chunk: bytes) -> bytes:
        assert self._start is not None
        chunk = self._start + chunk
        if len(chunk) < len(BOM) and BOM.startswith(chunk):
            self._start = chunk
            return b""
        self._start = None
        return chunk.removeprefix(BOM)

    def _lines(self, chunk: bytes) -> list[bytes]:
        """Split at any line end. A CR ends its line at once: waiting for its LF would delay the event."""
        if self._after_cr and chunk[0] == 10:
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk.split(b"\n")

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if name == b"data":
            self._append_data(value)
        elif name == b"event":
            self._check_size(len(value))
            self._event = _text(value)
        elif name == b"id":
            if b"\0" in value:
                return
            self._check_size(len(value))
            self._id = _text(value)
        elif name == b"retry":
            if not value.isdigit() or len(value) > RETRY_DIGITS_MAX:
                return
            self._retry = int(value)
        else:
            return  # a comment (empty name) or a field nobody defined
        self._seen = True

    def _append_data(self, value: bytes) -> None:
        if self._data is None:
            self._check_size(len(value))
            self._data = value
            return
        # From the second line on a bytearray: a list of tiny lines would cost six times their size.
        if isinstance(self._data, bytes):
            self._data = bytearray(self._data)
        self._data += b"\n"
        self._data += value
        self._check_size(len(self._data))

    def _check_size(self, size: int) -> None:
        if size > self._event_bytes_max:
            raise SseTooLarge(f"an event holds more than {self._event_bytes_max} bytes")

    def _dispatch(self) -> SseEvent:
        data = bytes(self._data) if self._data else b""
        if not data.isascii():
            _text(data)
        event = SseEvent(self._event or "message", data, self._id, self._retry)
        self._forget_event()
        return event

    def _forget_event(self) -> None:
        self._data = None
        self._event = ""
        self._id = None
        self._retry = None
        self._seen = False


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise SseFault("an event is not valid UTF-8") from None


def frame(data: bytes, event: bytes = b"", id: bytes = b"", retry: int | None = None) -> bytes:  # noqa: A002 - the field's name
    """Encode one event. Line ends inside `data` become several data lines (a CR arrives as LF).

    An event name or id that holds a line end would be a second field: that is a ValueError, never written.
    """
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    if not event and not id and retry is None:
        return b"data: %b\n\n" % data
    return b"%b%b%bdata: %b\n\n" % (
        _line(b"event", event),
        _line(b"id", id),
        b"" if retry is None else b"retry: %d\n" % retry,
        data,
    )


def _line(name: bytes, value: bytes) -> bytes:
    if not value:
        return b""
    if b"\n" in value or b"\r" in value or b"\0" in value:
        raise ValueError(f"a line end or NUL inside the {name.decode()} of an event")
    return b"%b: %b\n" % (name, value)
