"""One query by its driver alone, again and again: prints the processor time of each in microseconds.

database_driver.py URL SECONDS
"""

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Callable

STATEMENT = "select id, name, city from customers where id = {} and name <> {} and {} is not null"
CUSTOMER, TEXT, FIELDS = 4711, "the quick brown fox", ["name", "since", "open_orders"]


def by_file(path: str, until: Callable[[], bool]) -> int:
    found, done = sqlite3.connect(path), 0
    statement = STATEMENT.format("?", "?", "?")
    while not until():
        for _ in range(100):
            found.execute(statement, (CUSTOMER, TEXT, json.dumps(FIELDS))).fetchall()
        done += 100
    return done


async def by_server(url: str, until: Callable[[], bool]) -> int:
    import asyncpg

    found, done = await asyncpg.connect(url), 0
    prepared = await found.prepare(STATEMENT.format("$1", "$2", "$3::text[]"))
    while not until():
        for _ in range(100):
            async with found.transaction(readonly=True):
                await prepared.fetch(CUSTOMER, TEXT, FIELDS)
        done += 100
    return done


def main() -> None:
    url, seconds = sys.argv[1], float(sys.argv[2])
    ends = time.monotonic() + seconds

    def until() -> bool:
        return time.monotonic() >= ends

    began = time.process_time()
    if url.startswith("sqlite:///"):
        done = by_file(url.removeprefix("sqlite:///"), until)
    else:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done = runner.run(by_server(url, until))
    print((time.process_time() - began) / done * 1e6)


if __name__ == "__main__":
    main()
