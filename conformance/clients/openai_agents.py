"""openai-agents' server object, without a model: `openai_agents.py URL`."""

import asyncio
import sys

from agents.mcp import MCPServerStreamableHttp
from telling import tell_all


async def main(url: str) -> None:
    async with MCPServerStreamableHttp(params={"url": url}) as server:
        listed = await server.list_tools()
        simple = await server.call_tool("test_simple_text", {})
        header = await server.call_tool("test_x_mcp_header", {"region": "eu"})
        tell_all(listed, simple, header)


asyncio.run(main(*sys.argv[1:]))
