"""The official Python SDK 2.x: `sdk_2.py TARGET auto|legacy|2026-07-28`.

TARGET is a URL (`…/sse` for HTTP+SSE) or the path of a program to speak to over its pipes.
"""

import asyncio
import sys
from typing import Any

from mcp.client.client import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters
from telling import tell_all


async def main(target: str, mode: str) -> None:
    async with Client(server(target), mode=mode) as client:
        listed = await client.list_tools()
        simple = await client.call_tool("test_simple_text", {})
        header = await client.call_tool("test_x_mcp_header", {"region": "eu"})
        tell_all(listed.tools, simple, header)


def server(target: str) -> Any:
    if not target.startswith("http"):
        return StdioServerParameters(command=target)
    return sse_client(target) if target.endswith("/sse") else target


asyncio.run(main(*sys.argv[1:]))
