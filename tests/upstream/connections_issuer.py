"""An authorization server for people, in a process of its own: it registers clients, says yes at once, redeems codes,
renews tokens as strictly as the standards say, takes them back, and writes down what it saw.

Knows: RFC 6749 4.1 and 6, RFC 7591, RFC 7636, RFC 7009, RFC 8707, RFC 9207. Refuses to know: the tests; they steer it
by /control.
"""

import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode

from credentials_issuer import Issuer, Refused
from credentials_process import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

Tree = dict[str, Any]


class PeoplesIssuer(Issuer):
    """`orders` beside those of `Issuer`: `iss` (what comes back as it), `user`, `error`, `denies`, `seconds`, `fixed`
    (refresh tokens do not rotate), `short` (it gives none), `forgets` (clients), `mute` (metadata are not there)."""

    def reset(self, orders: Tree) -> None:
        super().reset(orders)
        self.codes: dict[str, Tree] = {}
        self.refresh: dict[str, Tree] = {}
        self.spent: set[str] = set()
        self.live: set[str] = set()  # access tokens that were not taken back
        self.sent: list[Tree] = []
        self.registered: list[Tree] = []
        self.revoked: list[str] = []
        self.replays = 0

    async def metadata(self, request: Request) -> Response:
        if self.orders.get("mute"):
            self.asked.append(request.url.path)
            return Response(status_code=404)
        return await super().metadata(request)

    def more(self) -> Tree:
        return {
            "authorization_endpoint": f"{self.origin}/authorize?kept=1",
            "registration_endpoint": f"{self.origin}/register",
            "revocation_endpoint": f"{self.origin}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        }

    async def register(self, request: Request) -> Response:
        wanted = await request.json()
        self.registered.append(wanted)
        if self.orders.get("registers") is False:
            return JSONResponse({"error": "invalid_redirect_uri", "error_description": "no loopback here"}, 400)
        name = f"client-{len(self.registered)}-{secrets.token_hex(4)}"
        method = wanted["token_endpoint_auth_method"]
        known = {"secret": "" if method == "none" else secrets.token_urlsafe(24), "uris": wanted["redirect_uris"]}
        self.clients[name] = known
        answer = {**wanted, "client_id": name, **({"client_secret": known["secret"]} if known["secret"] else {})}
        return JSONResponse(answer, 201)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.sent.append(asked)
        client = self.clients.get(asked.get("client_id", ""))
        if self.orders.get("document") == asked.get("client_id"):
            client = {"uris": [asked["redirect_uri"]]}
        if client is None or asked["redirect_uri"] not in client.get("uris", [asked["redirect_uri"]]):
            return PlainTextResponse("Who are you?", 400)
        back = {"state": asked["state"]}
        iss = self.orders.get("iss", self.name)
        back |= {"iss": iss} if iss else {}
        if asked.get("code_challenge_method") != "S256" or asked["response_type"] != "code":
            back["error"] = "invalid_request"
        elif "error" in self.orders:
            back |= {"error": self.orders["error"], "error_description": "planted-description"}
        else:
            back["code"] = secrets.token_urlsafe(24)
            self.codes[back["code"]] = {**asked, "user": self.orders.get("user", "ana"), "at": time.time()}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    def client_of(self, request: Request, form: Tree) -> str | None:
        name = form.get("client_id", "")
        if self.orders.get("forgets"):
            return None
        if name and name == self.orders.get("document"):
            return str(name)
        return super().client_of(request, form)

    def issued(self, client: str, form: Tree) -> Tree:
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self.of_code(client, form)
        if kind == "refresh_token":
            return self.of_refresh(client, form)
        return super().issued(client, form)

    def of_code(self, client: str, form: Tree) -> Tree:
        known = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if known is None or known["code_challenge"] != challenge.rstrip(b"=").decode():
            raise Refused("invalid_grant")
        same = all(known.get(name) == form.get(name) for name in ("redirect_uri", "resource"))
        if not same or known["client_id"] != client:
            raise Refused("invalid_grant")
        scopes = [one for one in known.get("scope", "").split() if one not in self.orders.get("denies", ())]
        return self.tokens(client, known["user"], scopes, form.get("resource", ""), secrets.token_hex(4))

    def of_refresh(self, client: str, form: Tree) -> Tree:
        token = form.get("refresh_token", "")
        if token in self.spent:
            self.replays += 1
        known = self.refresh.get(token)
        if known is None or known["client"] != client or known["resource"] != form.get("resource"):
            raise Refused("invalid_grant")
        if not self.orders.get("fixed"):
            del self.refresh[token]
            self.spent.add(token)
        return self.tokens(client, known["user"], known["scopes"], known["resource"], known["family"], again=True)

    def tokens(
        self, client: str, user: str, scopes: list[str], resource: str, family: str, *, again: bool = False
    ) -> Tree:
        claims = {"iss": self.name, "sub": user, "client_id": client, "aud": resource, "scope": " ".join(scopes)}
        access = self.signed({**claims, "jti": secrets.token_hex(8), "exp": int(time.time()) + 3_600}, "at+jwt")
        self.live.add(access)
        answer: Tree = {"access_token": access, "token_type": "Bearer", "scope": " ".join(scopes)}
        if self.orders.get("seconds", 300) is not None:
            answer["expires_in"] = self.orders.get("seconds", 300)
        if not self.orders.get("short") and not (again and self.orders.get("fixed")):
            fresh = "refresh-" + secrets.token_urlsafe(24)
            self.refresh[fresh] = {
                "client": client,
                "user": user,
                "scopes": scopes,
                "resource": resource,
                "family": family,
            }
            answer["refresh_token"] = fresh
        answer["id_token"] = self.signed({**claims, "aud": client, "email": f"{user}@example.com"}, "JWT")
        return answer

    async def revoke(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if self.client_of(request, form) is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        self.revoked.append(form["token"])
        self.refresh.pop(form["token"], None)
        self.live.discard(form["token"])
        return Response(status_code=200)

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            order = await request.json()
            if order == "open":
                self.open.set()
            elif "amend" in order:
                self.orders |= order["amend"]
                if order["amend"].get("held"):
                    self.open.clear()
            elif "end" in order:
                self.refresh.clear()
            else:
                self.reset(order)
        return JSONResponse(
            {
                "seen": self.seen,
                "asked": self.asked,
                "sent": self.sent,
                "registered": self.registered,
                "revoked": self.revoked,
                "replays": self.replays,
                "keys": [self.key.as_dict(private=False)],
            }
        )


def application(origin: str) -> Starlette:
    issuer = PeoplesIssuer(origin)
    issuer.base = issuer.more()
    routes = [
        Route("/token", issuer.token, methods=["POST"]),
        Route("/register", issuer.register, methods=["POST"]),
        Route("/authorize", issuer.authorize),
        Route("/revoke", issuer.revoke, methods=["POST"]),
        Route("/control", issuer.control, methods=["GET", "POST"]),
        Route("/{rest:path}", issuer.metadata),
    ]
    return Starlette(routes=routes)


if __name__ == "__main__":
    serve(application)
