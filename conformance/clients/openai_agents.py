"""openai-agents' server object, without a model: `openai_agents.py URL`."""

import asyncio
import json
import sys

from agents.mcp import MCPServerStreamableHttp


async def main(url: str) -> None:
    async with MCPServerStreamableHttp(params={"url": url}) as server:
        listed = await server.list_tools()
        simple = await server.call_tool("test_simple_text", {})
        header = await server.call_tool("test_x_mcp_header", {"region": "eu"})
        seen = {
            "tools": sorted(tool.name for tool in listed),
            "answers": [simple.content[0].text, header.content[0].text],
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
