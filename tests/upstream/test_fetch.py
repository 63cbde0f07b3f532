"""Documents fetched on somebody's word: how far the word leads, and how little is taken."""

import asyncio

import pytest
from http_raw import Peer, RawServer, always, answer, chunked

from narthex.limits import fetched_bytes_max, fetched_depth_max, fetched_values_max
from narthex.upstream.fetch import Fetched, FetchFault, Reach, ask, fetch, open_client, post_form, reach_of, shown
from narthex.upstream.http import Tls

TLS = Tls()


async def get(server: RawServer, reach: Reach = Reach.LOOPBACK, path: str = "/doc", seconds: float = 5.0) -> Fetched:
    return await fetch(f"http://127.0.0.1:{server.port}{path}", reach, tls=TLS, seconds=seconds)


async def refused(server: RawServer, reach: Reach = Reach.LOOPBACK, seconds: float = 5.0) -> FetchFault:
    with pytest.raises(FetchFault) as caught:
        await get(server, reach, "/doc?secret=hunter2", seconds)
    assert "hunter2" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/jwk-set+json"])
async def test_a_document_is_fetched(kind: str) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n".encode()
    async with RawServer(always(answer(b'{"a": [1]}', head))) as server:
        found = await get(server)

    assert found == (200, {"a": [1]})


async def test_it_is_asked_for_as_json_and_in_plain() -> None:
    heads: list[dict[bytes, bytes]] = []

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            heads.append(request.headers)
            await peer.say(answer(b"{}"))

    async with RawServer(script) as server:
        await get(server)

    assert heads[0][b"accept"] == b"application/json"
    assert heads[0][b"accept-encoding"] == b"identity"
    assert not heads[0].keys() & {b"authorization", b"cookie"}


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (answer(b"{}", b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n"), "status"),
        (answer(b"{}", b"HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\n"), "status"),
        (answer(b"{}", b"HTTP/1.1 500 Oh\r\n"), "status"),
        (answer(b"<html>", b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"), "content_type"),
        (answer(b"{}", b"HTTP/1.1 200 OK\r\n"), "content_type"),
        (answer(b"data: {}\n\n", b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"), "content_type"),
        (answer(b"{"), "json"),
        (answer(b""), "json"),
        (answer(b'{"a": 1, "a": 2}'), "json"),
        (answer(b'{"a": NaN}'), "json"),
        (answer(b'"\xff"'), "json"),
        (answer(b"[" * (fetched_depth_max + 1) + b"]" * (fetched_depth_max + 1)), "json"),
        (answer(b"[" + b"1," * fetched_values_max + b"1]"), "json"),
        (answer(b" " * fetched_bytes_max + b"{}"), "too_large"),
        (chunked(*[b" " * 65_536] * (fetched_bytes_max // 65_536), b" {}"), "too_large"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}", "truncated"),
        (b"", "lost"),
        (b"SSH-2.0-OpenSSH\r\n", "malformed"),
    ],
)
async def test_what_is_no_small_json_document_is_refused(response: bytes, reason: str) -> None:
    async def script(peer: Peer) -> None:
        if await peer.request() is not None:
            await peer.say(response)

    async with RawServer(script) as server:
        fault = await refused(server)

    assert fault.reason == reason
    assert f"http://127.0.0.1:{server.port}" in str(fault)


async def test_what_just_fits_is_taken() -> None:
    body = b'"' + b"x" * (fetched_bytes_max - 2) + b'"'
    async with RawServer(always(answer(body))) as server:
        found = await get(server)

    assert len(found.value) == fetched_bytes_max - 2


async def test_an_answer_that_drips_is_given_up_in_time() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
        while not peer.gone.is_set() and not peer.writer.transport.is_closing():
            await peer.say(b" ")
            await asyncio.sleep(0.02)

    async with RawServer(script) as server:
        fault = await refused(server, seconds=0.3)

    assert fault.reason == "timeout"


@pytest.mark.parametrize("reach", [Reach.PUBLIC, Reach.LOOPBACK])
@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://100.64.0.1/x",
        "https://0.0.0.0/x",
        "https://[64:ff9b::a00:1]/x",
        "https://192.168.1.1/x",
    ],
)
async def test_addresses_inside_are_not_reached_by_a_stranger_s_word(url: str, reach: Reach) -> None:
    with pytest.raises(FetchFault) as caught:
        await fetch(url, reach, tls=TLS)

    assert caught.value.reason == "blocked_address"
    assert "the configuration does not allow it" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://localhost/x", "https://127.1/x", "https://2130706433/x", "https://[::1]/x"]
)
async def test_this_machine_is_not_reached_by_a_stranger_s_word(url: str) -> None:
    with pytest.raises(FetchFault) as caught:
        await fetch(url, Reach.PUBLIC, tls=TLS)

    assert caught.value.reason in ("blocked_address", "connect_failed")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://auth.example.com/x", "scheme"),
        ("http://127.0.0.1:1/x", "scheme"),
        ("file:///etc/passwd", "url"),
        ("gopher://x/", "url"),
        ("https:///x", "url"),
        ("https://u:hunter2@x.example/", "url"),
        ("https://x.example/a b", "url"),
        ("https://x.example/#f", "url"),
        ("https://x.example:0/", "url"),
        ("https://x.example:99999/", "url"),
        ("", "url"),
    ],
)
async def test_what_is_no_public_https_address_is_refused_unopened(url: str, reason: str) -> None:
    with pytest.raises(FetchFault) as caught:
        await fetch(url, Reach.PUBLIC, tls=TLS)

    assert caught.value.reason == reason
    assert "hunter2" not in str(caught.value)


async def test_whoever_lives_here_may_name_this_machine_and_no_other() -> None:
    async with RawServer(always(answer(b"{}"))) as server:
        assert (await get(server, Reach.LOOPBACK)).status == 200
        assert (await get(server, Reach.PRIVATE)).status == 200
        assert (await refused(server, Reach.PUBLIC)).reason == "scheme"
    with pytest.raises(FetchFault) as caught:
        await fetch("http://10.0.0.1/x", Reach.LOOPBACK, tls=TLS)

    assert caught.value.reason == "scheme"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9000/realm", Reach.LOOPBACK),
        ("http://localhost:9000", Reach.LOOPBACK),
        ("http://[::1]:9000", Reach.LOOPBACK),
        ("https://localhost.example.com", Reach.PUBLIC),
        ("https://auth.example.com", Reach.PUBLIC),
        ("https://127.0.0.1.example.com", Reach.PUBLIC),
        ("", Reach.PUBLIC),
    ],
)
def test_how_far_the_word_of_one_reaches_who_was_named_by_the_operator(url: str, expected: Reach) -> None:
    assert reach_of(url, allow_private=False) is expected
    assert reach_of(url, allow_private=True) is Reach.PRIVATE


async def test_many_questions_may_share_a_client() -> None:
    async with RawServer(always(answer(b"{}"))) as server:
        client = open_client(f"http://127.0.0.1:{server.port}/x", Reach.LOOPBACK, TLS)
        for _ in range(3):
            await ask(client, "POST", b"content-type: application/x-www-form-urlencoded\r\n", b"a=b")
        await client.aclose()

        assert len(server.peers) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@x.example/a?b=c#d", "https://x.example/a"),
        ("https://x.example/" + "a" * 1_000, "https://x.example/" + "a" * 238),
        ("nonsense\n\x1b[31m", "nonsense\\n\\x1b[31m"),
    ],
)
def test_an_address_is_told_without_what_may_be_secret(url: str, expected: str) -> None:
    assert shown(url) == expected


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://[fd00:ec2::254]/", "http://168.63.129.16/"])
async def test_where_clouds_keep_their_secrets_nobody_s_word_leads(url: str) -> None:
    with pytest.raises(FetchFault) as caught:
        await fetch(url, Reach.PRIVATE, tls=TLS)

    assert caught.value.reason == "blocked_address"


async def test_a_form_is_answered_with_json_at_whatever_status() -> None:
    head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
    async with RawServer(always(answer(b'{"error": "invalid_grant"}', head))) as server:
        url = f"http://127.0.0.1:{server.port}/token"
        found = await post_form(url, Reach.LOOPBACK, {"grant_type": "refresh_token"}, tls=TLS)

    assert found == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 500 Oh\r\ncontent-type: text/html\r\n", b"HTTP/1.1 307 T\r\nlocation: http://127.0.0.1:1/\r\n"]
)
async def test_a_form_answered_with_anything_else_is_not_answered(head: bytes) -> None:
    async with RawServer(always(answer(b"<html>", head))) as server:
        with pytest.raises(FetchFault) as caught:
            await post_form(f"http://127.0.0.1:{server.port}/token", Reach.LOOPBACK, {}, tls=TLS)

    assert caught.value.reason == "status"
