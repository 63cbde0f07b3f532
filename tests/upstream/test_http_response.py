"""Which answers are accepted, byte by byte, without a socket."""

import pytest
from http_raw import HEAD_JSON, answer, chunked

from narthex.limits import Limits
from narthex.upstream.http.fault import HttpFault, Malformed, TooLarge
from narthex.upstream.http.known import KnownAnswers
from narthex.upstream.http.response import Response

LIMITS = Limits(result_bytes_max=1000, upstream_header_bytes_max=2000)
OK = b"HTTP/1.1 200 OK\r\n"


def read(*pieces: bytes, limits: Limits = LIMITS) -> Response:
    response = Response(limits, KnownAnswers())
    for piece in pieces:
        response.feed(piece)
    return response


def each_byte(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


WHOLE = [
    pytest.param(answer(b"{}"), 200, b"{}", True, id="content-length"),
    pytest.param(answer(b""), 200, b"", True, id="empty"),
    pytest.param(chunked(b"{", b"}"), 200, b"{}", True, id="chunked"),
    pytest.param(chunked(), 200, b"", True, id="chunked, empty"),
    pytest.param(OK + b"transfer-encoding: Chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n", 200, b"a", True, id="extension"),
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True, id="204"),
    pytest.param(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304, b"", True, id="304 has no body"),
    pytest.param(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", 202, b"", True, id="202"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"{}"), 200, b"{}", True, id="100 is skipped"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 3 + answer(b"{}"), 200, b"{}", True, id="103"),
    pytest.param(b"HTTP/1.1 307 T\r\nlocation: http://a/\r\ncontent-length: 0\r\n\r\n", 307, b"", True, id="307"),
    pytest.param(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", False, id="HTTP/1.0"),
    pytest.param(OK + b"connection: close\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", False, id="close"),
    pytest.param(OK + b"content-encoding: identity\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", True, id="identity"),
    pytest.param(b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", True, id="no reason phrase"),
    pytest.param(answer(b'{"a":1}{"b":2}'), 200, b'{"a":1}{"b":2}', True, id="two documents are one body here"),
]


@pytest.mark.parametrize(("data", "status", "body", "keep_alive"), WHOLE)
def test_an_answer_is_the_same_however_it_arrives(data: bytes, status: int, body: bytes, keep_alive: bool) -> None:
    for pieces in ([data], each_byte(data), *([data[:cut], data[cut:]] for cut in range(1, len(data)))):
        response = read(*pieces)
        reply = response.reply(streamed=False)

        assert response.complete
        assert (status, body, keep_alive) == (reply.status, reply.body, response.keep_alive)


MALFORMED = [
    pytest.param(OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="CL and TE"),
    pytest.param(OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="TE and CL"),
    pytest.param(OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}", id="two lengths"),
    pytest.param(OK + b"content-length: +2\r\n\r\n{}", id="signed length"),
    pytest.param(OK + b"content-length: 0x2\r\n\r\n{}", id="hexadecimal length"),
    pytest.param(OK + b"content-length: 2, 2\r\n\r\n{}", id="list of lengths"),
    pytest.param(OK + b"content-length: 99999999999999999999999\r\n\r\n{}", id="overflowing length"),
    pytest.param(OK + b"content-length : 2\r\n\r\n{}", id="space before the colon"),
    pytest.param(OK + b"x: a\r\n b\r\ncontent-length: 2\r\n\r\n{}", id="folded header"),
    pytest.param(b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", id="bare LF"),
    pytest.param(OK + b"x: a\0b\r\ncontent-length: 2\r\n\r\n{}", id="NUL in a header"),
    pytest.param(OK + b"transfer-encoding: gzip\r\n\r\n{}", id="TE gzip"),
    pytest.param(OK + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="TE gzip, chunked"),
    pytest.param(OK + b"transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="TE not last"),
    pytest.param(
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="TE twice"
    ),
    pytest.param(OK + b"transfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n", id="negative chunk"),
    pytest.param(OK + b"transfer-encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n", id="no CRLF after a chunk"),
    pytest.param(OK + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}", id="overflowing chunk"),
    pytest.param(OK + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}", id="compressed"),
    pytest.param(OK + b"content-encoding: br\r\ncontent-length: 2\r\n\r\n{}", id="compressed with brotli"),
    pytest.param(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", id="101"),
    pytest.param(b"HTTP/1.1 101 Switching\r\n\r\n", id="101 without upgrade"),
    pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="status of two digits"),
    pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", id="status of four digits"),
    pytest.param(b"HTTP/9.9 200 OK\r\n\r\n", id="unknown version"),
    pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
    pytest.param(b"\x15\x03\x01\x00\x02\x02\x46", id="TLS alert"),
    pytest.param(b"POST / HTTP/1.1\r\n\r\n", id="a request"),
]


@pytest.mark.parametrize("data", MALFORMED)
def test_bad_framing_is_refused(data: bytes) -> None:
    for pieces in ([data], each_byte(data)):
        with pytest.raises(Malformed) as caught:
            read(*pieces)

        assert caught.value.sent


def big_header(size: int) -> bytes:
    return OK + b"x: " + b"a" * size + b"\r\ncontent-length: 2\r\n\r\n{}"


TOO_LARGE = [
    pytest.param(big_header(2000), id="one header"),
    pytest.param(OK + b"".join(b"x%d: a\r\n" % each for each in range(400)) + b"content-length: 0\r\n\r\n", id="many"),
    pytest.param(OK + b"x: a\r\n" * 102 + b"content-length: 0\r\n\r\n", id="repeated"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 200, id="endless interim answers"),
    pytest.param(answer(b"x" * 1001), id="body by length"),
    pytest.param(chunked(*[b"x"] * 1001), id="body by chunks"),
    pytest.param(HEAD_JSON + b"\r\n" + b"x" * 1001, id="body until close"),
    pytest.param(chunked(b"a")[:-2] + b"trailer: " + b"x" * 3000, id="endless trailer"),
    pytest.param(OK + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 3000, id="endless chunk extension"),
    pytest.param(OK + b"x" * 3000, id="endless header name"),
    pytest.param(b"HTTP/1.1 200 " + b"x" * 3000, id="endless reason phrase"),
]


@pytest.mark.parametrize("data", TOO_LARGE)
def test_what_is_over_a_limit_is_refused(data: bytes) -> None:
    with pytest.raises(TooLarge):
        read(*(data[start : start + 100] for start in range(0, len(data), 100)))


@pytest.mark.parametrize("data", [TOO_LARGE[index] for index in range(7)])
def test_it_is_also_refused_in_one_piece(data: bytes) -> None:
    with pytest.raises(TooLarge):
        read(data)


def test_a_length_over_the_limit_is_refused_before_the_body_arrives() -> None:
    with pytest.raises(TooLarge):
        read(HEAD_JSON + b"content-length: 1001\r\n\r\n")


def test_headers_just_under_the_limit_are_fine() -> None:
    assert read(big_header(1900)).complete
    assert read(*each_byte(big_header(1900))).complete


def test_names_are_lower_case_and_repeated_headers_are_joined() -> None:
    response = read(
        OK + b"X-A: 1\r\nx-a: 2\r\nContent-Type: Application/JSON; charset=utf-8\r\ncontent-length: 0\r\n\r\n"
    )

    assert response.headers[b"x-a"] == b"1, 2"
    assert response.content_type == b"application/json"


def test_trailers_never_become_headers() -> None:
    response = read(chunked(b"{}")[:-2] + b"content-type: text/event-stream\r\nmcp-session-id: evil\r\n\r\n")

    assert response.complete
    assert response.headers == {b"content-type": b"application/json", b"transfer-encoding": b"chunked"}


@pytest.mark.parametrize(
    "more", [answer(b"[]"), b"HTTP", b"X", answer(b"[]") * 3], ids=["answer", "start", "junk", "many"]
)
@pytest.mark.parametrize("together", [True, False])
def test_after_a_second_answer_the_first_is_believed_and_the_connection_is_not(more: bytes, together: bool) -> None:
    response = read(answer(b"{}") + more) if together else read(answer(b"{}"), more)

    assert response.reply(streamed=False).body == b"{}"
    assert not response.keep_alive


def test_every_fault_of_an_answer_says_that_the_request_was_sent() -> None:
    for case in [*MALFORMED, *TOO_LARGE]:
        with pytest.raises(HttpFault) as caught:
            read(*each_byte(case.values[0]))  # type: ignore[arg-type]

        assert caught.value.sent
