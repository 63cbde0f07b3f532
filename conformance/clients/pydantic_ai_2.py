"""pydantic-ai's toolset, without a model: `pydantic_ai_2.py URL`."""

import asyncio
import json
import sys

from pydantic_ai.mcp import MCPToolset


async def main(url: str) -> None:
    async with MCPToolset(url) as tools:
        listed = await tools.list_tools()
        simple = await tools.direct_call_tool("test_simple_text", {})
        header = await tools.direct_call_tool("test_x_mcp_header", {"region": "eu"})
    print(json.dumps({"tools": sorted(tool.name for tool in listed), "answers": [str(simple), str(header)]}))


asyncio.run(main(*sys.argv[1:]))
