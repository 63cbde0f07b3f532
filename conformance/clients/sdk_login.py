"""The official Python SDK 2.x logging in: `sdk_login.py URL NAME PASSWORD [DOCUMENT]`.

DOCUMENT is the URL by which the client is known; without it the client registers itself. Whoever sits at the browser is
played here: forms are filled as the pages say, and the last redirect is not followed but read.
"""

import asyncio
import json
import re
import sys
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

CALLBACK = "http://127.0.0.1:9/callback"
STEPS_MAX = 10


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


class Person:
    """Signs in and agrees."""

    def __init__(self, name: str, password: str) -> None:
        self.name, self.password, self.answer = name, password, ""
        self.pages: list[str] = []

    async def open(self, url: str) -> None:
        async with httpx2.AsyncClient() as browser:
            reply = await browser.get(url)
            for _ in range(STEPS_MAX):
                if reply.is_redirect:
                    url = urljoin(str(reply.url), reply.headers["location"])
                    if url.startswith(CALLBACK):
                        self.answer = url
                        return
                    reply = await browser.get(url)
                else:
                    action, form = self.filled(reply)
                    reply = await browser.post(action, data=form)
        raise RuntimeError("the way did not end")

    def filled(self, reply: httpx2.Response) -> tuple[str, dict[str, str]]:
        page = re.search(r'data-page="(\w+)"', reply.text)
        action = re.search(r'<form id="(?:login|consent)-form" method="post" action="([^"]+)"', reply.text)
        form = re.search(r'name="form" value="([^"]+)"', reply.text)
        if not (page and action and form):
            raise RuntimeError(f"no form: {reply.status_code} {reply.text[-600:]}")
        self.pages.append(page[1])
        data = {"form": unescape(form[1])}
        data |= {"name": self.name, "password": self.password} if page[1] == "login" else {"decision": "allow"}
        return urljoin(str(reply.url), action[1]), data

    async def come_back(self) -> AuthorizationCodeResult:
        said = parse_qs(urlsplit(self.answer).query)
        return AuthorizationCodeResult(code=said["code"][0], state=said["state"][0], iss=said["iss"][0])


async def main(url: str, name: str, password: str, document: str | None = None) -> None:
    person, memory = Person(name, password), Memory()
    provider = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata(client_name="SDK", redirect_uris=[CALLBACK]),
        storage=memory,
        redirect_handler=person.open,
        callback_handler=person.come_back,
        client_metadata_url=document,
    )
    async with httpx2.AsyncClient(auth=provider) as web:
        async with Client(streamable_http_client(url, http_client=web), mode="auto") as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            first = memory.tokens.access_token
            provider.context.token_expiry_time = 1.0  # long ago: the next request has to renew it
            await client.call_tool(tools[0], {"query": "museum"})
    found = {"tools": tools, "pages": person.pages, "client": memory.client.client_id}
    print(json.dumps({**found, "scope": memory.tokens.scope, "renewed": memory.tokens.access_token != first}))


asyncio.run(main(*sys.argv[1:]))
