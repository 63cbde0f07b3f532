"""A small authorization server in a process of its own: RFC 8414 metadata, a token endpoint, and a book of what it saw.

Knows: client credentials, token exchange, JWT bearer and ID-JAG, secrets and assertions, expiry and refusals on order.
Refuses to know: the tests; they steer it by /control.
"""

import asyncio
import base64
import secrets
import time
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote_plus

from credentials_process import serve
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

Tree = dict[str, Any]
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPE = "urn:ietf:params:oauth:token-type:"


class Issuer:
    base: ClassVar[Tree] = {}  # further metadata

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.key = ECKey.generate_key("P-256", parameters={"kid": "one"})
        self.started = asyncio.Event()
        self.reset({})

    def reset(self, orders: Tree) -> None:
        """`orders` change how it behaves; what it saw is forgotten."""
        self.orders: Tree = orders
        self.clients: dict[str, Tree] = orders.get("clients", {"gateway": {"secret": "s3cret-of-the-gateway"}})
        self.seen: list[Tree] = []
        self.asked: list[str] = []
        self.used: set[str] = set()
        self.open = asyncio.Event()
        if not orders.get("held"):
            self.open.set()

    @property
    def name(self) -> str:
        return str(self.orders.get("issuer", self.origin))

    async def metadata(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if self.orders.get("redirect"):
            return RedirectResponse(self.orders["redirect"])
        if request.url.path not in self.orders.get("at", ["/.well-known/oauth-authorization-server"]):
            return Response(status_code=404)
        base: Tree = {
            "issuer": self.name,
            "token_endpoint": f"{self.origin}/token",
            "jwks_uri": f"{self.origin}/jwks",
            "grant_types_supported": ["client_credentials", EXCHANGE, BEARER],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        }
        said = {**base, **self.base, **self.orders.get("metadata", {})}
        return JSONResponse({name: value for name, value in said.items() if value is not None})

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        self.seen.append({"form": form, "authorization": request.headers.get("authorization", ""), "at": time.time()})
        if self.orders.get("held") in (None, False, True, form.get("grant_type")):
            await self.open.wait()
        if (status := self.orders.get("status")) is not None:
            return JSONResponse(self.orders.get("answer", {}), status)
        client = self.client_of(request, form)
        if client is None:
            return JSONResponse({"error": "invalid_client", "error_description": self.orders.get("said", "no")}, 401)
        try:
            return JSONResponse(self.issued(client, form))
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, 400)

    def client_of(self, request: Request, form: Tree) -> str | None:
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            name, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
            name, secret = unquote_plus(name), unquote_plus(secret)
        elif "client_assertion" in form:
            return self.asserted(form["client_assertion"])
        else:
            name, secret = form.get("client_id", ""), form.get("client_secret", "")
        known = self.clients.get(name)
        return name if known is not None and secrets.compare_digest(known.get("secret", ""), secret) else None

    def asserted(self, assertion: str) -> str | None:
        for name, known in self.clients.items():
            if "key" not in known:
                continue
            kind = RSAKey if known["key"]["kty"] == "RSA" else ECKey
            token = jwt.decode(assertion, kind.import_key(known["key"]), algorithms=["RS256", "ES256"])
            claims, now = token.claims, time.time()
            fine = claims["iss"] == claims["sub"] == name and claims["aud"] == self.name
            if fine and now - 5 < claims["iat"] <= now + 5 and now < claims["exp"] <= now + 300:
                if claims["jti"] in self.used:
                    return None
                self.used.add(claims["jti"])
                return name
        return None

    def issued(self, client: str, form: Tree) -> Tree:
        grant, subject = form.get("grant_type"), client
        allowed = self.orders.get("scopes")
        scope = form.get("scope", "")
        if allowed is not None and not set(scope.split()) <= set(allowed):
            raise Refused("invalid_scope")
        if grant in self.orders.get("refuses", ()):
            raise Refused("unauthorized_client")
        if grant == EXCHANGE:
            subject = self.of_subject(form.get("subject_token", ""))
            if form.get("requested_token_type") == TYPE + "id-jag":
                return self.id_jag(client, subject, form)
        elif grant == BEARER:
            subject = self.of_subject(form.get("assertion", ""))
        elif grant != "client_credentials":
            raise Refused("unsupported_grant_type")
        seconds = self.orders.get("seconds", 300)
        claims = {"iss": self.name, "sub": subject, "client_id": client, "aud": form.get("resource", "")}
        claims |= {"scope": scope, "jti": secrets.token_hex(8)}
        token = self.signed({**claims, "iat": int(time.time()), "exp": int(time.time()) + 3_600}, "at+jwt")
        answer: Tree = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        if grant == EXCHANGE:
            answer["issued_token_type"] = TYPE + "access_token"
        if self.orders.get("echo"):
            answer["access_token"] = form["subject_token"]
        return {**answer, **self.orders.get("answer", {})}

    def id_jag(self, client: str, subject: str, form: Tree) -> Tree:
        claims = {
            "iss": self.name,
            "sub": subject,
            "aud": self.orders.get("id_jag_audience", form["audience"]),
            "resource": form["resource"],
            "client_id": client,
            "jti": secrets.token_hex(8),
            "exp": int(time.time()) + 300,
            "iat": int(time.time()),
        }
        token = self.signed(claims, "oauth-id-jag+jwt")
        return {"access_token": token, "issued_token_type": TYPE + "id-jag", "token_type": "N_A", "expires_in": 300}

    def of_subject(self, token: str) -> str:
        """Tokens of callers are `caller:<name>:<random>`; an assertion of an identity provider is a JWT."""
        if token.startswith("caller:"):
            return token.split(":")[1]
        try:
            mine = jwt.decode(token, self.key, algorithms=["ES256"])
            return str(mine.claims["sub"])
        except (JoseError, ValueError):
            pass
        trusted = self.orders.get("trusts", {})
        try:
            found = jwt.decode(token, KeySet.import_key_set(trusted["keys"]), algorithms=["ES256"])
        except (KeyError, JoseError, ValueError):
            raise Refused("invalid_grant") from None
        good = found.header["typ"] == "oauth-id-jag+jwt" and found.claims["aud"] == self.name
        if not good or found.claims["iss"] != trusted["issuer"]:
            raise Refused("invalid_grant")
        return str(found.claims["sub"])

    def signed(self, claims: Tree, typ: str) -> str:
        return jwt.encode({"alg": "ES256", "kid": "one", "typ": typ}, claims, self.key, algorithms=["ES256"])

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            order = await request.json()
            if order == "open":
                self.open.set()
            else:
                self.reset(order)
        return JSONResponse({"seen": self.seen, "asked": self.asked, "keys": [self.key.as_dict(private=False)]})


class Refused(Exception):
    """An error of RFC 6749."""


def application(origin: str) -> Starlette:
    issuer = Issuer(origin)
    routes = [
        Route("/token", issuer.token, methods=["POST"]),
        Route("/jwks", issuer.jwks),
        Route("/control", issuer.control, methods=["GET", "POST"]),
        Route("/{rest:path}", issuer.metadata),
    ]
    return Starlette(routes=routes)


if __name__ == "__main__":
    serve(application)
