"""The official Python SDK 2.x: `sdk_2.py URL auto|legacy|2026-07-28`."""

import asyncio
import json
import sys

from mcp.client.client import Client


async def main(url: str, mode: str) -> None:
    async with Client(url, mode=mode) as client:
        listed = await client.list_tools()
        simple = await client.call_tool("test_simple_text", {})
        header = await client.call_tool("test_x_mcp_header", {"region": "eu"})
        seen = {
            "tools": sorted(tool.name for tool in listed.tools),
            "answers": [simple.content[0].text, header.content[0].text],
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
