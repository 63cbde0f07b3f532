"""What a query as a tool costs: processor time per call over the driver's own, for a file and for a server.

    databases.py [--rounds N] [--seconds S] [--json]

The driver is alone in a process, with the same statement on a connection of its own: `sqlite3` in the main thread,
`asyncpg` with a prepared statement in a transaction that only reads. Threads, cursors, bounds and everything of the
gateway are what is measured.

Knows: its cells and their goal. Refuses to know: the other cells (`cells.py`).
"""

import argparse
import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from answers import ARGUMENTS, MODERN
from ask import Client
from gateway import BARE, Gateway, listed
from generator import Target, measure
from goals import Verdict, at_most
from running import HERE, python

sys.path[:0] = [str(HERE.parent / "tests" / "upstream" / "sql"), str(HERE.parent / "conformance")]

ADDED_US_MAX = 150.0  # processor time of the gateway over the driver's own
CALLERS = 64
TURNS, SECONDS = 5, 2.0
# What every cell of the bench is called with: a number, a text, a list of texts.
STATEMENT = "select id, name, city from customers where id = :customer and name <> :text and {fields} is not null"
FIELDS = {"SQLite": ":fields", "PostgreSQL": ":fields::text[]"}
PARAMETERS = {"customer": {"type": "integer"}, "text": {}, "fields": {"type": "list"}}
CUSTOMERS = [(number, f"Customer {number}", "Berlin") for number in range(5_000)]
TABLE = "create table customers (id integer primary key, name text, city text)"


def of_databases(folder: Path, *, turns: int = TURNS, seconds: float = SECONDS) -> list[Verdict]:
    """The rows of the table."""
    rows = of_one("SQLite", sqlite(folder), folder, turns, seconds)
    with postgres() as url:
        return rows + (of_one("PostgreSQL", url, folder, turns, seconds) if url else [])


def of_one(name: str, url: str, folder: Path, turns: int, seconds: float) -> list[Verdict]:
    statement = STATEMENT.format(fields=FIELDS[name])
    query = {"sql": statement, "description": "A customer", "parameters": PARAMETERS}
    server: dict[str, Any] = {"name": "shop", "sql": url, "queries": {"customer": query}}
    with Gateway(folder, f"sql-{name}", [server], **BARE, log={"calls": False}).ready() as gateway:
        client, tool = Client(gateway.url, MODERN), listed(gateway.url, 1)[0]
        result = client.ask("tools/call", {"name": tool, "arguments": ARGUMENTS})
        if result.get("isError") or result["structuredContent"]["rows"][0]["id"] != ARGUMENTS["customer"]:
            raise RuntimeError(f"the database does not answer as it should: {result}")
        target = Target(name, client, tool, gateway)
        measure(target, CALLERS, 1)  # connections are made, code is warm
        found = [(measure(target, CALLERS, seconds).cpu_us, driven(url, seconds)) for _ in range(turns)]
    whole, driver = median(one[0] for one in found), median(one[1] for one in found)
    return [
        Verdict(f"a query to {name}, driver alone", f"{driver:.1f} µs", "", None),
        at_most(f"a query to {name} as a tool, over the driver's time", whole - driver, ADDED_US_MAX, "{:.1f} µs"),
    ]


def driven(url: str, seconds: float) -> float:
    """Processor time of one query by the driver alone, in microseconds."""
    command = python(HERE / "database_driver.py", url, str(seconds))
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
    return float(done.stdout)


def sqlite(folder: Path) -> str:
    path = folder / "bench.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as found, found:
        found.execute(TABLE)
        found.executemany("insert into customers values (?, ?, ?)", CUSTOMERS)
    return f"sqlite:///{path}"


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A server out of the wheel that the tests use; "" where it is not there."""
    import sql_servers

    try:
        with sql_servers.postgres() as server:
            password = quote(sql_servers.PASSWORD, safe="")
            url = f"postgresql://{server.admin}:{password}@{server.host}:{server.port}/postgres"
            asyncio.run(_filled(url))
            yield url
    except AssertionError as fault:
        print(f"no PostgreSQL to measure: {str(fault)[:200]}", file=sys.stderr)
        yield ""


async def _filled(url: str) -> None:
    import asyncpg

    found = await asyncpg.connect(url)
    await found.execute(TABLE)
    await found.executemany("insert into customers values ($1, $2, $3)", CUSTOMERS)
    await found.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=TURNS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-bench-")))
        rows = of_databases(folder, turns=asked.rounds, seconds=asked.seconds)
    if asked.as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        for row in rows:
            print(f"{row.what:56}  {row.measured:>16}  {row.goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
