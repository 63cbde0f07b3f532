"""The gateway's HTTP client alone: one request over and over, and what each costs this process in processor time.

    http_driver.py URL CALLERS SECONDS

Prints microseconds. Knows: the client. Refuses to know: tools.
"""

import asyncio
import json
import sys
import time

import uvloop

from answers import ARGUMENTS
from narthex.limits import Limits
from narthex.upstream.http.client import HttpClient

_HEADERS = b"accept: application/json\r\ncontent-type: application/json\r\n"


async def drive(url: str, callers: int, seconds: float) -> float:
    client = HttpClient(url, Limits(), allow_private=True)
    body, loop = json.dumps(ARGUMENTS).encode(), asyncio.get_running_loop()
    done = 0

    async def call(until: float) -> None:
        nonlocal done
        while (now := loop.time()) < until:
            reply = await client.request("POST", _HEADERS, body, deadline=now + 10.0)
            json.loads(reply.body)
            done += 1

    async def all_of_them(until: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(callers):
                tasks.create_task(call(until))

    await all_of_them(loop.time() + 0.5)  # connections are there, code is warm
    done, before = 0, time.process_time()
    await all_of_them(loop.time() + seconds)
    used = time.process_time() - before
    await client.aclose()
    return used / max(done, 1) * 1e6


if __name__ == "__main__":
    print(uvloop.run(drive(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
