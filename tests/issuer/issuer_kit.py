"""An authorization server behind a real listener, a browser that keeps cookies and fills forms, and a client."""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import msgspec
from argon2 import PasswordHasher

from narthex.edge.http1_doors import LOOPBACK
from narthex.edge.http1_exchange import Exchange
from narthex.edge.listener import Listener
from narthex.issuer.server import AuthorizationServer
from narthex.issuer.settings import Gateway, Settings
from narthex.limits import DEFAULTS
from narthex.model.authentication import RolesConfig, ScopesConfig
from narthex.model.issuer import AuthorizationServerConfig, ClientConfig
from narthex.upstream.http import Tls
from narthex.wire.seal import Sealer

SECONDS_MAX = 10.0
CALLBACK = "http://127.0.0.1:9/callback"  # nobody listens there: the browser stops before it
PASSWORD = "correct horse battery"
# A light one: what is tested here is what comes of a comparison, not its price.
HASH = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1).hash(PASSWORD)
SCOPES = ScopesConfig(
    implies={"mcp:admin": ("mcp:tools",)},
    roles=RolesConfig(claim="groups", grants={"boss": ("mcp:admin",)}),
)


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return urljoin(self.url, self.headers["location"])

    @property
    def answered(self) -> dict[str, str]:
        """What the client is told through the browser."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}


async def ask(
    url: str,
    *,
    method: str = "GET",
    form: dict[str, str] | None = None,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    said = {"Host": parts.netloc, "Connection": "close", **(headers or {})}
    if form is not None:
        body, method = urlencode(form).encode(), "POST"
        said.setdefault("Content-Type", "application/x-www-form-urlencoded")
    if body or method == "POST":
        said["Content-Length"] = str(len(body))
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    async with asyncio.timeout(SECONDS_MAX):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write("\r\n".join(lines).encode() + body)
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    return Reply(int(status.split(" ")[1]), _joined(fields), rest, url)


def _joined(lines: list[str]) -> dict[str, str]:
    """By name; those that come more than once on lines of their own."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.lower()
        found[name] = f"{found[name]}\n{value.strip()}" if name in found else value.strip()
    return found


class Form(HTMLParser):
    """The forms of a page: by id, where they go and what they hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, tuple[str, dict[str, str]]] = {}
        self._fields: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            self.forms[found.get("id", found["action"])] = (found["action"], self._fields)
        elif tag == "input" and "name" in found:
            self._fields[found["name"]] = found.get("value", "")
        if "id" in found:
            self._inside.append(found["id"])
            self.ids[found["id"]] = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.ids[self._inside[-1]] += data

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            self._inside.pop()


@dataclass
class Browser:
    """Keeps cookies, follows redirects within our house, fills forms. Stops where it is sent elsewhere."""

    cookies: dict[str, str] = field(default_factory=dict)
    seen: list[Reply] = field(default_factory=list)

    async def get(self, url: str) -> Reply:
        return await self._follow(await self._send(url))

    async def submit(self, reply: Reply, form: str, values: dict[str, str] | None = None, **headers: str) -> Reply:
        action, fields = Form(reply.text).forms[form]
        url = urljoin(reply.url, action)
        parts = urlsplit(url)
        origin = {"Origin": f"{parts.scheme}://{parts.netloc}"} | headers
        return await self._follow(await self._send(url, form={**fields, **(values or {})}, headers=origin))

    async def _send(self, url: str, **more: Any) -> Reply:
        headers = dict(more.pop("headers", {}))
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        reply = await ask(url, headers=headers, **more)
        for line in reply.headers.get("set-cookie", "").split("\n"):
            name, mark, rest = line.partition("=")
            if mark:
                self.cookies[name] = rest.partition(";")[0]
        self.seen.append(reply)
        return reply

    async def _follow(self, reply: Reply) -> Reply:
        while reply.status in (302, 303) and urlsplit(reply.location).netloc == urlsplit(reply.url).netloc:
            reply = await self._send(reply.location)
        return reply


@dataclass
class App:
    """A client of ours: what it needs to ask and to redeem."""

    stage: "Stage"
    client_id: str
    redirect_uri: str = CALLBACK
    secret: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def url(self, **more: str | None) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        said = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": "st-1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": f"{self.stage.url}/mcp",
            "scope": "mcp:tools",
        }
        chosen = {**said, **more}
        return f"{self.stage.url}/oauth/authorize?" + urlencode({k: v for k, v in chosen.items() if v is not None})

    async def redeem(self, code: str, **more: str | None) -> Reply:
        said = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "resource": f"{self.stage.url}/mcp",
        }
        return await self.token({**said, **more})

    async def refresh(self, token: str, **more: str | None) -> Reply:
        return await self.token({"grant_type": "refresh_token", "refresh_token": token, **more})

    async def token(self, said: dict[str, str | None], path: str = "/oauth/token") -> Reply:
        form = {"client_id": self.client_id, **({"client_secret": self.secret} if self.secret else {}), **said}
        return await ask(f"{self.stage.url}{path}", form={k: v for k, v in form.items() if v is not None})


@dataclass
class Stage:
    """The server under test."""

    url: str
    port: int
    server: AuthorizationServer
    settings: Settings
    told: list[tuple[str, str]] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    revocations: int = 0

    async def register(self, **more: Any) -> App:
        reply = await self.register_raw(**more)
        assert reply.status == 201, reply.body
        said = reply.json
        return App(self, said["client_id"], said["redirect_uris"][0], said.get("client_secret", ""))

    async def register_raw(self, **more: Any) -> Reply:
        tree = {
            "client_name": "Test app",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
            **more,
        }
        body = json.dumps({name: value for name, value in tree.items() if value is not None}).encode()
        headers = {"Content-Type": "application/json"}
        return await ask(f"http://127.0.0.1:{self.port}/oauth/register", method="POST", body=body, headers=headers)

    async def sign_in(self, app: App, browser: Browser, name: str = "ana", **more: str | None) -> Reply:
        """Up to the page that asks for consent, or the answer where none is needed."""
        page = await browser.get(app.url(**more))
        return await browser.submit(page, "login-form", {"name": name, "password": PASSWORD})

    async def let_in(
        self, app: App, browser: Browser | None = None, name: str = "ana", **more: str | None
    ) -> dict[str, Any]:
        """The whole way: what the token endpoint said."""
        browser = browser or Browser()
        consent = await self.sign_in(app, browser, name, **more)
        answer = await browser.submit(consent, "consent-form", {"decision": "allow"})
        reply = await app.redeem(answer.answered["code"])
        assert reply.status == 200, reply.body
        return reply.json


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def header_of(token: str) -> dict[str, Any]:
    head = token.split(".", maxsplit=1)[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))


def users_file(folder: Path) -> Path:
    path = folder / "users.yaml"
    path.write_text(
        f"- {{name: ana, password: '{HASH}', scopes: [mcp:tools, crm:read], roles: [boss]}}\n"
        f"- {{name: bo, password: '{HASH}', scopes: [mcp:tools]}}\n"
        f"- {{name: cy, password: '{HASH}', enabled: false}}\n"
    )
    return path


def config_of(folder: Path, **more: Any) -> AuthorizationServerConfig:
    usual: dict[str, Any] = {
        "users": str(users_file(folder)),
        "scopes": {"mcp:tools": "use its tools"},
        "clients": (
            ClientConfig(client_id="bot", client_secret="bot secret", scopes=("mcp:tools",)),
            ClientConfig(client_id="known", name="Known app", redirect_uris=("https://app.example/cb", CALLBACK)),
        ),
    }
    return AuthorizationServerConfig(**{**usual, **more})


@contextlib.asynccontextmanager
async def stage(
    folder: Path,
    *,
    tls: Tls | None = None,
    host: str = "127.0.0.1",
    public: Callable[[int], str] | None = None,
    **more: Any,
) -> AsyncIterator[Stage]:
    """A server on a port of the system's choice, with its state below `folder`."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    here: list[Stage] = []

    async def serve(exchange: Exchange) -> None:
        if exchange.path not in here[0].server.paths:
            exchange.respond(404, b"{}")
            return
        answer = await here[0].server.serve(exchange)
        exchange.respond(answer.status, answer.body, answer.content_type, answer.headers)

    limits = msgspec.structs.replace(DEFAULTS)
    listener = Listener(
        serve,
        lambda: limits,
        hosts=LOOPBACK,
        refuse=lambda status, reason, message: json.dumps({"reason": reason}).encode(),
        on_fault=lambda fault: here[0].faults.append(fault),  # noqa: PLW0108 - it is not there yet
    )
    port = await listener.start("127.0.0.1", 0)
    url = public(port) if public is not None else f"http://{host}:{port}"
    settings = Settings(url, "Acme tools", config_of(folder, **more), SCOPES)
    gateway = Gateway(lambda: {f"{url}/mcp", f"{url}/mcp/sales"}, lambda: {"mcp:tools", "crm:read"})
    told: list[tuple[str, str]] = []

    def revoked() -> None:
        here[0].revocations += 1

    server = AuthorizationServer(
        settings, gateway, Sealer((bytes(32),)), state, tls=tls, say=lambda *line: told.append(line), on_revoked=revoked
    )
    here.append(Stage(url, port, server, settings, told))
    await server.start()
    try:
        yield here[0]
    finally:
        await listener.abort()
        await server.aclose()

    assert here[0].faults == []
