"""Heads remembered by the listener: what is found there is what parsing would have given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.edge.http1_doors import LOOPBACK, Doors
from narthex.edge.http1_head import KnownHeads, Refused, read_head
from narthex.limits import DEFAULTS, Limits, known_heads_max

HEAD = (
    b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nMcp-Name: %b\r\n"
    b"Content-Length: %d\r\n%b\r\n"
)
JUDGE = Doors(LOOPBACK).check


def seen(head):
    return (
        head.method,
        head.path,
        head.query,
        list(head.headers.items())[:3],
        head.length,
        head.keep_alive,
        head.http_1_1,
    )


def test_a_head_that_differs_in_its_length_alone_shares_the_headers_of_the_first():
    known = KnownHeads()

    first = known.read(HEAD % (b"echo", 10, b""), DEFAULTS, JUDGE)
    second = known.read(HEAD % (b"echo", 4321, b""), DEFAULTS, JUDGE)

    assert (first.length, second.length) == (10, 4321)
    assert first.headers is second.headers


def test_the_very_same_head_again_is_the_very_same_object():
    known = KnownHeads()
    first = known.read(HEAD % (b"echo", 1, b""), DEFAULTS, JUDGE)

    assert known.read(HEAD % (b"echo", 1, b""), DEFAULTS, JUDGE) is first
    assert known.read(HEAD % (b"echo", 2, b""), DEFAULTS, JUDGE) is not first


def test_other_limits_judge_every_head_anew():
    known = KnownHeads()
    known.read(HEAD % (b"echo", 2_000, b""), DEFAULTS, JUDGE)

    with pytest.raises(Refused):
        known.read(HEAD % (b"echo", 2_000, b""), Limits(body_bytes_max=1_000), JUDGE)


def test_a_known_head_with_a_body_over_the_limit_is_refused():
    known, limits = KnownHeads(), Limits(body_bytes_max=2_000_000)
    known.read(HEAD % (b"echo", 1, b""), limits, JUDGE)

    with pytest.raises(Refused) as refusal:
        known.read(HEAD % (b"echo", 2_000_001, b""), limits, JUDGE)
    assert refusal.value.status == 413


@pytest.mark.parametrize(
    "extra",
    [
        b"Content-Length: 5\r\n",
        b"content-length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: evil.example.com\r\n",
        b"Origin: http://evil.example.com\r\n",
        b"Authorization: a\r\nAuthorization: b\r\n",
        b"X: 1\r\n folded\r\n",
    ],
)
def test_a_refused_head_is_refused_every_time_although_its_like_is_known(extra):
    known = KnownHeads()
    known.read(HEAD % (b"echo", 1, b""), DEFAULTS, JUDGE)

    for length in (1, 2, 3):
        with pytest.raises(Refused):
            known.read(HEAD % (b"echo", length, extra), DEFAULTS, JUDGE)


def test_other_limits_forget_what_was_judged_under_the_old_ones():
    known = KnownHeads()
    known.read(HEAD % (b"echo", 1, b""), DEFAULTS, JUDGE)

    with pytest.raises(Refused):
        known.read(HEAD % (b"echo", 1, b""), Limits(header_count_max=2), JUDGE)


def test_no_more_heads_are_kept_than_the_limit():
    known = KnownHeads()
    for number in range(known_heads_max * 2 + 5):
        known.read(HEAD % (b"tool-%d" % number, 1, b""), DEFAULTS, JUDGE)

    assert len(known._heads) <= known_heads_max


@given(
    name=st.from_regex(rb"[a-zA-Z0-9_-]{1,20}", fullmatch=True),
    lengths=st.lists(st.integers(0, 5_000_000), min_size=1, max_size=5),
    spelling=st.sampled_from([b"Content-Length: ", b"content-length: ", b"Content-length: ", b"CONTENT-LENGTH: "]),
)
def test_remembering_gives_what_parsing_gives(name, lengths, spelling):
    known = KnownHeads()
    for length in lengths:
        raw = (HEAD % (name, length, b"")).replace(b"Content-Length: ", spelling)
        try:
            expected = seen(read_head(raw, DEFAULTS))
        except Refused as refusal:
            expected = refusal.status
        try:
            actual = seen(known.read(raw, DEFAULTS, JUDGE))
        except Refused as refusal:
            actual = refusal.status

        assert actual == expected
