"""A company's identity provider before the suite's: it says of one opaque token that it is good, and trades it there.

The suite's provider gives out an ID token and publishes no key to check it with, so nobody could come to a gateway with
it. Whoever calls comes with a token of this one; what the gateway asks of its provider goes on as it is, but for that
token, which becomes the suite's.
"""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode

SECONDS_MAX = 20.0
TOKEN = "the-token-of-somebody"
AUDIENCE = "the-gateway"


@dataclass(frozen=True, slots=True)
class StandIn:
    """Where it is, and as whom the gateway is known there."""

    issuer: str
    client_id: str

    def authentication(self) -> dict[str, Any]:
        """How an operator lets its users in."""
        asked = {**self._gateway(), "endpoint": f"{self.issuer}/introspect"}
        return {
            "type": "oauth2",
            "issuers": [{"issuer": self.issuer, "audience": [AUDIENCE], "introspection": asked}],
        }

    def vouching(self) -> dict[str, str]:
        """How an operator names it as the one who vouches for callers."""
        return {**self._gateway(), "issuer": self.issuer, "token_endpoint": f"{self.issuer}/token", "method": "post"}

    def _gateway(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": "not-asked-for"}


@contextmanager
def standing_in(behind: str, token: str, client_id: str) -> Iterator[StandIn]:
    """It runs inside this block. `behind`: the token endpoint of the suite's; `token`: what that one believes."""

    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS_MAX

        def do_POST(self) -> None:
            said = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            form = {name: values[0] for name, values in said.items()}
            if self.path == "/introspect":
                good = form.get("token") == TOKEN
                self.answer(200, {"active": good, "iss": issuer, "sub": "somebody", "aud": AUDIENCE})
            elif form.get("subject_token") == TOKEN:
                self.answer(*passed_on({**form, "subject_token": token}, behind))
            else:
                self.answer(400, {"error": "invalid_request"})

        def answer(self, status: int, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        loop = threading.Thread(target=server.serve_forever, args=(0.05,))
        loop.start()
        try:
            yield StandIn(issuer, client_id)
        finally:
            server.shutdown()
            loop.join()


def passed_on(form: dict[str, str], url: str) -> tuple[int, dict[str, Any]]:
    try:
        response = urllib.request.urlopen(url, urlencode(form).encode(), timeout=SECONDS_MAX)
    except HTTPError as error:
        response = error
    with response:
        return response.status, json.loads(response.read())
