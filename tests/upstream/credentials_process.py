"""A far end of the tests in a process of its own: it says where it is, and ends with its standard input."""

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvicorn


def serve(application_at: Callable[[str], Any]) -> None:
    """Serve the application made for its own origin, `http://127.0.0.1:PORT`."""
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(application_at(origin), log_config=None, lifespan="off"))
    print(origin, flush=True)
    asyncio.run(_serve(server, listener))


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    server.force_exit = True
    await task
