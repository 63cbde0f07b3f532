"""The official Python SDK 2.x with a person beside it who opens every address it is asked to: `sdk_connecting.py URL
auto|legacy [TOKEN]`.

Lists the tools, calls the first one, and prints what it saw: the names, whether the answer was one, and the addresses.
TOKEN is sent with every request.
"""

import asyncio
import json
import sys
from pathlib import Path

import httpx2
from mcp.client.client import Client
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from outside.browser import Browser


async def main(url: str, mode: str, token: str = "") -> None:
    opened: list[str] = []

    async def open_it(context: ClientRequestContext, asked: ElicitRequestParams) -> ElicitResult:
        if not isinstance(asked, ElicitRequestURLParams):
            return ElicitResult(action="decline")
        opened.append(asked.url)
        page = await asyncio.to_thread(Browser().connect, asked.url)
        return ElicitResult(action="accept" if page.has("done") else "cancel")

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30.0) as web,
        Client(streamable_http_client(url, http_client=web), mode=mode, elicitation_callback=open_it) as client,
    ):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        answers = [await client.call_tool(name, {}) for name in tools[:1]]
    good = bool(answers) and not answers[0].is_error
    texts = [block.text for answer in answers for block in answer.content if block.type == "text"]
    print(json.dumps({"tools": tools, "good": good, "texts": texts, "opened": opened}))


asyncio.run(main(*sys.argv[1:]))
