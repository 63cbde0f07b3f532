"""Users who connect to a server: a gateway's connections on a folder, and a browser that says yes.

Knows: how both are set up and ended. Refuses to know: what is tried with them.
"""

import asyncio
import hashlib
import http.client
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from credentials_kit import House

from narthex.limits import Limits
from narthex.model.caller import Known
from narthex.model.config import ServerConfig
from narthex.model.connection import Owner, owner_of
from narthex.model.identity import Principal
from narthex.model.vault import VaultConfig
from narthex.store.vault_desk import VaultDesk
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.credentials.finish import Back
from narthex.upstream.openers import HttpOpener
from narthex.upstream.server import Server
from process_kit import SECONDS_MAX, Far

BACK = "http://127.0.0.1:9/connect/callback/guarded"
BROWSER = hashlib.sha256(b"a cookie").digest()
Tree = dict[str, Any]


def user(name: str, tenant: str = "") -> Known:
    return Known(Principal(name, tenant=tenant, issuer="https://company.example", how="jwt"))


def owner(name: str) -> Owner:
    return owner_of(user(name).principal)


class Desk:
    """Connections of one process on a folder, and its servers."""

    def __init__(self, folder: Path, configs: list[ServerConfig], house: House, key: VaultConfig | None) -> None:
        self.configs, self.house = configs, house
        self.vault = VaultDesk(folder, key, self._say)
        self.connections = Connections(
            self.vault, lambda: self.configs, say=self._say, on_fault=house.fault, look_seconds=0.02
        )
        self.servers: dict[str, Server] = {}
        self._owned = Owned("test", house.fault)
        self._openers: list[HttpOpener] = []

    def _say(self, level: str, sentence: str) -> None:
        self.house.say("", level, sentence)

    def start(self, *, follows: bool) -> None:
        for config in self.configs:
            opener = HttpOpener(
                config,
                Limits(),
                self._owned,
                None,
                lambda level, sentence, name=config.name: self.house.say(name, level, sentence),  # type: ignore[misc]
                self.connections,
            )
            self.servers[config.name] = Server(
                config, Limits(), opener, self.house, self._owned, None, lambda _server, _kinds: None
            )
        self.connections.on_granted = lambda name: self.servers[name].granted()
        if follows:
            self._owned.start(self.connections.follow(), "follow")

    async def aclose(self) -> None:
        for server in self.servers.values():
            await server.aclose()
        await self.connections.aclose()
        await self._owned.aclose()
        await self.vault.aclose()

    async def connect(self, who: str, server: str = "guarded", browser: bytes = BROWSER) -> None:
        """As a user does it."""
        url = await self.connections.begin(owner(who), server, BACK, browser, now())
        assert await self.finish(browser, await visit(url), now(), owner(who)) == (owner(who), server)

    async def finish(
        self, browser: bytes, said: Tree, at: float, who: Owner | None = None, redirect_uri: str = BACK
    ) -> tuple[Owner, str]:
        """`who` is there; usually it is Ana."""
        found = await self.connections.finish(Back(browser, said, redirect_uri, who or owner("ana")), at)
        return found.owner, found.server


@asynccontextmanager
async def desk(
    folder: Path,
    far: Far,
    house: House | None = None,
    *,
    follows: bool = False,
    key: VaultConfig | None = None,
    more: tuple[ServerConfig, ...] = (),
    **credentials: Any,
) -> AsyncIterator[Desk]:
    house = house or House()
    made = Desk(folder, [server_at(far, **credentials), *more], house, key)
    made.start(follows=follows)
    try:
        yield made
    finally:
        await made.aclose()
    assert [fault for fault in house.faults if "UpstreamFault" not in fault] == []


def server_at(far: Far, name: str = "guarded", **credentials: Any) -> ServerConfig:
    shown = {"type": "authorization_code", **credentials}
    return msgspec.convert({"name": name, "upstream": f"{far.origin}/mcp", "credentials": shown}, ServerConfig)


async def visit(url: str) -> Tree:
    """What a browser that is sent there brings back."""
    return await asyncio.to_thread(_visit, url)


def _visit(url: str) -> Tree:
    parts = urlsplit(url)
    browser = http.client.HTTPConnection(parts.netloc, timeout=SECONDS_MAX)
    try:
        browser.request("GET", f"{parts.path}?{parts.query}")
        answer = browser.getresponse()
        page = answer.read()
    finally:
        browser.close()
    assert answer.status == 302, page
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query, keep_blank_values=True))


def now() -> float:
    return time.time()
