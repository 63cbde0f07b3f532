"""Heads remembered by the listener: what is found there is what parsing would have given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.edge.http1_doors import LOOPBACK, Doors
from narthex.edge.http1_head import Refused, read_head
from narthex.edge.http1_known import KnownHeads
from narthex.limits import DEFAULTS, Limits, known_credential_bytes_max, known_heads_max

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

    assert len(known._kinds) <= known_heads_max


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


# Heads that differ in their credential


def told(read, raw):
    """All that a head says; or how it is refused. The length of the body is in `length`, the field is of the first."""
    try:
        head = read(raw)
    except Refused as refusal:
        return refusal.status, refusal.reason
    fields = [field for field in head.headers.items() if field[0] != b"content-length"]
    return (*seen(head)[:3], fields, *seen(head)[4:])


def by(known, limits=DEFAULTS):
    return lambda raw: known.read(raw, limits, JUDGE)


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Bearer %b\r\n",
        b"authorization: Bearer %b\r\n",
        b"authorization: bearer %b\r\n",
        b"X-API-Key: %b\r\n",
        b"x-api-key: %b\r\n",
    ],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_heads_that_differ_in_their_credential_share_all_but_that(line, place):
    known = KnownHeads()
    raws = [HEAD % (b"echo", 10 + n, line % (b"t0k.en-%d==" % n)) for n in range(4)]
    if place == "before":
        raws = [HEAD % (b"e\r\n" + (line % (b"t0k.en-%d==" % n)).rstrip(), 10 + n, b"") for n in range(4)]
    first = by(known)(raws[0])
    first.headers.notes, first.headers.caller = "what the others say too", "ana"
    others = [by(known)(raw) for raw in raws[1:]]

    assert [told(lambda _, head=head: head, b"") for head in others] == [
        told(lambda raw: read_head(raw, DEFAULTS), raw) for raw in raws[1:]
    ]
    assert {head.headers.notes for head in others} == {first.headers.notes}
    assert [head.headers.caller for head in others] == [None] * 3


def test_nobody_is_taken_for_who_sent_the_same_head_with_another_credential():
    known = KnownHeads()
    raws = [HEAD % (b"echo", 10, b"Authorization: Bearer %b\r\n" % token) for token in (b"ana", b"bo", b"eve")]
    for raw, name in zip(raws, ("ana", "bo", "eve"), strict=True):
        for _ in range(3):  # read, remembered, found
            by(known)(raw).headers.caller = name
    again = [by(known)(raw).headers for raw in raws * 2]

    assert [headers.caller for headers in again] == ["ana", "bo", "eve"] * 2
    assert [headers.get(b"authorization") for headers in again[:3]] == [b"Bearer ana", b"Bearer bo", b"Bearer eve"]


def test_callers_of_every_kind_may_take_turns():
    known = KnownHeads()
    lines = (
        b"Authorization: Bearer %b\r\n",
        b"X-API-Key: %b\r\n",
        b"authorization: bearer %b\r\n",
        b"x-api-key: %b\r\n",
    )
    for number in range(200):
        raw = HEAD % (b"echo", 10 + number % 3, lines[number % 4] % (b"token-%d" % number))

        assert told(by(known), raw) == told(lambda raw: read_head(raw, DEFAULTS), raw)
        assert by(known)(raw).headers.token in (b"", b"token-%d" % number)
    assert len(known._kinds) == 4


def test_bodies_of_all_lengths_behind_all_credentials_leave_little_behind():
    known = KnownHeads()
    for length in range(known_heads_max * 2):
        by(known)(HEAD % (b"echo", length, b"X-API-Key: token-%d\r\n" % length))

    assert len(known._kinds) == 1
    assert len(known._sized) <= known_heads_max


TRICKS = [
    (b"Authorization: Bearer a\r\nX-API-Key: \r\n", b"Authorization: Bearer \r\nX-API-Key: a\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer a\r\nX-Evil: 1\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer a\nX-Evil: 1\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer a\x00b\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer a\x7fb\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer \xc3\xa4\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer a b\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer \r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer b\r\n folded\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization: Bearer b\r\nAuthorization: Bearer c\r\n"),
    (b"Authorization: Bearer a\r\n", b"Authorization : Bearer b\r\n"),
    (b"X-API-Key: a\r\n", b"X-API-Key: b\r\nX-API-Key: c\r\n"),
    (b"x-api-key:a\r\nX-API-Key: b\r\n", b"x-api-key:a\r\nX-API-Key: c\r\n"),
    (b"X-API-Key: a\r\nAuthorization: Bearer b\r\n", b"X-API-Key: c\r\nAuthorization: Bearer d\r\n"),
    (b"X-Note: uthorization: Bearer a\r\n", b"X-Note: uthorization: Bearer b\r\n"),
    (b"Authorization: Bearer 1\r\nContent-Length: 1\r\n", b"Authorization: Bearer 2\r\nContent-Length: 2\r\n"),
]


@pytest.mark.parametrize(("first", "second"), TRICKS)
def test_no_trick_with_credentials_makes_a_head_mean_what_parsing_does_not(first, second):
    for order in ((first, second), (second, first)):
        known = KnownHeads()
        for extra in (*order, *order, *order):
            raw = HEAD % (b"echo", 10, extra)

            assert told(by(known), raw) == told(lambda raw: read_head(raw, DEFAULTS), raw)


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(
                    [
                        b"Authorization: Bearer ",
                        b"authorization: bearer ",
                        b"Authorization: Basic ",
                        b"X-API-Key: ",
                        b"x-api-key: ",
                        b"x-api-key:",
                        b"Content-Length: ",
                        b"Mcp-Name: ",
                    ]
                ),
                max_size=4,
            ),
            st.lists(st.sampled_from([b"", b"a", b"b", b"7", b"12", b"a=b", b"a b", b" c", b"d ", b"\t"]), min_size=4),
        ),
        min_size=2,
        max_size=6,
    )
)
def test_whatever_came_before_a_head_says_what_parsing_finds(heads):
    known = KnownHeads()
    for names, values in heads:
        extra = b"".join(name + value + b"\r\n" for name, value in zip(names, values, strict=False))
        raw = HEAD % (b"echo", 10, extra)

        assert told(by(known), raw) == told(lambda raw: read_head(raw, DEFAULTS), raw)


def test_a_long_credential_is_judged_like_any_field_although_its_like_is_known():
    known, limits = KnownHeads(), Limits(header_field_bytes_max=200)
    line = b"Authorization: Bearer %b\r\n"
    by(known, limits)(HEAD % (b"echo", 1, line % b"a"))

    for _ in range(3):
        with pytest.raises(Refused) as refusal:
            by(known, limits)(HEAD % (b"echo", 1, line % (b"a" * 200)))
        assert refusal.value.reason == "header_field_too_large"


def test_heads_with_very_long_credentials_are_not_kept():
    known = KnownHeads()
    raw = HEAD % (b"echo", 1, b"Authorization: Bearer %b\r\n" % (b"a" * (known_credential_bytes_max + 1)))

    assert by(known)(raw) is not by(known)(raw)
    assert not known._kinds


def test_many_callers_in_turn_leave_little_behind():
    known = KnownHeads()
    for number in range(known_heads_max * 3):
        by(known)(HEAD % (b"echo", 1, b"Authorization: Bearer token-%d\r\n" % number))

    assert (len(known._kinds), len(known._whole)) == (1, 1)
    assert len(known._once) <= known_heads_max
