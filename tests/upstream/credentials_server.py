"""An MCP server behind bearer tokens, in a process of its own: it writes down every header it gets.

Knows: RFC 9728 metadata, 401 and 403 with challenges, tools that tell who they were called by.
Refuses to know: the tests; they steer it by /control.
"""

import base64
import contextvars
import json
from typing import Any

from credentials_process import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from narthex.libraries.http_server import HttpServer
from narthex.libraries.server import Answer, Call, Server, takes, text

Tree = dict[str, Any]
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="")
library = Server("guarded", "Guarded", "1", "")


@library.tool("whoami", title="Who am I", description="Who calls, as the token says.", takes=takes())
def whoami(call: Call) -> Answer:
    return Answer([text(WHO.get())])


@library.tool("admin", title="Admin", description="Needs the scope admin.", takes=takes())
def admin(call: Call) -> Answer:
    return Answer([text(f"admin {WHO.get()}")])


class Guarded:
    """`orders`: `legacy` refuses modern requests, `open` wants no token, `refuse` lists tokens that are no good,
    `greets` methods that want no token."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.http = HttpServer(library)
        self.reset({})

    def reset(self, orders: Tree) -> None:
        self.orders = orders
        self.seen: list[Tree] = []
        self.refused: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.url.path == "/control":
            answer = await self.control(request)
        elif request.url.path.startswith("/.well-known/"):
            answer = self.metadata(request)
        else:
            await self.mcp(scope, request, send)
            return
        await answer(scope, receive, send)

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            order = await request.json()
            if "revoke" in order:
                self.refused |= set(order["revoke"])
            else:
                self.reset(order)
        return JSONResponse({"seen": self.seen, "sessions": len(self.http._sessions)})

    def metadata(self, request: Request) -> Response:
        self.seen.append({"path": request.url.path, "headers": dict(request.headers)})
        if request.url.path not in self.orders.get("metadata_at", ["/.well-known/oauth-protected-resource/mcp"]):
            return Response(status_code=404)
        said = {"resource": f"{self.origin}/mcp", "authorization_servers": self.orders.get("issuers", [])}
        return JSONResponse({**said, **self.orders.get("metadata", {})})

    async def mcp(self, scope: Scope, request: Request, send: Send) -> None:
        body = await request.body()
        message = json.loads(body) if body else {}
        claims, token = self.claims(request)
        self.seen.append(
            {
                "path": request.url.path,
                "http": request.method,
                "headers": dict(request.headers),
                "method": message.get("method"),
                "tool": (message.get("params") or {}).get("name"),
                "sub": claims.get("sub") if claims else None,
                "token": token,
            }
        )
        refusal = self.refusal(claims, token, message)
        if refusal is not None:
            await refusal(scope, request.receive, send)
            return
        WHO.set(str(claims.get("sub")) if claims else "nobody")
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await request.receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.http(scope, again, send)

    def claims(self, request: Request) -> tuple[Tree | None, str]:
        """Not verified: which tokens are good is the tests' to say; whose they are is what they want to know."""
        given = request.headers.get("authorization", "")
        token = given.removeprefix("Bearer ")
        try:
            payload = token.split(".")[1]
            return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))), token
        except (IndexError, ValueError):
            return ({"sub": f"key {token}"} if token and self.orders.get("keys") else None), token

    def refusal(self, claims: Tree | None, token: str, message: Tree) -> Response | None:
        challenge = f'Bearer realm="x", {self.orders.get("challenge", "")}'.rstrip(", ")
        greeted = message.get("method") in self.orders.get("greets", ())
        if (
            not greeted
            and not self.orders.get("open")
            and (claims is None or token in self.refused or self.orders.get("closed"))
        ):
            return Response("no", 401, {"www-authenticate": challenge})
        if self.orders.get("legacy") and "2026-07-28" in json.dumps(message):
            return Response("what?", 400)
        scopes = set(str((claims or {}).get("scope", "")).split())
        needed = self.orders.get("admin_needs", ["admin"])
        if (message.get("params") or {}).get("name") == "admin" and not set(needed) <= scopes:
            said = f'Bearer error="insufficient_scope", scope="{" ".join(needed)}"'
            return Response("no", 403, {"www-authenticate": said})
        return None


if __name__ == "__main__":
    serve(Guarded)
