"""langchain-mcp-adapters: `langchain_adapters.py URL`. It opens a new session for every call."""

import asyncio
import sys

from langchain_mcp_adapters.client import MultiServerMCPClient
from telling import tell


async def main(url: str) -> None:
    client = MultiServerMCPClient({"gateway": {"transport": "streamable_http", "url": url}})
    tools = {tool.name: tool for tool in await client.get_tools()}
    simple = await tools["test_simple_text"].ainvoke({})
    header = await tools["test_x_mcp_header"].ainvoke({"region": "eu"})
    tell(tools, simple[0]["text"], header[0]["text"])


asyncio.run(main(*sys.argv[1:]))
