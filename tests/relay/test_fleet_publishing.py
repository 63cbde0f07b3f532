"""How a large catalogue becomes a snapshot: whole, in order, and without anybody else having to wait."""

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from narthex.limits import Limits
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Snapshot
from narthex.relay.fleet import Fleet
from narthex.relay.slot import Slot
from narthex.telemetry.owned import Owned
from narthex.upstream.stdio.spawner import Spawner

SECONDS_MAX = 60.0


def tool(number: int) -> dict[str, Any]:
    """With a `$ref`, so that its schema has to be looked through."""
    members = {f"p{place}": {"type": "string", "enum": ["a", "b", str(number)]} for place in range(8)}
    schema = {"type": "object", "$defs": {"one": {"type": "object", "properties": members}}}
    return {"name": f"tool{number}", "inputSchema": {**schema, "properties": {"a": {"$ref": "#/$defs/one"}}}}


class Lists:
    """A modern server with one list of tools, encoded beforehand."""

    def __init__(self) -> None:
        self.tools = b"[]"
        self.asked = 0
        self.go = threading.Event()
        self.go.set()

    def show(self, *tools: dict[str, Any]) -> None:
        self.tools = json.dumps(tools).encode()

    def answer(self, message: dict[str, Any]) -> bytes:
        result = b'{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}'
        if message["method"] == "tools/list":
            self.asked += 1
            assert self.go.wait(SECONDS_MAX)
            result = b'{"resultType":"complete","tools":' + self.tools + b"}"
        return b'{"jsonrpc":"2.0","id":' + json.dumps(message["id"]).encode() + b',"result":' + result + b"}"


@contextmanager
def served(lists: Lists) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if message["method"] == "subscriptions/listen":
                self.send_error(404)
                return
            body = lists.answer(message)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # a fleet that is closed does not listen to the end
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Heard:
    """What the fleet says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, _server: str, _level: str, sentence: str) -> None:
        self.said.append(sentence)

    def updated(self, server: str, uri: str) -> None:
        raise AssertionError(f"nobody subscribed to {uri} of {server}")


@asynccontextmanager
async def fleet(*servers: ServerConfig) -> AsyncIterator[Fleet]:
    faults: list[BaseException] = []
    owned, spawner = Owned("test", lambda _where, fault: faults.append(fault)), Spawner()
    found = Fleet(
        Slot(Snapshot(0, Config(servers=servers), {})),
        spawner,
        Heard(),
        owned,
        offers={},
        eras={},
        keep=lambda _server: None,
    )
    try:
        await found.start()
        yield found
    finally:
        await found.aclose()
        await owned.aclose()
        await spawner.aclose()
    assert faults == []


def names(found: Fleet, endpoint: str = "") -> list[str]:
    return list(found.slot.current.endpoints[endpoint].tools)


class Ticks:
    """The longest time for which the loop had no turn for anybody else."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.longest = max(self.longest, now - before)
            before = now


@pytest.fixture
def young_heap() -> Iterator[None]:
    """As in a gateway's own process: the collector does not go through what thousands of tests have left here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


async def test_eight_thousand_tools_do_not_hold_up_the_loop(young_heap: None) -> None:
    lists = Lists()
    lists.show(*(tool(number) for number in range(8_000)))
    ticks = Ticks()
    with served(lists) as url:
        async with fleet(ServerConfig(name="crm", upstream=url)) as found:
            ticking = asyncio.create_task(ticks.run())
            began = time.perf_counter()
            await found.wait_first(["crm"], SECONDS_MAX)
            took = time.perf_counter() - began
            ticking.cancel()

            assert len(names(found)) == 8_000
    print(f"{len(lists.tools)} bytes took {took:.2f} s, and the loop never more than {ticks.longest * 1000:.0f} ms")
    assert ticks.longest < max(0.25, took / 4), f"{ticks.longest:.2f} s of {took:.2f} s"


async def test_the_last_good_list_is_shown_while_the_next_one_is_made() -> None:
    lists = Lists()
    lists.show(tool(1))
    with served(lists) as url:
        async with fleet(ServerConfig(name="crm", upstream=url)) as found:
            await found.wait_first(["crm"], SECONDS_MAX)
            lists.show(*(tool(number) for number in range(2_000)))
            refreshed = asyncio.create_task(found.refresh(found.servers["crm"]))
            seen = set()
            while not refreshed.done():
                seen.add(len(names(found)))
                assert found.untried(["crm"]) == [], "whoever lists now need not wait"
                await asyncio.sleep(0)
            await refreshed

            assert len(names(found)) == 2_000, "once the refresh is over, the snapshot has it"
            assert seen <= {1, 2_000}
            assert 1 in seen


async def test_a_first_list_is_waited_for_until_it_is_in_the_snapshot() -> None:
    lists = Lists()
    lists.show(*(tool(number) for number in range(500)))
    with served(lists) as url:
        async with fleet(ServerConfig(name="crm", upstream=url)) as found:
            assert found.untried(["crm"]) == ["crm"]
            await found.wait_next(["crm"], asyncio.get_running_loop().time() + SECONDS_MAX)

            assert found.untried(["crm"]) == []
            assert len(names(found)) == 500


async def test_one_list_makes_the_same_snapshot_however_it_came_about() -> None:
    lists = Lists()
    with served(lists) as url:
        alone = Config(servers=(ServerConfig(name="crm", upstream=url),))
        both = msgspec.structs.replace(alone, endpoints={"desk": EndpointConfig(include=("tool1*",))})
        fingerprints = []
        for first, then in ((alone, both), (both, both)):
            lists.show(*(tool(number) for number in range(50)))
            async with fleet(*first.servers) as found:
                await found.wait_first(["crm"], SECONDS_MAX)
                lists.show(*(tool(number) for number in range(300)))
                await asyncio.gather(found.apply(then), *(found.refresh(found.servers["crm"]) for _ in range(5)))
                fingerprints.append(found.slot.current.endpoints["desk"].fingerprints)
                assert names(found, "desk") == [name for name in names(found) if name.startswith("tool1")]

        assert fingerprints[0] == fingerprints[1]


async def test_another_configuration_is_there_as_a_whole_once_it_is_applied() -> None:
    lists = Lists()
    lists.show(*(tool(number) for number in range(1_000)))
    with served(lists) as url:
        crm, erp = (ServerConfig(name=name, upstream=url) for name in ("crm", "erp"))
        async with fleet(crm) as found:
            await found.wait_first(["crm"], SECONDS_MAX)
            before = found.slot.current
            applied = asyncio.create_task(found.apply(Config(servers=(crm, erp), limits=Limits(schema_nodes_max=5))))
            while not applied.done():
                assert (list(found.servers) == ["crm", "erp"]) == (found.slot.current is not before)
                await asyncio.sleep(0)
            await applied

            assert found.slot.current.config.limits.schema_nodes_max == 5
            assert names(found) == [], "every schema has more parts than that"


async def test_a_fleet_that_is_closed_publishes_nothing_more() -> None:
    lists = Lists()
    lists.show(*(tool(number) for number in range(1_000)))
    lists.go.clear()
    with served(lists) as url:
        async with fleet(ServerConfig(name="crm", upstream=url)) as found:
            waiting = asyncio.create_task(found.wait_first(["crm"], SECONDS_MAX))
            async with asyncio.timeout(SECONDS_MAX):
                while not lists.asked:
                    await asyncio.sleep(0.005)
            before = found.slot.current
            lists.go.set()
            await found.aclose()
            async with asyncio.timeout(SECONDS_MAX):
                await waiting

            assert found.slot.current is before
