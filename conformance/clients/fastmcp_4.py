"""FastMCP's client: `fastmcp_4.py URL`."""

import asyncio
import json
import sys

from fastmcp import Client


async def main(url: str) -> None:
    async with Client(url) as client:
        listed = await client.list_tools()
        simple = await client.call_tool("test_simple_text", {})
        header = await client.call_tool("test_x_mcp_header", {"region": "eu"})
        seen = {
            "tools": sorted(tool.name for tool in listed),
            "answers": [simple.content[0].text, header.content[0].text],
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
