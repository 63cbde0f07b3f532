"""An issuer of tokens in the bench's own process: ten thousand callers, each with an ES256 token signed beforehand.

Knows: how an issuer shows its key, and what a company's access token looks like. Refuses to know: what is measured
with the tokens.
"""

import json
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM, KEY_ID = "ES256", "bench-1"
TOKEN_SECONDS = 3_600  # longer than any run
AUDIENCE = "api://bench"
SCOPE = "mcp:tools"


class Issuer(AbstractContextManager["Issuer"]):
    """Its metadata and its one key are served as long as it is open; tokens can be had at once."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", {"kid": KEY_ID})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        keys = {"keys": [{**self._key.as_dict(private=False), "alg": ALGORITHM, "use": "sig"}]}
        metadata = {"issuer": self.address, "jwks_uri": f"{self.address}/keys"}
        _Handler.pages = {"/keys": keys, "/.well-known/openid-configuration": metadata}
        self._thread = Thread(target=self._server.serve_forever, name="issuer", daemon=True)
        self._thread.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def entry(self) -> dict[str, object]:
        """Of `issuers` in the gateway's configuration."""
        return {"issuer": self.address, "audience": [AUDIENCE]}

    def tokens(self, number: int, batch: str = "user") -> list[str]:
        """One for each of so many callers, no two the same person."""
        now = int(time.time())
        return [self._token(f"{batch}-{one:06}", now) for one in range(number)]

    def _token(self, subject: str, now: int) -> str:
        claims = {
            "iss": self.address,
            "sub": subject,
            "aud": AUDIENCE,
            "client_id": "bench",
            "scope": SCOPE,
            "email": f"{subject}@example.com",
            "groups": ["sales", "support"],
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": f"{now}-{subject}",
        }
        header = {"alg": ALGORITHM, "kid": KEY_ID, "typ": "at+jwt"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


class _Handler(BaseHTTPRequestHandler):
    pages: dict[str, object]

    def do_GET(self) -> None:
        page = self.pages.get(self.path)
        body = json.dumps(page or {}).encode()
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        """The bench prints figures, not requests."""
