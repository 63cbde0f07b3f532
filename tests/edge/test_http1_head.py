"""Heads and bodies without a socket: whatever the bytes, an answer or a refusal, and nothing between."""

import pytest
from http1_catalogue import REFUSED, SERVED
from hypothesis import given
from hypothesis import strategies as st

from narthex.edge.http1_body import ChunkedBody, LengthBody
from narthex.edge.http1_head import HEAD_END, Head, Refused, read_head, read_target
from narthex.limits import DEFAULTS

SEEDS = [
    row.raw[: row.raw.find(HEAD_END) + 4] for row in (*REFUSED, *SERVED) if HEAD_END in row.raw and len(row.raw) < 2000
]
NOISE = st.sampled_from(
    [
        *(b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b"\x0b", b":", b",", b"_", b"\x80", b"%2e", b"//"),
        *(b"GET ", b"HTTP/1.0", b"HTTP/1.1", b"Host: localhost\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n"),
    ]
)


@st.composite
def damaged_heads(draw: st.DrawFn) -> bytes:
    """A row of the catalogue with a few bytes cut out, doubled, or put in."""
    head = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(head)))
        to = draw(st.integers(at, min(at + 6, len(head))))
        head[at:to] = draw(st.one_of(NOISE, st.binary(max_size=3), st.just(bytes(head[at:to]) * 2)))
    return bytes(head)


@given(damaged_heads())
def test_a_head_is_read_as_its_lines_say_or_refused(head: bytes) -> None:
    """Differential: what the parser accepts must be what the plainest reading of the same lines gives."""
    stop = head.find(HEAD_END)
    if stop < 0:
        return
    head = head[: stop + len(HEAD_END)]
    try:
        read = read_head(head, DEFAULTS)
    except Refused:
        return
    line, *lines = head[: -len(HEAD_END)].split(b"\r\n")
    method, target, version = line.split(b" ")
    plain = [(name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]

    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    assert read.method == method
    assert version == (b"HTTP/1.1" if read.http_1_1 else b"HTTP/1.0")
    assert read_target(target) == (read.path, read.query)
    assert sorted(read.headers.items()) == sorted(field for field in plain if b"_" not in field[0])
    check_invariants(read)


def check_invariants(read: Head) -> None:
    assert read.path.startswith("/")
    assert not {".", ".."} & set(read.path.split("/"))
    assert not set(read.path) & set("%\\\0\r\n ?#")
    assert read.headers.count(b"host") == 1
    assert read.headers.count(b"authorization") <= 1
    assert (b"content-length" in read.headers) + (b"transfer-encoding" in read.headers) <= 1
    assert -1 <= read.length <= DEFAULTS.body_bytes_max


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(Refused):
        read_head(noise + HEAD_END, DEFAULTS)


@st.composite
def chunked(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An encoded body with everything that may be in one, and what it means."""
    chunks = draw(st.lists(st.one_of(st.binary(min_size=1, max_size=20), st.sampled_from([HEAD_END, b"0\r\n\r\n"]))))
    extension = st.sampled_from([b"", b";a", b";a=b", b';a="b;c"'])
    raw = b"".join(
        b"%b%x%b\r\n%b\r\n" % (draw(st.sampled_from([b"", b"00"])), len(chunk), draw(extension), chunk)
        for chunk in chunks
    )
    trailers = draw(st.lists(st.sampled_from([b"X: y\r\n", b"Authorization: evil\r\n", b"Host: evil\r\n"]), max_size=3))
    return raw + b"0%b\r\n%b\r\n" % (draw(extension), b"".join(trailers)), b"".join(chunks)


@given(chunked(), st.binary(max_size=30), st.lists(st.integers(1, 40), max_size=60))
def test_a_chunked_body_ends_where_it_ends_however_it_is_cut(
    encoded: tuple[bytes, bytes], tail: bytes, cuts: list[int]
) -> None:
    raw, meant = encoded
    body, fed, rest = ChunkedBody(), 0, b""
    for size in [*cuts, len(raw) + len(tail)]:
        piece = (raw + tail)[fed : fed + size]
        fed += len(piece)
        rest = body.feed(piece, DEFAULTS)
        if body.complete:
            break

    assert body.complete
    assert body.exact
    assert bytes(body.body) == meant
    assert rest + (raw + tail)[fed:] == tail


@given(st.binary(min_size=1, max_size=200))
def test_damaged_chunks_are_refused_or_wait(noise: bytes) -> None:
    body = ChunkedBody()
    try:
        rest = body.feed(noise, DEFAULTS)
    except Refused:
        return

    assert body.complete or rest == b""


@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(1, 20))
def test_a_body_of_known_length_ends_where_it_ends(meant: bytes, tail: bytes, step: int) -> None:
    body, raw, fed, rest = LengthBody(len(meant)), meant + tail, 0, b""
    while not body.complete:
        rest = body.feed(raw[fed : fed + step], DEFAULTS)
        fed += step

    assert bytes(body.body) == meant
    assert rest + raw[fed:] == tail


def test_headers_tell_how_often_a_name_came() -> None:
    head = read_head(b"GET / HTTP/1.1\r\nHost: localhost\r\nA: 1\r\nb: 2\r\na: 3 \r\nA:\r\n\r\n", DEFAULTS)

    assert head.headers.get(b"a") == b"1"
    assert [head.headers.count(name) for name in (b"a", b"b", b"c")] == [3, 1, 0]
    assert list(head.headers.items()) == [
        (b"host", b"localhost"),
        (b"a", b"1"),
        (b"b", b"2"),
        (b"a", b"3"),
        (b"a", b""),
    ]
    assert b"a" in head.headers
    assert "localhost" not in repr(head.headers)


def test_a_target_is_decoded_once() -> None:
    assert read_target(b"/a%62c/%2B?x=%2f&y") == ("/abc/+", "x=%2f&y")
