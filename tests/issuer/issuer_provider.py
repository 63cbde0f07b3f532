"""An OpenID provider on the loopback that signs everybody in at once, and lies as it is told."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey

from narthex.edge.http1_exchange import Exchange
from narthex.edge.listener import Listener
from narthex.limits import DEFAULTS

CLIENT, SECRET = "narthex", "s3cret & more"


class FakeProvider:
    """`lies` changes the claims of the next ID token; `answer` what is added to the way back."""

    def __init__(self) -> None:
        self.url = ""
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.claims: dict[str, Any] = {"sub": "u-17", "preferred_username": "ana@corp", "groups": ["boss", "staff"]}
        self.lies: dict[str, Any] = {}
        self.answer: dict[str, str] = {}
        self.sign_with: RSAKey | None = None
        self.metadata: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self.redeemed: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._listener: Listener | None = None

    async def __aenter__(self) -> Self:
        self._listener = Listener(
            self._serve, lambda: DEFAULTS, hosts=None, refuse=lambda *_: b"", on_fault=lambda _: None
        )
        self.url = f"http://127.0.0.1:{await self._listener.start('127.0.0.1', 0)}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        await self._listener.abort()

    async def _serve(self, exchange: Exchange) -> None:
        served: dict[str, Callable[[Exchange], None]] = {
            "/.well-known/openid-configuration": self._describe,
            "/authorize": self._authorize,
            "/token": self._token,
            "/keys": lambda exchange: exchange.respond(
                200, json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()
            ),
        }
        served.get(exchange.path, lambda exchange: exchange.respond(404, b"{}"))(exchange)

    def _describe(self, exchange: Exchange) -> None:
        found = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }
        exchange.respond(200, json.dumps(found).encode())

    def _authorize(self, exchange: Exchange) -> None:
        said = {name: values[0] for name, values in parse_qs(exchange.query).items()}
        self.asked.append(said)
        code = secrets.token_urlsafe(8)
        self._codes[code] = said
        answer = {"code": code, "state": said["state"], "iss": self.url, **self.answer}
        location = f"{said['redirect_uri']}?{urlencode({name: value for name, value in answer.items() if value})}"
        exchange.respond(302, headers=((b"Location", location.encode()),))

    def _token(self, exchange: Exchange) -> None:
        form = {name: values[0] for name, values in parse_qs(exchange.body.decode()).items()}
        self.redeemed.append(form)
        said = self._codes.pop(form["code"])
        if not self._proven(exchange, form) or not fits(form["code_verifier"], said["code_challenge"]):
            exchange.respond(401, b'{"error": "invalid_client"}')
            return
        now = int(time.time())
        usual = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": said["nonce"], **self.claims}
        claims = {name: value for name, value in {**usual, **self.lies}.items() if value is not None}
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.sign_with or self.key)
        exchange.respond(200, json.dumps({"id_token": token, "access_token": "x", "token_type": "Bearer"}).encode())

    def _proven(self, exchange: Exchange, form: dict[str, str]) -> bool:
        header = exchange.headers.get(b"authorization")
        if header is None:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        name, _, secret = base64.b64decode(header.removeprefix(b"Basic ")).decode().partition(":")
        return (unquote(name), unquote(secret)) == (CLIENT, SECRET)


def fits(verifier: str, challenge: str) -> bool:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode() == challenge
