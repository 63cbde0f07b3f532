"""The official Python SDK 2.x, told what to ask: a line of JSON on standard input, a line of JSON back.

In: `{"url" or "command", "args", "env"; "mode"; "calls": [{"tool", "arguments"}]}`.
Out: `{"tools": [definitions], "answers": [{"text", "refused"}]}`, the calls answered all at the same time.
"""

import asyncio
import json
import sys

from mcp.client.client import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError


async def main(asked: dict) -> dict:
    async with Client(target(asked), mode=asked["mode"]) as client:
        tools, page = [], None
        while True:
            listed = await client.list_tools(cursor=page)
            tools += [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]
            page = listed.next_cursor
            if page is None:
                break
        answers = await asyncio.gather(*(call(client, one) for one in asked["calls"]))
    return {"tools": tools, "answers": answers}


def target(asked: dict) -> object:
    if "command" in asked:
        return StdioServerParameters(command=asked["command"], args=asked["args"], env=asked["env"])
    return sse_client(asked["url"]) if asked["url"].endswith("/sse") else asked["url"]


async def call(client: Client, asked: dict) -> dict:
    try:
        result = await client.call_tool(asked["tool"], asked["arguments"])
    except MCPError as error:
        return {"text": str(error), "refused": True}
    parts = [part.model_dump_json(by_alias=True) if part.type != "text" else part.text for part in result.content]
    return {"text": "\n".join(parts), "refused": result.is_error}


print(json.dumps(asyncio.run(main(json.loads(sys.stdin.readline())))))
