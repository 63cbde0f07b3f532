"""An echo on the real listener, to point a load generator at: what does the front door itself cost?

    python bench/experiments/edge_echo.py 8099 &
    wrk -t1 -c64 -d5s -s bench/experiments/edge_echo.lua http://127.0.0.1:8099/mcp

`GET /cpu` answers the CPU seconds this process has used and the requests it has served.
"""

import asyncio
import resource
import sys

import uvloop

from narthex.edge.http1 import Exchange
from narthex.edge.listener import Listener
from narthex.limits import DEFAULTS

served = 0


async def echo(exchange: Exchange) -> None:
    global served
    if exchange.path == "/cpu":
        used = resource.getrusage(resource.RUSAGE_SELF)
        exchange.respond(200, b"%.6f %d" % (used.ru_utime + used.ru_stime, served))
        return
    served += 1
    exchange.respond(200, exchange.body)


def refuse(status: int, reason: str, message: str) -> bytes:
    return f'{{"status":{status},"reason":"{reason}","message":"{message}"}}'.encode()


async def main(port: int) -> None:
    listener = Listener(echo, lambda: DEFAULTS, hosts=None, refuse=refuse, on_fault=print)
    print("listening on", await listener.start("127.0.0.1", port), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
