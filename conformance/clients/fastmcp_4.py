"""FastMCP's client: `fastmcp_4.py TARGET`, a URL (`…/sse` for HTTP+SSE) or a program to speak to over its pipes."""

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from telling import tell_all


async def main(target: str) -> None:
    # It tells the two transports over HTTP apart by itself, by the end of the URL.
    async with Client(target if target.startswith("http") else StdioTransport(target, [])) as client:
        listed = await client.list_tools()
        simple = await client.call_tool("test_simple_text", {})
        header = await client.call_tool("test_x_mcp_header", {"region": "eu"})
        tell_all(listed, simple, header)


asyncio.run(main(*sys.argv[1:]))
