"""The official Python SDK 1.x: `sdk_1.py TARGET`, a URL (`…/sse` for HTTP+SSE) or a program to speak to over pipes."""

import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from telling import tell_all


async def main(target: str) -> None:
    async with transport(target) as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        listed = await session.list_tools()
        simple = await session.call_tool("test_simple_text", {})
        header = await session.call_tool("test_x_mcp_header", {"region": "eu"})
        tell_all(listed.tools, simple, header)


def transport(target: str) -> AbstractAsyncContextManager[Any]:
    if not target.startswith("http"):
        return stdio_client(StdioServerParameters(command=target))
    return sse_client(target) if target.endswith("/sse") else streamable_http_client(target)


asyncio.run(main(*sys.argv[1:]))
