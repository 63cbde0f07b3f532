"""A server that wants a grant of each user, and the authorization server that gives it, in a process of its own.

Knows: RFC 8414 and 9728 metadata, RFC 7591 registration, the code flow with PKCE and `iss`, refresh, revocation; tools
that tell who they were called by. Refuses to know: the tests; they steer it by /control.

Whoever opens /authorize is asked nothing: who they are there, the header X-Account of their browser says.
"""

import base64
import contextvars
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

sys.path.append(str(Path(__file__).parent.parent / "upstream"))

from credentials_process import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from narthex.libraries.http_server import HttpServer
from narthex.libraries.server import Answer, Call, Server, takes, text

Tree = dict[str, Any]
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="")
library = Server("far", "Far", "1", "")


@library.tool("whoami", title="Who am I", description="Who calls, as the token says.", takes=takes())
def whoami(call: Call) -> Answer:
    return Answer([text(WHO.get())])


@library.tool("admin", title="Admin", description="Needs the scope admin.", takes=takes())
def admin(call: Call) -> Answer:
    return Answer([text(f"admin {WHO.get()}")])


@library.prompt("greeting", title="Greeting", description="To whoever calls.", arguments=[])
def greeting() -> Sequence[Tree]:
    return [{"role": "user", "content": text(f"Hello {WHO.get()}")}]


class Far:
    """`orders`: `deny` refuses everybody at /authorize, `legacy` refuses modern requests, `seconds` tokens live."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.http = HttpServer(library)
        self.codes: dict[str, Tree] = {}
        self.tokens: dict[str, Tree] = {}
        self.refreshes: dict[str, Tree] = {}
        self.reset({})

    def reset(self, orders: Tree) -> None:
        self.orders = orders
        self.seen: list[Tree] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.url.path
        if path == "/mcp":
            await self.mcp(scope, request, send)
            return
        served = {
            "/control": self.control,
            "/.well-known/oauth-protected-resource/mcp": self.resource,
            "/.well-known/oauth-authorization-server": self.metadata,
            "/register": self.register,
            "/authorize": self.authorize,
            "/token": self.token,
            "/revoke": self.revoke,
        }
        answer = await served[path](request) if path in served else Response(status_code=404)
        await answer(scope, receive, send)

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            order = await request.json()
            if order == "forget":
                self.tokens.clear()
                self.refreshes.clear()
            else:
                self.reset(order)
        return JSONResponse({"seen": self.seen, "tokens": list(self.tokens), "refreshes": list(self.refreshes)})

    async def resource(self, _: Request) -> Response:
        return JSONResponse({"resource": f"{self.origin}/mcp", "authorization_servers": [self.origin]})

    async def metadata(self, _: Request) -> Response:
        said = {
            "issuer": self.origin,
            **{f"{name}_endpoint": f"{self.origin}/{path}" for name, path in ENDPOINTS.items()},
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            "scopes_supported": ["read", "admin", "offline_access"],
        }
        return JSONResponse(said)

    async def register(self, request: Request) -> Response:
        said = await request.json()
        self.seen.append({"path": "/register", "said": said})
        return JSONResponse({**said, "client_id": secrets.token_hex(4)}, 201)

    async def authorize(self, request: Request) -> Response:
        said = dict(parse_qsl(request.url.query))
        self.seen.append({"path": "/authorize", "said": said})
        answer = {"state": said["state"], "iss": self.origin}
        if self.orders.get("deny"):
            answer["error"] = "access_denied"
        else:
            code = answer["code"] = secrets.token_urlsafe(8)
            self.codes[code] = {**said, "sub": request.headers.get("x-account", "nobody")}
        return RedirectResponse(f"{said['redirect_uri']}?{urlencode(answer)}", 302)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.seen.append({"path": "/token", "grant": form.get("grant_type")})
        if form.get("grant_type") == "refresh_token":
            grant = self.refreshes.pop(form.get("refresh_token", ""), None)
        else:
            grant = self.codes.pop(form.get("code", ""), None)
            if grant is not None and not fits(form.get("code_verifier", ""), grant["code_challenge"]):
                grant = None
        if grant is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        access, refresh = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self.tokens[access], self.refreshes[refresh] = grant, grant
        said = {"access_token": access, "token_type": "Bearer", "scope": grant.get("scope", "")}
        return JSONResponse({**said, "expires_in": self.orders.get("seconds", 300), "refresh_token": refresh})

    async def revoke(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.seen.append({"path": "/revoke"})
        for kept in (self.tokens, self.refreshes):
            kept.pop(form.get("token", ""), None)
        return Response()

    async def mcp(self, scope: Scope, request: Request, send: Send) -> None:
        body = await request.body()
        message = json.loads(body) if body else {}
        grant = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        tool = (message.get("params") or {}).get("name")
        self.seen.append({"path": "/mcp", "method": message.get("method"), "tool": tool, "at": time.time()})
        refusal = self.refusal(grant, message)
        if refusal is not None:
            await refusal(scope, request.receive, send)
            return
        WHO.set(grant["sub"] if grant else "nobody")
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await request.receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.http(scope, again, send)

    def refusal(self, grant: Tree | None, message: Tree) -> Response | None:
        method, params = message.get("method", ""), message.get("params") or {}
        if self.orders.get("legacy") and "2026-07-28" in json.dumps(message):
            return Response("what?", 400)
        if grant is None and method not in self.orders.get("open", OPEN):
            where = f'Bearer resource_metadata="{self.origin}/.well-known/oauth-protected-resource/mcp", scope="read"'
            return Response("no", 401, {"www-authenticate": where})
        if grant is not None and params.get("name") == "admin" and "admin" not in grant.get("scope", "").split():
            return Response("no", 403, {"www-authenticate": 'Bearer error="insufficient_scope", scope="admin"'})
        return None


ENDPOINTS = {"authorization": "authorize", "token": "token", "registration": "register", "revocation": "revoke"}
# What everybody may ask: so there is something to call before anybody has connected.
OPEN = ("initialize", "notifications/initialized", "server/discover", "ping", "tools/list", "prompts/list")
OPEN += ("resources/list", "resources/templates/list", "subscriptions/listen")


def fits(verifier: str, challenge: str) -> bool:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode() == challenge


if __name__ == "__main__":
    serve(Far)
