"""Connections: how many, how long, what becomes of them, and what is said where a driver is missing."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sql_house import compiled, house, sqlite_shop

from narthex.libraries.server import Server
from narthex.limits import Limits, sql_cancel_seconds_max, sql_connections_max, sql_idle_seconds_max, sql_waiting_max
from narthex.model.config import ServerConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.kinds import LoadFault, Site
from narthex.upstream.sql.database import Database
from narthex.upstream.sql.faults import Crowded, TimedOut, Unreachable
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.making import make
from narthex.upstream.sql.pool import Pool
from narthex.upstream.sql.rows import Rows
from narthex.upstream.sql.statement import Statement
from narthex.upstream.sql.workers import Workers


class Far:
    """A database that answers when it is let."""

    def __init__(self) -> None:
        self.made = self.closed = 0
        self.gate = asyncio.Event()
        self.alive = True

    async def connect(self) -> "Far":
        self.made += 1
        return self

    async def run(self, job: Job) -> Rows:
        await self.gate.wait()
        return Rows([], [])

    async def aclose(self) -> None:
        self.closed += 1


def job(seconds: float = 5.0) -> Job:
    return Job(Statement("", ()), [], 1, 1, seconds)


async def test_whoever_waits_for_a_place_waits_within_their_time() -> None:
    far = Far()
    pool = Pool(far, 2)
    first = [asyncio.create_task(pool.run(job())) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(TimedOut):
        await pool.run(job(0.05))
    far.gate.set()
    await asyncio.gather(*first)

    assert far.made == 2


async def test_only_so_many_wait() -> None:
    far = Far()
    pool = Pool(far, 1)
    tasks = [asyncio.create_task(pool.run(job())) for _ in range(sql_waiting_max + 1)]
    await asyncio.sleep(0.01)

    with pytest.raises(Unreachable, match="wait for this database already"):
        await pool.run(job())
    far.gate.set()
    await asyncio.gather(*tasks)

    assert far.made == 1
    assert (await pool.run(job())).rows == []


async def test_a_connection_that_nobody_uses_is_let_go() -> None:
    far, now = Far(), 0.0
    far.gate.set()
    pool = Pool(far, 2, clock=lambda: now)
    await pool.run(job())
    now = sql_idle_seconds_max + 1.0
    await pool.run(job())
    await pool.aclose()

    assert (far.made, far.closed) == (2, 3)  # the last is the connector's own end


async def test_a_driver_that_does_not_end_keeps_nobody_waiting() -> None:
    class Stuck(Far):
        async def run(self, job: Job) -> Rows:
            self.alive = False
            return Rows([], [])

        async def aclose(self) -> None:
            await asyncio.Event().wait()

    pool = Pool(Stuck(), 1)
    found = await asyncio.wait_for(pool.run(job(60.0)), 2 * sql_cancel_seconds_max)

    assert found.rows == []


@pytest.mark.parametrize(
    ("scheme", "module", "extra"),
    [("postgresql://u@h/d", "asyncpg", "postgres"), ("mysql://u@h/d", "pymysql", "mysql"),
     ("duckdb:///d", "duckdb", "duckdb"), ("sqlite:///d", "sqlglot", "sqlite")],
)  # fmt: skip
def test_a_driver_that_is_missing_is_named(scheme: str, module: str, extra: str) -> None:
    program = (
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Without(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        f"        return None if name.partition('.')[0] == {module!r} else super().find_spec(name, path, target)\n"
        "sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]\n"
        "from narthex.model.sql import DatabaseConfig\n"
        "from narthex.upstream.sql.database import Compiled\n"
        f"Compiled({scheme!r}, {{}}, DatabaseConfig())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert f"databases of this kind need {module}, which is not installed" in done.stderr
    assert f"pip install 'narthex[{extra}]'" in done.stderr


async def made(config: ServerConfig) -> Server:
    owned = Owned("tests", lambda _name, _fault: None)
    return await make(config, Site(Limits(), owned, lambda _level, _sentence: None, None, lambda _server: None))


async def test_a_server_is_made_of_its_entry_and_lets_go_of_everything(tmp_path: Path) -> None:
    url = sqlite_shop(tmp_path)
    queries = {name: query.config for name, query in compiled(url, {"q": {"sql": "select 1"}}).queries.items()}
    server = await made(ServerConfig(name="shop", sql=url, queries=queries))
    await server.aclose()

    assert list(server.tools) == ["q"]
    assert url not in repr(ServerConfig(name="shop", sql=url, queries=queries))


async def test_a_server_that_cannot_be_made_says_why() -> None:
    with pytest.raises(LoadFault, match="'sql' is not the URL of a database"):
        await made(ServerConfig(name="shop", sql="oracle://u:s3cret@h/d"))


async def test_what_went_wrong_is_told_once_until_it_is_right(tmp_path: Path) -> None:
    async with house(f"sqlite:///{tmp_path}/shop.sqlite", {"q": {"sql": "select id from sales"}}) as shown:
        for _ in range(3):
            await shown.refusal("q")
        sqlite_shop(tmp_path)
        await shown.rows("q")

    assert [level for level, _ in shown.said] == ["error", "info"]


async def test_a_database_that_is_away_is_shown_and_looked_for(tmp_path: Path) -> None:
    shown: list[str | None] = []
    queries = compiled(f"sqlite:///{tmp_path}/shop.sqlite", {"q": {"sql": "select id from sales"}})
    database = Database(queries, lambda _level, _sentence: None, shown.append)
    await database.prove()
    await database.look()
    before = list(shown)
    sqlite_shop(tmp_path)
    await database.look()
    await database.aclose()

    assert before == ["the database (sqlite shop.sqlite) cannot be used: unable to open database file"]
    assert shown[1:] == [None]


async def test_a_crowd_before_a_database_does_not_make_it_away(tmp_path: Path) -> None:
    shown: list[str | None] = []
    said: list[str] = []
    queries = compiled(sqlite_shop(tmp_path), {"q": {"sql": "select id from sales"}})
    database = Database(queries, lambda _level, sentence: said.append(sentence), shown.append)
    query = queries.queries["q"].job({}, None)
    outcomes = await asyncio.gather(
        *(database.run(query) for _ in range(sql_waiting_max + sql_connections_max)), return_exceptions=True
    )
    await database.aclose()

    assert any(isinstance(one, Crowded) for one in outcomes)
    assert len(said) == 1
    assert shown == []


async def test_whoever_closes_waits_for_what_is_being_opened_although_nobody_wants_it() -> None:
    """A process that ends in the middle of it may be aborted by the driver."""
    workers, dropped = Workers(1, "test"), list[str]()
    begun, gate = threading.Event(), threading.Event()

    def opened() -> str:
        begun.set()
        gate.wait(10)
        return "file"

    opening = asyncio.create_task(workers.get(opened, dropped.append))
    await asyncio.to_thread(begun.wait, 10)
    opening.cancel()
    await asyncio.wait({opening})
    closing = asyncio.create_task(workers.settled())
    await asyncio.wait({closing}, timeout=0.1)
    assert not closing.done()
    gate.set()
    await closing

    assert dropped == ["file"]


async def test_a_connection_is_nobody_elses_before_its_work_has_ended() -> None:
    """Its caller gives up, and a moment later its time is over, too."""
    workers, begun, gate = Workers(1, "test"), threading.Event(), threading.Event()

    def obeys_late() -> None:
        begun.set()
        gate.wait(10)

    running = asyncio.create_task(workers.run(obeys_late, lambda: None))
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(2):
        running.cancel()
        await asyncio.wait({running}, timeout=0.1)
        assert not running.done()
    gate.set()
    await asyncio.wait({running}, timeout=10)

    assert running.cancelled()
