"""Heads of answers remembered by a connection: the answer is what parsing would have given."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.limits import DEFAULTS, known_answer_heads_max
from narthex.upstream.http.fault import Malformed
from narthex.upstream.http.known import KnownAnswers
from narthex.upstream.http.response import Response

PLAIN = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Date: Mon, 23 Nov 2026 01:43:%02d GMT\r\nContent-Length: %d\r\n\r\n"
)


def answer(body: bytes, second: int = 0, extra: bytes = b"") -> bytes:
    return (PLAIN % (second, len(body))).replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n") + body


def take(response: Response, data: bytes):
    response.begin()
    response.feed(data)
    return response.complete, response.status, response.content_type, bytes(response.body), response.keep_alive


def test_the_second_answer_of_a_kind_is_taken_without_the_parser():
    response = Response(DEFAULTS, KnownAnswers())
    take(response, answer(b'{"a":1}'))

    assert take(response, answer(b'{"b":22}', second=5)) == (True, 200, b"application/json", b'{"b":22}', True)
    assert len(response._known) == 1


@pytest.mark.parametrize(
    "extra",
    [b"Connection: close\r\n", b"Content-Encoding: gzip\r\n", b"Retry-After: 3\r\n", b"Keep-Alive: timeout=1\r\n"],
)
def test_a_head_that_means_something_for_the_connection_is_never_remembered(extra):
    response = Response(DEFAULTS, KnownAnswers())
    with suppress(Malformed):  # a compressed answer is refused; here only what is kept matters
        take(response, answer(b"{}", extra=extra))

    assert len(response._known) == 0


def test_an_answer_in_pieces_and_one_with_bytes_behind_it_go_to_the_parser():
    response = Response(DEFAULTS, KnownAnswers())
    take(response, answer(b'{"a":1}'))
    whole = answer(b'{"a":2}')
    response.begin()
    response.feed(whole[:-3])

    assert not response.complete
    response.feed(whole[-3:])
    assert (response.complete, bytes(response.body)) == (True, b'{"a":2}')
    take(response, answer(b'{"a":3}') + b"HTTP/1.1 200 OK\r\n")
    assert not response.keep_alive


def test_no_more_heads_are_kept_than_the_limit():
    response = Response(DEFAULTS, KnownAnswers())
    for number in range(known_answer_heads_max * 2 + 3):
        take(response, answer(b"{}", extra=b"Server: s%d\r\n" % number))

    assert len(response._known) <= known_answer_heads_max


@given(bodies=st.lists(st.binary(min_size=0, max_size=60), min_size=1, max_size=6), second=st.integers(0, 59))
def test_remembering_gives_what_parsing_gives(bodies, second):
    remembering = Response(DEFAULTS, KnownAnswers())
    for body in bodies:
        assert take(remembering, answer(body, second)) == take(Response(DEFAULTS, KnownAnswers()), answer(body, second))
