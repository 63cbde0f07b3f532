"""The official Python SDK 1.x: `sdk_1.py URL`."""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def main(url: str) -> None:
    async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        listed = await session.list_tools()
        simple = await session.call_tool("test_simple_text", {})
        header = await session.call_tool("test_x_mcp_header", {"region": "eu"})
        seen = {
            "tools": sorted(tool.name for tool in listed.tools),
            "answers": [simple.content[0].text, header.content[0].text],
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
