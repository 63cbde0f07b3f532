"""Event streams: the grammar of the HTML standard, cut anywhere, under limits (T-04)."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narthex.wire.sse import SseEvent, SseFault, SseParser, SseTooLarge, frame

MAX = 1 << 20


def parse(stream: bytes, *cuts: int, event_bytes_max: int = MAX) -> list[SseEvent]:
    """All events of a stream that arrives in pieces cut at the given offsets."""
    parser = SseParser(event_bytes_max)
    events: list[SseEvent] = []
    edges = [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(edges):
        events += parser.feed(stream[start:end])
    return events + parser.end()


GRAMMAR = [
    pytest.param(b"data: a\n\n", [SseEvent(data=b"a")], id="one event"),
    pytest.param(b"data:a\n\n", [SseEvent(data=b"a")], id="no space after the colon"),
    pytest.param(b"data:  a\n\n", [SseEvent(data=b" a")], id="only one space is removed"),
    pytest.param(b"data: a\ndata: b\n\n", [SseEvent(data=b"a\nb")], id="lines of data are joined"),
    pytest.param(b"data\ndata\n\n", [SseEvent(data=b"\n")], id="a name without colon has an empty value"),
    pytest.param(b"data:\n\n", [SseEvent(data=b"")], id="empty data"),
    pytest.param(b"\xef\xbb\xbfdata: a\n\n", [SseEvent(data=b"a")], id="a BOM at the start is dropped"),
    pytest.param(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", [], id="a second BOM makes an unknown field"),
    pytest.param(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [SseEvent(data=b"a")], id="a later BOM is no BOM"),
    pytest.param(b": ping\n\n", [], id="a comment is no event"),
    pytest.param(b": ping\ndata: a\n: pong\n\n", [SseEvent(data=b"a")], id="comments inside an event"),
    pytest.param(b"event: x\ndata: a\n\n", [SseEvent("x", b"a")], id="a named event"),
    pytest.param(b"event: x\nevent:\ndata: a\n\n", [SseEvent("message", b"a")], id="an empty name is no name"),
    pytest.param(b"event: x\ndata: a\n\ndata: b\n\n", [SseEvent("x", b"a"), SseEvent(data=b"b")], id="name ends"),
    pytest.param(b"id: 7\ndata: a\n\n", [SseEvent(data=b"a", id="7")], id="an id"),
    pytest.param(b"id: 7\n\n", [SseEvent(id="7")], id="an id without data is kept"),
    pytest.param(b"id\ndata: a\n\n", [SseEvent(data=b"a", id="")], id="an empty id resets"),
    pytest.param(b"id: a\0b\ndata: c\n\n", [SseEvent(data=b"c")], id="an id with NUL is ignored"),
    pytest.param(b"retry: 100\n\n", [SseEvent(retry=100)], id="retry alone is kept"),
    pytest.param(b"retry: 1e3\ndata: a\n\n", [SseEvent(data=b"a")], id="retry takes digits only"),
    pytest.param(b"retry: -5\ndata: a\n\n", [SseEvent(data=b"a")], id="retry is not negative"),
    pytest.param(b"retry: \xd9\xa1\ndata: a\n\n", [SseEvent(data=b"a")], id="other scripts' digits are none"),
    pytest.param(b"retry: 99999999999\ndata: a\n\n", [SseEvent(data=b"a")], id="an absurd retry is ignored"),
    pytest.param(b"Data: a\n\n", [], id="names are case-sensitive"),
    pytest.param(b" data: a\n\n", [], id="a space before the name makes another name"),
    pytest.param(b"unknown: a\ndata: b\n\n", [SseEvent(data=b"b")], id="unknown fields are ignored"),
    pytest.param(b"data: a:b: c\n\n", [SseEvent(data=b"a:b: c")], id="only the first colon counts"),
    pytest.param(b"data: a\r\rdata: b\r\r", [SseEvent(data=b"a"), SseEvent(data=b"b")], id="CR"),
    pytest.param(b"data: a\r\n\r\n", [SseEvent(data=b"a")], id="CRLF"),
    pytest.param(b"data: a\r\n\ndata: b\n\r\n", [SseEvent(data=b"a"), SseEvent(data=b"b")], id="mixed"),
    pytest.param(b"data: a\n\rdata: b\n\n", [SseEvent(data=b"a"), SseEvent(data=b"b")], id="LF CR is two ends"),
    pytest.param(b"\n\n\ndata: a\n\n\n\n", [SseEvent(data=b"a")], id="blank lines between events"),
    pytest.param(b"data: a\n", [], id="an event without its blank line is dropped"),
    pytest.param(b"data: a\n\ndata: b", [SseEvent(data=b"a")], id="so is half a line"),
    pytest.param("data: \u00e9\U0001f600\n\n".encode(), [SseEvent(data="\u00e9\U0001f600".encode())], id="UTF-8"),
    pytest.param(b"", [], id="nothing"),
]


@pytest.mark.parametrize(("stream", "events"), GRAMMAR)
def test_a_stream_means_what_the_standard_says_wherever_it_is_cut(stream: bytes, events: list[SseEvent]) -> None:
    assert events == parse(stream)
    for cut in range(len(stream) + 1):
        assert events == parse(stream, cut), f"cut at {cut}"
    assert events == parse(stream, *range(len(stream))), "byte by byte"


def test_an_event_that_ends_in_cr_is_delivered_without_waiting_for_the_next_byte() -> None:
    parser = SseParser(MAX)

    assert parser.feed(b"data: a\r\n\r") == [SseEvent(data=b"a")]
    assert parser.feed(b"\ndata: b\r\n\r\n") == [SseEvent(data=b"b")]


@pytest.mark.parametrize(
    "line", [b"data: \xff", b"data: \xed\xa0\x80", b"id: \xff", b"event: \xc3", b"data: a\ndata: \xc3"]
)
def test_bytes_that_are_not_utf8_are_a_fault(line: bytes) -> None:
    with pytest.raises(SseFault):
        parse(line + b"\n\n")


@pytest.mark.parametrize("cuts", [(), (3,), (50, 60), tuple(range(1, 120))], ids=str)
def test_an_event_may_hold_exactly_its_limit(cuts: tuple[int, ...]) -> None:
    fits, over = b"x" * 100, b"x" * 101

    assert parse(b"data: %b\n\n" % fits, *cuts, event_bytes_max=100) == [SseEvent(data=fits)]
    with pytest.raises(SseTooLarge):
        parse(b"data: %b\n\n" % over, *cuts, event_bytes_max=100)


@pytest.mark.parametrize(
    "stream",
    [b"data: xx\n" * 100, b"x" * 200, b"data\n" * 200, b"id: " + b"1" * 101 + b"\n", b"event: " + b"1" * 101 + b"\n"],
    ids=["many lines", "no line end", "many empty lines", "id", "event"],
)
def test_an_endless_event_is_refused_before_it_ends(stream: bytes) -> None:
    with pytest.raises(SseTooLarge):
        SseParser(100).feed(stream)


def test_comments_are_not_collected() -> None:
    parser = SseParser(100)

    for _ in range(1000):
        assert parser.feed(b": keep alive\n") == []


def test_a_large_event_in_small_pieces_costs_linear_time_and_arrives_whole() -> None:
    data = b"x" * MAX
    stream = frame(data)
    parser = SseParser(MAX)
    events = [event for start in range(0, len(stream), 1000) for event in parser.feed(stream[start : start + 1000])]

    assert events == [SseEvent(data=data)]


@pytest.mark.parametrize("field", ["event", "id"])
@pytest.mark.parametrize("value", [b"a\nb", b"a\rdata: b", b"a\0b"])
def test_a_field_cannot_smuggle_in_another(field: str, value: bytes) -> None:
    with pytest.raises(ValueError, match=field):
        frame(b"", **{field: value})  # type: ignore[arg-type]


def test_frames_are_plain() -> None:
    assert frame(b"{}") == b"data: {}\n\n"
    assert frame(b"{}", event=b"message", id=b"7", retry=9) == b"event: message\nid: 7\nretry: 9\ndata: {}\n\n"
    assert frame(b"a\r\nb\rc\nd") == b"data: a\ndata: b\ndata: c\ndata: d\n\n"


names = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8)
events = st.builds(
    SseEvent,
    event=names.map(lambda name: name or "message"),
    data=st.text(st.characters(exclude_categories=["Cs"])).map(
        lambda text: text.replace("\r\n", "\n").replace("\r", "\n").encode()
    ),
    id=st.none() | names.filter(bool),
    retry=st.none() | st.integers(0, 10**9),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(events, max_size=5), st.data(), st.sampled_from([b"\n", b"\r", b"\r\n"]), st.booleans())
def test_what_is_framed_is_parsed_however_it_arrives(
    sent: list[SseEvent], draw: st.DataObject, line_end: bytes, bom: bool
) -> None:
    stream = b"".join(
        frame(each.data, each.event.encode(), (each.id or "").encode(), each.retry) for each in sent
    ).replace(b"\n", line_end)
    if bom:
        stream = b"\xef\xbb\xbf" + stream
    cuts = draw.draw(st.lists(st.integers(0, len(stream)), max_size=8))

    assert sent == parse(stream, *cuts)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"data", b":", b" ", b"\r", b"\n", b"id", b"event", b"retry", b"1", b"\xef\xbb\xbf"]),
        max_size=40,
    ),
    st.data(),
)
def test_cutting_never_changes_the_meaning(tokens: list[bytes], draw: st.DataObject) -> None:
    stream = b"".join(tokens)
    cuts = draw.draw(st.lists(st.integers(0, len(stream)), max_size=8))

    assert parse(stream) == parse(stream, *cuts)
