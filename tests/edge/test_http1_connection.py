"""One connection through its life: order, keep-alive, expectations, faults of handlers, limits on how many."""

import asyncio

import pytest
from http1_kit import client, hall, limits_with, request, until

from narthex.edge.http1 import Exchange
from narthex.edge.listener import Pace
from narthex.limits import lingering_connections_max
from narthex.wire.addresses import address_key


async def test_many_requests_travel_on_one_connection() -> None:
    async with hall() as stage, client(stage) as caller:
        for number in range(50):
            await caller.send(request(f"/{number}", method="POST", body=b"x" * number))

            assert (await caller.answer()).status == 200
        assert stage.listener.stats.connections == 1
        assert stage.paths == [f"/{number}" for number in range(50)]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_reaches_the_handler(method: str) -> None:
    async with hall() as stage, client(stage) as caller:
        await caller.send(request("/p?q=1", method=method))
        answer = await caller.answer(to_head=method == "HEAD")

        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert int(answer.headers["content-length"]) > 0
        assert [(exchange.method, exchange.path, exchange.query) for exchange in stage.seen] == [
            (method.encode(), "/p", "q=1")
        ]
        assert stage.seen[0].peer == "127.0.0.1"


async def test_the_answer_to_head_has_a_length_and_no_body() -> None:
    async with hall() as stage, client(stage) as caller:
        await caller.send(request("/", "Connection: close", method="HEAD"))
        head, _, body = (await caller.rest()).partition(b"\r\n\r\n")

        assert b"Content-Length: " in head
        assert body == b""


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "Close", False),
        ("1.1", "keep-alive, close", False),
        ("1.1", "keep-alive", True),
        ("1.0", None, False),
        ("1.0", "keep-alive", True),
        ("1.0", "keep-alive, close", False),
    ],
)
async def test_a_connection_is_kept_as_the_client_asked(version: str, connection: str | None, kept: bool) -> None:
    lines = [f"Connection: {connection}"] if connection else []
    raw = request("/", *lines).replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    async with hall() as stage, client(stage) as caller:
        await caller.send(raw)
        answer = await caller.answer()

        assert answer.headers.get("connection") == {
            ("1.1", True): None,
            ("1.0", True): "keep-alive",
        }.get((version, kept), "close")
        if kept:
            await caller.send(raw)
            assert (await caller.answer()).status == 200
        else:
            assert await caller.rest() == b""


async def test_requests_sent_ahead_are_answered_in_order_one_at_a_time() -> None:
    running = 0

    async def slow_first(exchange: Exchange) -> None:
        nonlocal running
        running += 1
        assert running == 1
        for _ in range(10 - int(exchange.path[1:])):
            await asyncio.sleep(0)
        exchange.respond(200, exchange.path.encode())
        running -= 1

    async with hall(slow_first) as stage, client(stage) as caller:
        await caller.send(b"".join(request(f"/{number}", method="POST", body=b"b") for number in range(10)))

        assert [(await caller.answer()).body for _ in range(10)] == [b"/%d" % number for number in range(10)]
        assert stage.faults == []


async def test_a_thousand_requests_sent_ahead_are_all_answered() -> None:
    async with hall() as stage, client(stage) as caller:
        await caller.send(request() * 1_000)

        for _ in range(1_000):
            assert (await caller.answer()).status == 200


async def test_a_thousand_refusals_sent_ahead_do_not_deepen_the_stack() -> None:
    async with hall(limits=limits_with(inflight_max=0)) as stage, client(stage) as caller:
        await caller.send(request() * 2_000)

        for _ in range(2_000):
            assert (await caller.answer()).status == 503
        assert stage.seen == []


async def test_reading_stops_while_too_much_is_sent_ahead() -> None:
    release = asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        await release.wait()
        exchange.respond(200)

    async with hall(wait) as stage, client(stage) as caller:
        caller.writer.write(request() + request("/tail", method="POST", body=b"x" * 4_000_000) * 8)
        await until(lambda: len(stage.seen) == 1)
        # The other end has taken what it takes: what our side has left to send no longer shrinks.
        left = -1
        while left != (left := caller.writer.transport.get_write_buffer_size()):
            await asyncio.sleep(0.1)

        assert left > 0
        release.set()
        for _ in range(9):
            assert (await caller.answer()).status == 200


async def test_a_body_is_invited_when_the_client_asks_first() -> None:
    async with hall() as stage, client(stage) as caller:
        raw = request("/", "Expect: 100-continue", method="POST", body=b"abc")
        await caller.send(raw[:-3])

        assert (await caller.answer()).status == 100
        await caller.send(b"abc")
        assert (await caller.answer()).status == 200
        assert [exchange.body for exchange in stage.seen] == [b"abc"]


async def test_a_chunked_body_is_invited_too() -> None:
    async with hall() as stage, client(stage) as caller:
        await caller.send(request("/", "Expect: 100-Continue", "Transfer-Encoding: chunked", method="POST"))

        assert (await caller.answer()).status == 100
        await caller.send(b"3\r\nabc\r\n0\r\n\r\n")
        assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Length: 9999999",), 413),
        (("Content-Length: 3", "Host: other"), 400),
        (("Content-Length: 3", "Origin: http://evil.example"), 403),
        (("Content-Length: 3", "Content-Encoding: br"), 415),
    ],
)
async def test_the_body_of_a_refused_request_is_not_invited(lines: tuple[str, ...], status: int) -> None:
    async with hall() as stage, client(stage) as caller:
        await caller.send(request("/", "Expect: 100-continue", *lines, method="POST"))

        assert [answer.status for answer in await caller.answers()] == [status]


async def test_no_invitation_when_full() -> None:
    async with hall(limits=limits_with(inflight_max=0)) as stage, client(stage) as caller:
        await caller.send(request("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
        answers = await caller.answers()

        assert [answer.status for answer in answers] == [503]
        assert answers[0].headers["retry-after"] == "1"


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not(framing: str) -> None:
    async with hall(limits=limits_with(body_bytes_max=100_000)) as stage:
        for size, status in ((100_000, 200), (100_001, 413)):
            body = b"x" * size
            if framing == "length":
                raw = request("/", "Connection: close", method="POST", body=body)
            else:
                chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:70_000], body[70_000:]))
                raw = request("/", "Connection: close", "Transfer-Encoding: chunked", method="POST")
                raw += chunks + b"0\r\n\r\n"
            async with client(stage) as caller:
                await caller.send(raw)

                assert [answer.status for answer in await caller.answers()] == [status]
        assert [len(exchange.body) for exchange in stage.seen] == [100_000]


async def test_an_endless_chunked_body_is_cut_off_at_the_limit() -> None:
    async with hall(limits=limits_with(body_bytes_max=100_000)) as stage, client(stage) as caller:
        caller.writer.write(request("/", "Transfer-Encoding: chunked", method="POST"))
        caller.writer.write(b"fffffffffffffff\r\n" + b"x" * 1_000_000)

        assert [answer.status for answer in await caller.answers()] == [413]


async def test_endless_trailers_are_cut_off() -> None:
    async with hall() as stage, client(stage) as caller:
        caller.writer.write(request("/", "Transfer-Encoding: chunked", method="POST") + b"0\r\n")
        caller.writer.write(b"X: y\r\n" * 200_000)

        assert [(answer.status, answer.reason) for answer in await caller.answers()] == [(431, "trailers_too_large")]


async def test_a_body_made_of_ends_costs_its_connection_and_nothing_more() -> None:
    body = b"\r\n" * 20_000
    raw = request("/", "Transfer-Encoding: chunked", method="POST") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    async with hall() as stage, client(stage) as caller:
        await caller.send(raw + request("/smuggled"))
        answers = await caller.answers()

        assert [answer.status for answer in answers] == [200]
        assert answers[0].headers["connection"] == "close"
        assert [exchange.body for exchange in stage.seen] == [body]


async def test_a_refusal_reaches_a_client_that_still_sends() -> None:
    async with hall() as stage, client(stage) as caller:
        caller.writer.write(request("/", "Content-Length: 99999999", method="POST") + b"x" * 3_000_000)

        assert [answer.status for answer in await caller.answers()] == [413]


@pytest.mark.parametrize("begin", ["nothing", "stream"])
async def test_a_handler_that_raises_is_our_fault_and_tells_nothing(begin: str) -> None:
    async def broken(exchange: Exchange) -> None:
        if begin == "stream":
            exchange.stream().send(b"data: 1\n\n")
        raise ValueError("the secret")

    async with hall(broken) as stage, client(stage) as caller:
        await caller.send(request())
        if begin == "nothing":
            answer = await caller.answer()

            assert (answer.status, answer.reason) == (500, "fault")
            assert len(answer.headers["x-request-id"]) == 16
            assert b"secret" not in answer.body
            await caller.send(request())
            assert (await caller.answer()).status == 500
        else:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await caller.answer()
        assert {str(fault) for fault in stage.faults} == {"the secret"}


async def test_a_handler_that_does_not_answer_is_our_fault() -> None:
    async def silent(exchange: Exchange) -> None:
        return

    async with hall(silent) as stage, client(stage) as caller:
        await caller.send(request())

        assert (await caller.answer()).status == 500
        assert [type(fault) for fault in stage.faults] == [RuntimeError]


async def test_a_handler_cancelled_by_one_of_ours_still_answers() -> None:
    async def cancelled(exchange: Exchange) -> None:
        raise asyncio.CancelledError

    async with hall(cancelled) as stage, client(stage) as caller:
        await caller.send(request())

        assert (await caller.answer()).status == 500
        assert len(stage.faults) == 1


async def test_an_exchange_is_answered_once() -> None:
    async def twice(exchange: Exchange) -> None:
        exchange.respond(200, b"first")
        exchange.respond(200, b"second")

    async with hall(twice) as stage, client(stage) as caller:
        await caller.send(request())

        assert (await caller.answer()).body == b"first"
        await until(lambda: len(stage.faults) == 1)
        assert isinstance(stage.faults[0], RuntimeError)


@pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: x", b"a\nb", b"a\0b"])
async def test_no_header_value_can_write_headers_of_its_own(value: bytes) -> None:
    async def split(exchange: Exchange) -> None:
        exchange.respond(200, headers=((b"X-Name", value),))

    async with hall(split) as stage, client(stage) as caller:
        await caller.send(request())
        answer = await caller.answer()

        assert answer.status == 500
        assert "set-cookie" not in answer.headers
        assert isinstance(stage.faults[0], ValueError)


async def test_headers_and_types_of_an_answer() -> None:
    async def answer_variously(exchange: Exchange) -> None:
        match exchange.path:
            case "/html":
                exchange.respond(200, b"<p>", b"text/html", ((b"X-Frame-Options", b"DENY"),))
            case "/none":
                exchange.respond(204)
            case "/accepted":
                exchange.respond(202)
            case _:
                exchange.respond(404, b"{}", headers=((b"Retry-After", b"3"),))

    async with hall(answer_variously) as stage, client(stage) as caller:
        html, none, accepted, missing = [
            (await caller.send(request(path)), await caller.answer())[1]
            for path in ("/html", "/none", "/accepted", "/missing")
        ]

        assert (html.headers["content-type"], html.headers["x-frame-options"]) == ("text/html", "DENY")
        assert "date" in html.headers
        assert "content-length" not in none.headers
        assert (accepted.headers["content-length"], accepted.headers.get("content-type")) == ("0", None)
        assert (missing.status, missing.headers["retry-after"]) == (404, "3")
        assert missing.headers["x-request-id"] == stage.seen[3].request_id


async def test_a_client_that_leaves_cancels_its_request() -> None:
    cancelled = asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert exchange.gone
            exchange.respond(200)  # into the void, without harm
            cancelled.set()
            raise

    async with hall(wait) as stage:
        async with client(stage) as caller:
            await caller.send(request())
            await until(lambda: len(stage.seen) == 1)

        async with asyncio.timeout(5):
            await cancelled.wait()
        await until(lambda: stage.listener.stats == (0, 0))
        assert stage.faults == []


async def test_a_handler_may_ask_to_be_told_instead_of_cancelled() -> None:
    left = asyncio.Event()
    finished = asyncio.Event()

    async def legacy(exchange: Exchange) -> None:
        exchange.on_disconnect = left.set
        await left.wait()
        await asyncio.sleep(0)
        exchange.respond(200)
        finished.set()

    async with hall(legacy) as stage:
        async with client(stage) as caller:
            await caller.send(request())
            await until(lambda: len(stage.seen) == 1)

        async with asyncio.timeout(5):
            await finished.wait()
        assert stage.faults == []


async def test_a_client_that_leaves_before_the_first_step_leaves_nothing_behind() -> None:
    """The request and the end of the connection arrive together: the task is cancelled before it began."""
    async with hall() as stage:
        for _ in range(20):
            async with client(stage) as caller:
                caller.writer.write(request())
                caller.writer.transport.abort()
        await until(lambda: stage.listener.stats == (0, 0))

        assert stage.faults == []


async def test_a_client_that_leaves_after_its_answer_disturbs_nobody() -> None:
    release = asyncio.Event()
    finished = asyncio.Event()

    async def answer_then_work(exchange: Exchange) -> None:
        exchange.respond(200)
        await release.wait()
        finished.set()

    async with hall(answer_then_work) as stage:
        async with client(stage) as caller:
            await caller.send(request())
            await caller.answer()
        await until(lambda: stage.listener.stats.connections == 0)
        release.set()

        async with asyncio.timeout(5):
            await finished.wait()


async def test_connections_over_the_limit_are_told_so() -> None:
    async with hall(limits=limits_with(connections_max=2)) as stage, client(stage) as one, client(stage) as two:
        for caller in (one, two):
            await caller.send(request())
            await caller.answer()
        async with client(stage) as three:
            answers = await three.answers()

            assert [(answer.status, answer.reason) for answer in answers] == [(503, "connections")]
            assert answers[0].headers["retry-after"] == "1"
        one.close()
        await until(lambda: stage.listener.stats.connections == 1)
        async with client(stage) as four:
            await four.send(request())

            assert (await four.answer()).status == 200


async def test_connections_of_one_address_have_a_limit_of_their_own() -> None:
    async with hall(limits=limits_with(connections_per_address_max=1)) as stage, client(stage) as one:
        await one.send(request())
        await one.answer()
        async with client(stage) as two:
            assert [answer.status for answer in await two.answers()] == [503]
        async with client(stage, local_addr=("127.0.0.2", 0)) as elsewhere:
            await elsewhere.send(request())

            assert (await elsewhere.answer()).status == 200


async def test_requests_over_the_limit_are_refused_and_the_connection_is_kept() -> None:
    release = asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        await release.wait()
        exchange.respond(200)

    async with hall(wait, limits=limits_with(inflight_max=1)) as stage, client(stage) as one, client(stage) as two:
        await one.send(request())
        await until(lambda: stage.listener.stats.inflight == 1)
        await two.send(request())
        refused = await two.answer()

        assert (refused.status, refused.reason, refused.headers["retry-after"]) == (503, "inflight", "1")
        release.set()
        assert (await one.answer()).status == 200
        await until(lambda: stage.listener.stats.inflight == 0)
        await two.send(request())
        assert (await two.answer()).status == 200


async def test_limits_that_change_apply_from_the_next_tick() -> None:
    current = limits_with(body_bytes_max=10)
    async with hall(limits=current) as stage, client(stage) as caller:
        stage.listener._read_limits = lambda: limits_with(body_bytes_max=100)
        await until(lambda: stage.listener.limits.body_bytes_max == 100)
        await caller.send(request(method="POST", body=b"x" * 50))

        assert (await caller.answer()).status == 200


async def test_the_doors_are_those_the_operator_named() -> None:
    options = {"hosts": frozenset({"gw.example", "api.example:8443"}), "origins": frozenset({"app://desk"})}
    cases = (
        ("gw.example", None, 200),
        ("GW.example:99", None, 200),
        ("api.example:8443", None, 200),
        ("api.example", None, 421),
        ("localhost", None, 421),
        ("gw.example", "app://desk", 200),
        ("gw.example", "https://gw.example", 200),
        ("gw.example", "https://evil.example", 403),
        ("gw.example", "null", 403),
    )
    async with hall(**options) as stage:
        for host, origin, status in cases:
            lines = [f"Origin: {origin}"] if origin else []
            async with client(stage) as caller:
                await caller.send(request("/", "Connection: close", *lines, host=host))

                assert [answer.status for answer in await caller.answers()] == [status], (host, origin)


async def test_any_host_does_not_mean_any_page() -> None:
    async with hall(hosts=frozenset({"*"})) as stage:
        for lines, status in (((), 200), (("Origin: http://any.example",), 403)):
            async with client(stage) as caller:
                await caller.send(request("/", "Connection: close", *lines, host="any.example"))

                assert [answer.status for answer in await caller.answers()] == [status]


async def test_without_names_only_the_loopback_is_bound() -> None:
    async with hall() as stage:
        for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
            with pytest.raises(ValueError, match="host names"):
                await stage.listener.start(host, 0)


async def test_small_answers_do_not_wait_for_acknowledgements() -> None:
    async with hall() as stage, client(stage) as caller:
        started = asyncio.get_running_loop().time()
        for _ in range(20):
            await caller.send(request())
            await caller.answer()

        assert asyncio.get_running_loop().time() - started < 0.04 * 20 / 2  # Nagle: 40 ms each


async def test_a_client_that_asks_on_without_reading_is_not_served_on() -> None:
    """Each answer unread is memory: after the first that does not fit, later requests wait."""

    async def large(exchange: Exchange) -> None:
        exchange.respond(200, b"x" * 8_000_000)

    async with hall(large) as stage, client(stage) as caller:
        caller.reader._transport.pause_reading()
        for _ in range(20):
            await caller.send(request())
            await asyncio.sleep(0.01)

        assert len(stage.seen) < 3
        caller.reader._transport.resume_reading()
        for _ in range(20):
            assert len((await caller.answer()).body) == 8_000_000


async def test_far_over_the_limit_nobody_is_told_why() -> None:
    async with hall(limits=limits_with(connections_max=0), pace=Pace(linger_seconds=5.0)) as stage:
        callers = [
            await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(lingering_connections_max + 40)
        ]
        ends = await asyncio.gather(*(reader.read() for reader, _ in callers), return_exceptions=True)

        told = [end for end in ends if isinstance(end, bytes) and b"503" in end]
        assert len(told) == lingering_connections_max
        for _, writer in callers:
            writer.close()
        await until(lambda: stage.listener.stats.connections == 0)


async def test_addresses_of_one_ipv6_network_count_as_one() -> None:
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:1") != address_key("2001:db8:0:1::1")
    assert address_key("192.0.2.1") == "192.0.2.1"
    assert address_key("::ffff:192.0.2.1") == "192.0.2.1"
