"""Every row of the catalogue, sent whole, in two pieces, and byte by byte: the answer must not depend on packets."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from http1_catalogue import REFUSED, SERVED, SMUGGLED, Refused, Served
from http1_kit import client, hall, request

Cut = Callable[[bytes], Iterator[bytes]]


def whole(raw: bytes) -> Iterator[bytes]:
    yield raw


def halves(raw: bytes) -> Iterator[bytes]:
    yield raw[: len(raw) // 2]
    yield raw[len(raw) // 2 :]


def bytewise(raw: bytes) -> Iterator[bytes]:
    """The first 600 bytes one by one: a longer row differs only in length from there on."""
    yield from (bytes((byte,)) for byte in raw[:600])
    if raw[600:]:
        yield raw[600:]


CUTS = pytest.mark.parametrize("cut", [whole, halves, bytewise])


def test_the_catalogue_is_large_and_its_rows_are_told_apart() -> None:
    names = [row.name for row in (*REFUSED, *SERVED)]

    assert len(names) >= 150
    assert len(set(names)) == len(names)


@CUTS
@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
async def test_a_bad_request_is_refused_once_and_smuggles_nothing(row: Refused, cut: Cut) -> None:
    async with hall() as stage, client(stage) as sender:
        await send_what_is_taken(sender, cut(row.raw + SMUGGLED))
        answers = await sender.answers()

        assert [answer.status for answer in answers] == [row.status]
        assert answers[0].reason == row.reason or row.reason == ""
        assert answers[0].headers["connection"] == "close"
        assert len(answers[0].headers["x-request-id"]) == 16
        assert "Traceback" not in answers[0].body.decode()
        assert stage.seen == []
        assert stage.refusals == [(row.status, answers[0].reason)]
        assert stage.faults == []


@CUTS
@pytest.mark.parametrize("row", SERVED, ids=lambda row: row.name)
async def test_an_odd_request_is_served_as_it_was_meant(row: Served, cut: Cut) -> None:
    async with hall() as stage, client(stage) as sender:
        await send_what_is_taken(sender, cut(row.raw))
        answers = await sender.answers()

        assert [answer.status for answer in answers] == [200] * len(row.bodies)
        assert tuple(exchange.body for exchange in stage.seen) == row.bodies
        assert {exchange.path for exchange in stage.seen} == {"/p"}
        for exchange in stage.seen:
            assert exchange.headers.get(b"authorization") is None
            assert all(b"_" not in name for name, _ in exchange.headers.items())
        assert stage.faults == []


async def send_what_is_taken(sender, pieces: Iterator[bytes]) -> None:
    """A server that has refused stops taking bytes: that is its right, and no failure."""
    try:
        await sender.send(*pieces)
    except (ConnectionResetError, BrokenPipeError):
        return


@pytest.mark.parametrize("cut_at", range(1, len(request(method="POST", body=b"abc"))))
async def test_a_request_may_be_cut_anywhere(cut_at: int) -> None:
    raw = request("/p", method="POST", body=b"abc")
    async with hall() as stage, client(stage) as sender:
        await sender.send(raw[:cut_at], raw[cut_at:] + raw)
        answers = [await sender.answer(), await sender.answer()]

        assert [answer.status for answer in answers] == [200, 200]
        assert [exchange.body for exchange in stage.seen] == [b"abc", b"abc"]


async def test_the_parser_never_sees_two_requests_as_one() -> None:
    """Chunked requests, pipelined, cut at every place: the end of each body is found to the byte."""
    one = b"POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\nT: x\r\n\r\n"
    async with hall() as stage:
        for first, second in itertools.combinations(range(1, 2 * len(one), 5), 2):
            async with client(stage) as sender:
                raw = one * 2
                await sender.send(raw[:first], raw[first:second], raw[second:])
                answers = [await sender.answer(), await sender.answer()]

                assert [answer.status for answer in answers] == [200, 200]
        assert {exchange.body for exchange in stage.seen} == {b"\r\n\r\n"}
