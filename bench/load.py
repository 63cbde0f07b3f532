"""Our own load generator, where wrk is not installed: its own process, one line of figures like `requests.lua`.

load.py URL CONNECTIONS SECONDS      (BENCH_HEADERS, BENCH_BODY, BENCH_BEARERS as for wrk)
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from itertools import cycle, repeat
from pathlib import Path
from urllib.parse import urlsplit

import httptools
import uvloop


class Caller(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, requests: Iterator[bytes], until: float, times: list[float]) -> None:
        self.requests, self.until, self.times = requests, until, times
        self.errors = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.asked = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self.times.append(now - self.asked)
        self.errors += self.parser.get_status_code() >= 300
        if now < self.until:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.errors += error is not None
        if not self.ended.done():
            self.ended.set_result(None)


async def load(url: str, connections: int, seconds: float) -> str:
    """The line of figures: requests, microseconds in all, p50 and p99 in microseconds, errors."""
    parts = urlsplit(url)
    times: list[float] = []
    loop = asyncio.get_running_loop()
    bearers = tokens()
    shared = cycle([request(url, number, token) for number, token in enumerate(bearers)])
    started = time.perf_counter()
    callers = []
    for number in range(connections):
        requests = shared if bearers else repeat(request(url, number))
        caller = Caller(requests, started + seconds, times)
        made = await loop.create_connection(lambda caller=caller: caller, parts.hostname, parts.port)
        callers.append(made[1])
    await asyncio.gather(*(caller.ended for caller in callers))
    took = time.perf_counter() - started
    times.sort()
    p50, p99 = (int(times[int(len(times) * share)] * 1e6) if times else 0 for share in (0.5, 0.99))
    return f"BENCH {len(times)} {int(took * 1e6)} {p50} {p99} {sum(caller.errors for caller in callers)}"


def tokens() -> list[str]:
    """What requests show in turn, whatever their connection; nothing: what BENCH_HEADERS say."""
    file = os.environ.get("BENCH_BEARERS")
    return Path(file).read_text().splitlines() if file else []


def request(url: str, number: int, token: str = "") -> bytes:
    """The request of one connection, or of one token; its number is the id, so no two in work share one."""
    parts = urlsplit(url)
    body = os.environ["BENCH_BODY"].replace('"ID"', str(number), 1).encode()
    headers = os.environ["BENCH_HEADERS"].strip().splitlines() + ([f"Authorization: Bearer {token}"] if token else [])
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


if __name__ == "__main__":
    sys.stdout.write(uvloop.run(load(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))) + "\n")
