"""The official Python SDK 2.x logging in: `sdk_login.py URL DOCUMENT|- [renew] [note]`.

Prints each address that has to be opened in a browser as `{"open": URL}`, listens for the answer on the loopback, and
prints what it saw in the end. DOCUMENT is the URL by which the client is known; `-`: it registers itself. `renew`: its
token is taken for an old one before the call. `note`: it calls a tool that needs more than the others.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

BACK = b'<!doctype html><html lang="en"><title>Back</title><link rel="icon" href="data:,"><p id="back">Close me.</p>'


class Denied(Exception):
    """What the browser brought back is no code."""


class Memory:
    """What the client keeps."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Callback:
    """Where the browser comes back to."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[dict[str, list[str]]] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + BACK)
        await writer.drain()
        writer.close()
        if target.startswith("/callback?"):
            self.answers.put_nowait(parse_qs(urlsplit(target).query))

    async def come_back(self) -> AuthorizationCodeResult:
        said = await self.answers.get()
        if "error" in said:
            raise Denied(said["error"][0])
        return AuthorizationCodeResult(code=said["code"][0], state=said["state"][0], iss=said["iss"][0])


async def main(url: str, document: str, *wishes: str) -> None:
    memory, callback = Memory(), Callback()
    async with await asyncio.start_server(callback.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        metadata = OAuthClientMetadata(client_name="SDK", redirect_uris=[f"http://127.0.0.1:{port}/callback"])
        provider = OAuthClientProvider(
            server_url=url,
            client_metadata=metadata,
            storage=memory,
            redirect_handler=ask_to_open,
            callback_handler=callback.come_back,
            client_metadata_url=None if document == "-" else document,
        )
        try:
            seen = await use(url, provider, memory, wishes)
        except* Denied as denied:
            seen = {"refused": str(denied.exceptions[0])}
    print(json.dumps(seen))


async def ask_to_open(url: str) -> None:
    print(json.dumps({"open": url}), flush=True)


async def use(url: str, provider: OAuthClientProvider, memory: Memory, wishes: tuple[str, ...]) -> dict[str, Any]:
    async with (
        httpx2.AsyncClient(auth=provider) as web,
        Client(streamable_http_client(url, http_client=web), mode="auto") as client,
    ):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        first = memory.tokens
        if "renew" in wishes:
            provider.context.token_expiry_time = 1.0  # long ago: the next request has to renew it
        answers = [await client.call_tool("search_contacts", {"query": "museum"})]
        if "note" in wishes:
            answers.append(await client.call_tool("create_note", {"contact_id": "c-1001", "text": "They called."}))
    return {
        "tools": tools,
        "answers": [answer.content[0].text for answer in answers],
        "client": memory.client.client_id,
        "token": memory.tokens.access_token,
        "scope": memory.tokens.scope,
        "first_scope": first.scope,
        "renewed": memory.tokens.access_token != first.access_token,
    }


asyncio.run(main(*sys.argv[1:]))
