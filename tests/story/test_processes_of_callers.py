"""Two callers never meet in a process that remembers: each has their own, within bounds, and hears of it alone.

A gateway in a process of its own, API keys, and a stdio server that counts what it was asked.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from story_clients import ASKABLE, Client, LegacyHttp, ModernHttp
from story_hall import HERE, Hall, alive, servers, until
from story_http import SECONDS_MAX
from story_rights import make_key, narthex

from narthex.limits import breaker_failures_max

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
NOTE = "state://note"
UPDATED = "notifications/resources/updated"
CHANGED = "notifications/tools/list_changed"


class Floor:
    """A gateway with servers that count, a key for each caller, and what can be seen of the processes."""

    def __init__(self, home: Path, names: tuple[str, ...] = ("counter",), **of_server: Any) -> None:
        self.home = home
        self.servers: list[Tree] = [{"name": name, "command": command(home / name), **of_server} for name in names]
        self.keys = {name: make_key(home, name, "") for name in ("ana", "bo", "cy")}
        self.limits: Tree = {}
        self.authentication: Tree | None = {"type": "keys"}
        self.hall: Hall | None = None

    def open(self) -> "Floor":
        endpoints = {one["name"]: {"servers": [one["name"]]} for one in self.servers}
        config: Tree = {"state": str(self.home / "state"), "servers": self.servers, "endpoints": endpoints}
        config |= {"limits": self.limits} if self.limits else {}
        config |= {"authentication": self.authentication} if self.authentication else {}
        if self.hall is None:
            self.hall = Hall(self.home, config)
        else:
            self.hall.write(config)
        return self

    def client(self, who: str, name: str = "counter", kind: str = "modern") -> Client:
        assert self.hall is not None
        bearer = f"http://{self.keys.get(who, who)}@" if self.authentication else "http://"
        url = self.hall.endpoint(name).replace("http://", bearer)
        return ModernHttp(url) if kind == "modern" else LegacyHttp(url, "2025-06-18")

    def prefix(self, who: str) -> str:
        """By which the operator names this caller's key."""
        said = narthex(self.home, "keys", "list", "--state", str(self.home / "state"), "--json").stdout
        return next(str(one["prefix"]) for one in json.loads(said) if one["name"] == who)

    def pids(self, name: str = "counter") -> set[int]:
        found = [int(file.name) for file in (self.home / name).glob("*") if file.name.isdigit()]
        return {pid for pid in found if alive(pid)}

    def metric(self, name: str, server: str = "counter") -> float:
        assert self.hall is not None
        with urlopen(f"{self.hall.admin}/metrics", timeout=SECONDS_MAX) as answer:
            lines = answer.read().decode().splitlines()
        (line,) = [line for line in lines if line.startswith(f'{name}{{server="{server}"}}')]
        return float(line.split()[-1])

    def close(self) -> None:
        if self.hall is not None:
            faults = self.hall.faults()
            self.hall.end()
            assert faults == []
            assert all(self.pids(one["name"]) == set() for one in self.servers)


def command(folder: Path) -> list[str]:
    return [sys.executable, str(HERE / "far_counter.py"), str(folder)]


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    found = Floor(tmp_path)
    yield found
    found.close()


@pytest.fixture
def floor_of_two(tmp_path: Path) -> Iterator[Floor]:
    found = Floor(tmp_path, ("one", "two"))
    yield found
    found.close()


async def count(client: Client, tool: str = "count", **arguments: Any) -> Tree:
    called = await client.tool(tool, arguments)
    assert not called.result.get("isError"), called.text
    return dict(json.loads(called.text))


# ---- apart


@pytest.mark.parametrize("kind", ["modern", "legacy"])
async def test_each_caller_has_a_process_of_their_own(floor: Floor, opened: Opened, kind: str) -> None:
    floor.open()
    ana, bo = await opened(floor.client("ana", kind=kind)), await opened(floor.client("bo", kind=kind))
    both = [await count(ana), await count(bo), await count(ana), await count(bo), await count(ana)]

    of_ana, of_bo = {one["pid"] for one in both[::2]}, {one["pid"] for one in both[1::2]}
    assert (len(of_ana), len(of_bo), of_ana & of_bo) == (1, 1, set())
    assert [one["calls"] for one in both] == [1, 1, 2, 2, 3]
    assert floor.pids() >= of_ana | of_bo
    assert floor.metric("narthex_own_processes") == 2


async def test_callers_who_come_at_once_are_apart_too(floor: Floor, opened: Opened) -> None:
    floor.open()
    clients = [await opened(floor.client(who)) for who in ("ana", "bo", "cy")]
    found = await asyncio.gather(*[count(client) for client in clients * 8])

    for place in range(3):
        assert len({one["pid"] for one in found[place::3]}) == 1
        assert max(one["calls"] for one in found[place::3]) == 8
    assert len({one["pid"] for one in found}) == 3
    assert len(floor.pids()) <= 4  # and the gateway's own, for the lists


async def test_one_caller_with_two_keys_and_two_eras_has_one_process(floor: Floor, opened: Opened) -> None:
    done = narthex(floor.home, "keys", "rotate", floor.prefix("ana"), "--state", str(floor.home / "state"))
    assert done.returncode == 0, done.stderr
    floor.keys["ana again"] = done.stdout.strip()
    floor.open()
    clients = [floor.client("ana"), floor.client("ana again"), floor.client("ana again", kind="legacy")]
    found = [await count(await opened(client)) for client in clients]

    assert len({one["pid"] for one in found}) == 1
    assert [one["calls"] for one in found] == [1, 2, 3]


async def test_no_caller_is_ever_in_the_process_that_gives_the_lists(floor: Floor, opened: Opened) -> None:
    floor.open()
    before = await asyncio.to_thread(until, floor.pids)
    ana = await opened(floor.client("ana"))
    found = await count(ana)

    assert found["pid"] not in before
    assert found["calls"] == 1


async def test_a_server_that_keeps_nothing_may_say_so_and_has_one_process(floor: Floor, opened: Opened) -> None:
    floor.servers[0]["stateless"] = True
    floor.open()
    found = [await count(await opened(floor.client(who))) for who in ("ana", "bo", "ana")]

    assert {one["pid"] for one in found} == floor.pids()
    assert [one["calls"] for one in found] == [1, 2, 3]


async def test_without_authentication_there_is_one_caller_and_one_process(floor: Floor, opened: Opened) -> None:
    floor.authentication = None
    floor.open()
    found = [await count(await opened(floor.client(who, kind=kind))) for who in "ab" for kind in ("modern", "legacy")]

    assert {one["pid"] for one in found} == floor.pids()
    assert [one["calls"] for one in found] == [1, 2, 3, 4]


async def test_a_modern_server_keeps_nothing_by_rule_and_has_one_process(floor: Floor, opened: Opened) -> None:
    children = floor.home / "children"
    floor.servers = servers(None, children, (), ("pipe",))  # type: ignore[arg-type]  # there is none under a URL
    floor.open()
    for who in ("ana", "bo", "cy"):
        assert (await (await opened(floor.client(who, "pipe"))).tool("echo", {"word": who})).status == 200

    assert floor.hall is not None
    assert len(floor.hall.children.pids("pipe")) == 1


async def test_callers_who_can_be_asked_are_asked_in_a_process_of_their_session(floor: Floor, opened: Opened) -> None:
    """Two sessions of one caller differ too, as ever: a question must find its way."""
    floor.open()
    sessions = [floor.client(who, kind="legacy") for who in ("ana", "ana", "bo")]
    found = [await count(await opened(client, ASKABLE)) for client in sessions]
    found.append(await count(await opened(floor.client("ana"))))

    assert len({one["pid"] for one in found}) == 4
    assert [one["calls"] for one in found] == [1, 1, 1, 1]


# ---- bounds


async def test_the_process_that_was_idle_longest_makes_room_for_another_caller(floor: Floor, opened: Opened) -> None:
    floor.limits = {"processes_per_server_max": 3, "process_idle_seconds_min": 0.2}
    floor.open()
    ana, bo, cy = [await opened(floor.client(who)) for who in ("ana", "bo", "cy")]
    first, second = await count(ana), await count(bo)
    await count(ana)
    third = await called_in_the_end(cy)

    assert third["calls"] == 1
    assert third["pid"] not in (first["pid"], second["pid"])
    await asyncio.to_thread(until, lambda: second["pid"] not in floor.pids())
    assert await count(ana) == {**first, "calls": 3}
    assert len(floor.pids()) <= 3
    assert floor.metric("narthex_own_processes_evicted_total") == 1
    assert (await called_in_the_end(bo))["calls"] == 1  # in a new one


async def test_when_all_are_at_work_the_next_caller_is_told_which_limit_that_is(floor: Floor, opened: Opened) -> None:
    floor.limits = {"processes_per_server_max": 3, "process_idle_seconds_min": 0.2}
    floor.open()
    ana, bo, cy = [await opened(floor.client(who)) for who in ("ana", "bo", "cy")]
    flights = [await client.start_tool("hold", {"key": who}) for who, client in (("ana", ana), ("bo", bo))]
    for who in ("ana", "bo"):
        await asyncio.to_thread(until, (floor.home / "counter" / f"{who}.held").exists)
    await asyncio.sleep(0.3)  # longer than they may be idle: being at work is what protects them
    refused = await cy.tool("count")

    assert "there are 2 at most, all in use (`processes_per_server_max`)" in refused.error["message"]
    assert refused.error["data"]["reason"] == "upstream_busy"
    assert refused.error["data"]["retryAfterMs"] > 0
    for flight, who in zip(flights, ("ana", "bo"), strict=True):
        (floor.home / "counter" / f"{who}.open").touch()
        assert json.loads((await flight.answer()).text)["calls"] == 1
    assert (await called_in_the_end(cy))["calls"] == 1


async def test_who_was_here_a_moment_ago_keeps_their_process(floor: Floor, opened: Opened) -> None:
    """A newcomer must not be able to take what somebody has just built up."""
    floor.limits = {"processes_per_server_max": 2, "process_idle_seconds_min": 30}
    floor.open()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    await count(ana, "write", note="mine")
    refused = await bo.tool("count")

    assert "there are 1 at most, all in use" in refused.error["message"]
    assert 1_000 < refused.error["data"]["retryAfterMs"] <= 30_001
    assert (await count(ana))["note"] == "mine"


async def test_the_processes_of_callers_have_a_bound_over_all_servers(floor_of_two: Floor, opened: Opened) -> None:
    floor = floor_of_two
    floor.limits = {"processes_of_callers_max": 2, "process_idle_seconds_min": 0.2}
    floor.open()
    at_one, at_two = [await opened(floor.client("ana", name)) for name in ("one", "two")]
    first, second = await count(at_one), await count(at_two)
    third = await called_in_the_end(await opened(floor.client("bo", "two")))

    assert third["calls"] == 1
    await asyncio.to_thread(until, lambda: first["pid"] not in floor.pids("one"))
    assert (await count(at_two)) == {**second, "calls": 2}
    assert floor.metric("narthex_own_processes_evicted_total", "one") == 1


async def test_sessions_of_one_caller_leave_room_to_others(floor: Floor, opened: Opened) -> None:
    """Half of the places are for one caller's sessions at most; a further one shares with its caller."""
    floor.limits = {"processes_per_server_max": 5, "process_idle_seconds_min": 30}
    floor.open()
    of_ana = [await count(await opened(floor.client("ana", kind="legacy"), ASKABLE)) for _ in range(5)]
    of_bo = await count(await opened(floor.client("bo")))

    assert len({one["pid"] for one in of_ana}) == 3
    assert [one["calls"] for one in of_ana] == [1, 1, 1, 2, 3]
    assert of_bo["calls"] == 1
    assert of_bo["pid"] not in {one["pid"] for one in of_ana}


# ---- how long


async def test_nobody_who_is_gone_keeps_a_process(floor: Floor, opened: Opened) -> None:
    """A key that was revoked is refused at once, and its process ends when it was idle for as long as any."""
    floor.servers[0] |= {"idle_stop_seconds": 2, "start": "eager"}
    floor.open()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    found = await count(ana)
    done = narthex(floor.home, "keys", "revoke", floor.prefix("ana"), "--state", str(floor.home / "state"))
    assert done.returncode == 0, done.stderr

    async with asyncio.timeout(5):
        while (await ana.tool("count")).status != 401:
            await asyncio.sleep(0.05)
    await asyncio.to_thread(until, lambda: found["pid"] not in floor.pids())
    assert (await count(bo))["pid"] != found["pid"]
    assert len(floor.pids()) == 2  # bo's, and the gateway's own, which `eager` keeps


async def test_a_restarted_gateway_has_them_apart_again(floor: Floor, opened: Opened) -> None:
    floor.open()
    await count(await opened(floor.client("ana")))
    assert floor.hall is not None
    floor.hall.end()
    assert floor.pids() == set()
    floor.hall.start()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    found = await asyncio.gather(count(ana), count(bo), count(ana))

    assert sorted(one["calls"] for one in found) == [1, 1, 2]
    assert found[0]["pid"] == found[2]["pid"] != found[1]["pid"]


async def test_another_release_is_noticed_when_a_caller_starts_it(floor: Floor, opened: Opened) -> None:
    """The lists are the gateway's own to take, and it takes them anew when somebody's process shows another release."""
    floor.open()
    await count(await opened(floor.client("ana")))
    assert floor.hall is not None
    floor.hall.end()
    (floor.home / "counter" / "release").write_text("2")
    floor.hall.start()
    bo = await opened(floor.client("bo"))
    await count(bo)
    async with asyncio.timeout(8):
        while "release_2" not in [one["name"] for one in (await bo.call("tools/list")).result["tools"]]:
            await asyncio.sleep(0.05)


async def test_a_process_that_dies_takes_nobody_with_it(floor: Floor, opened: Opened) -> None:
    floor.open()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    before = await count(bo)
    reasons: list[str] = []
    while len(reasons) < 6 and "upstream_unavailable" not in reasons:
        refused = (await ana.tool("die")).error
        reasons.append(refused["data"]["reason"])
        assert (await count(bo))["pid"] == before["pid"]

    assert reasons[:2] == ["upstream_lost"] * 2
    assert reasons[-1] == "upstream_unavailable"  # whoever ends processes has to wait for the next
    assert "the process of this caller has ended again and again" in refused["message"]
    assert (await count(bo))["calls"] == 2 + len(reasons)
    assert (await count(await opened(floor.client("cy"))))["calls"] == 1


async def test_a_process_that_hangs_is_given_up_and_is_nobody_elses_trouble(floor: Floor, opened: Opened) -> None:
    floor.limits = {"call_seconds_max": 0.3}
    floor.open()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    first = await count(ana)
    for number in range(breaker_failures_max):
        refused = await ana.tool("hold", {"key": f"never {number}"})
        assert refused.error["data"]["reason"] == "upstream_timeout"
        await count(bo)
    await asyncio.to_thread(until, lambda: first["pid"] not in floor.pids())

    assert (await count(ana))["calls"] == 1
    assert (await count(bo))["calls"] == breaker_failures_max + 1


async def test_a_reload_that_says_stateless_ends_the_processes_of_callers(floor: Floor, opened: Opened) -> None:
    floor.open()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    assert (await count(ana))["pid"] != (await count(bo))["pid"]
    floor.servers[0]["stateless"] = True
    floor.open()
    async with asyncio.timeout(10):
        while (await count(ana))["pid"] != (await count(bo))["pid"]:
            await asyncio.sleep(0.1)
    await asyncio.to_thread(until, lambda: len(floor.pids()) == 1)


# ---- news


@pytest.mark.parametrize("tool", ["write", "shout"])
async def test_a_caller_alone_hears_what_changes_in_their_process(floor: Floor, opened: Opened, tool: str) -> None:
    floor.open()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    await count(ana)
    await count(bo)
    uri = (await ana.call("resources/list")).result["resources"][0]["uri"]
    ears = {who: await listening(client, uri) for who, client in (("ana", ana), ("bo", bo))}
    async with asyncio.timeout(5):
        while NOTE not in (await count(ana))["subscribed"]:
            await asyncio.sleep(0.02)
    await count(ana, tool, note="mine")
    await ears["ana"].until(lambda: heard(ears["ana"], UPDATED))
    await count(bo, tool, note="yours")
    await ears["bo"].until(lambda: heard(ears["bo"], UPDATED))
    await asyncio.sleep(0.5)  # longer than news are gathered for

    assert (len(heard(ears["ana"], UPDATED)), len(heard(ears["bo"], UPDATED))) == (1, 1)
    assert (await ana.call("resources/read", {"uri": uri})).result["contents"][0]["text"] != "yours"


async def test_a_process_that_starts_later_is_told_what_its_caller_wants(floor: Floor, opened: Opened) -> None:
    floor.open()
    ana = await opened(floor.client("ana"))
    uri = (await ana.call("resources/list")).result["resources"][0]["uri"]
    ear = await listening(ana, uri)
    await count(ana)
    await count(ana, "write", note="mine")
    await ear.until(lambda: heard(ear, UPDATED))
    await ear.leave()
    async with asyncio.timeout(5):
        while (await count(ana))["subscribed"]:
            await asyncio.sleep(0.02)


async def test_lists_that_one_caller_changes_are_no_news_to_another(floor: Floor, opened: Opened) -> None:
    floor.open()
    ana, bo = await opened(floor.client("ana")), await opened(floor.client("bo"))
    await count(ana)
    ear = await bo.listen(toolsListChanged=True)  # type: ignore[attr-defined]
    await ear.until(lambda: ear.heard)
    for _ in range(3):
        await count(ana, "login")
    await asyncio.sleep(0.8)  # longer than lists are taken in, and news gathered for

    assert heard(ear, CHANGED) == []


# ---- the operator


def test_check_says_what_it_costs_and_how_to_say_that_a_server_keeps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "narthex.yaml"
    one = f"{{name: counter, command: ['{sys.executable}', x.py]"
    said = []
    for more in ("}", ", stateless: true}", ", stateless: false}"):
        file.write_text(f"authentication: {{type: keys}}\nservers:\n  - {one}{more}\n")
        done = narthex(tmp_path, "check", str(file))
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)

    assert "a process of their own" in said[0]
    assert "stateless: true" in said[0]
    assert "process of their own" not in said[1] + said[2]


async def test_a_limit_that_leaves_no_process_to_callers_says_so(floor: Floor, opened: Opened) -> None:
    floor.limits = {"processes_per_server_max": 1}
    floor.open()
    refused = await (await opened(floor.client("ana"))).tool("count")
    done = await asyncio.to_thread(narthex, floor.home, "check", str(floor.home / "narthex.yaml"))

    assert "there is none for callers (`processes_per_server_max`)" in refused.error["message"]
    assert "the limits leave none" in done.stdout + done.stderr


async def listening(client: Client, uri: str) -> Any:
    ear = await client.listen(resourceSubscriptions=[uri])  # type: ignore[attr-defined]
    await ear.until(lambda: ear.heard)
    return ear


def heard(ear: Any, method: str) -> list[Tree]:
    return [one for one in ear.heard if one["method"] == method]


async def called_in_the_end(client: Client) -> Tree:
    """As long as nobody was idle for long enough, there is no room."""
    async with asyncio.timeout(8):
        while "error" in ((called := await client.tool("count")).message or {}):
            assert called.error["data"]["reason"] == "upstream_busy"
            await asyncio.sleep(0.05)
    return dict(json.loads(called.text))
