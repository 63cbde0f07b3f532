"""pydantic-ai's toolset, without a model: `pydantic_ai_2.py URL`."""

import asyncio
import sys

from pydantic_ai.mcp import MCPToolset
from telling import tell


async def main(url: str) -> None:
    async with MCPToolset(url) as tools:
        listed = await tools.list_tools()
        simple = await tools.direct_call_tool("test_simple_text", {})
        header = await tools.direct_call_tool("test_x_mcp_header", {"region": "eu"})
        tell((tool.name for tool in listed), str(simple), str(header))


asyncio.run(main(*sys.argv[1:]))
