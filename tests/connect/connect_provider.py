"""A company's OpenID provider in a process of its own: people log in there, and apps get tokens for the gateway.

Knows: discovery, the code flow with PKCE, ID tokens, and access tokens for whoever asks /mint. Refuses to know: the
tests; they steer it by /control (`lies`: other claims in the next ID tokens).

Nobody is asked anything: who somebody is, the header X-Account of their browser says.
"""

import base64
import hashlib
import secrets
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

sys.path.append(str(Path(__file__).parent.parent / "upstream"))

from credentials_process import serve
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

Tree = dict[str, Any]
CLIENT, SECRET = "gateway", "s3cret"


class Provider:
    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.key = ECKey.generate_key("P-256", parameters={"kid": "one"})
        self.codes: dict[str, Tree] = {}
        self.lies: Tree = {}
        self.seen: list[Tree] = []

    async def metadata(self, _: Request) -> Response:
        said = {"issuer": self.origin, "authorization_endpoint": f"{self.origin}/authorize"}
        said |= {"token_endpoint": f"{self.origin}/token", "jwks_uri": f"{self.origin}/jwks"}
        return JSONResponse({**said, "authorization_response_iss_parameter_supported": True})

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        said = dict(parse_qsl(request.url.query))
        self.seen.append({"path": "/authorize", "said": said})
        code = secrets.token_urlsafe(8)
        self.codes[code] = {**said, "sub": request.headers.get("x-account", "nobody")}
        answer = {"code": code, "state": said["state"], "iss": self.lies.get("answer_iss", self.origin)}
        return RedirectResponse(f"{said['redirect_uri']}?{urlencode(answer)}", 302)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        name, _, secret = base64.b64decode(request.headers.get("authorization", "")[6:]).decode().partition(":")
        known = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (unquote(name), unquote(secret)) != (CLIENT, SECRET) or known is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if known["code_challenge"] != challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = {"aud": CLIENT, "nonce": known["nonce"], "preferred_username": f"{known['sub']}@corp"}
        token = self.signed(known["sub"], {**claims, **self.lies}, "JWT")
        return JSONResponse({"id_token": token, "access_token": "x", "token_type": "Bearer"})

    async def mint(self, request: Request) -> Response:
        """A token of an app that acts for somebody."""
        return Response(self.signed(request.query_params["sub"], {"aud": "front"}, "at+jwt"))

    def signed(self, subject: str, claims: Tree, typ: str) -> str:
        now = int(time.time())
        said = {"iss": self.origin, "sub": f"id-{subject}", "iat": now, "exp": now + 600, **claims}
        return jwt.encode({"alg": "ES256", "kid": "one", "typ": typ}, said, self.key, algorithms=["ES256"])

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            self.lies, self.seen = await request.json(), []
        return JSONResponse({"seen": self.seen})


def application(origin: str) -> Starlette:
    provider = Provider(origin)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.metadata),
            Route("/jwks", provider.jwks),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
            Route("/mint", provider.mint),
            Route("/control", provider.control, methods=["GET", "POST"]),
        ]
    )


if __name__ == "__main__":
    serve(application)
