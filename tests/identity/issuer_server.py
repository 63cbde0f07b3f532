"""An issuer as a process of its own: what it publishes, and how badly it behaves, a test tells it over HTTP.

Each test has a realm, `/NAME`, which is an issuer with a path. `PUT /NAME` sets the realm, `GET /NAME` tells how often
each of its documents was asked for. It listens on the loopback and prints its port.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

JSON = "application/json"
# What a test calls a document -> where it stands.
DOCUMENTS = {
    "/.well-known/oauth-authorization-server/": "oauth",
    "/.well-known/openid-configuration/": "openid",
}
SLOW_SECONDS = 0.05
# Behaviour -> status, content type, body.
WRONG = {
    "html": (200, "text/html", b"<html><body>Sign in</body></html>"),
    "error": (500, JSON, b'{"error": "server_error"}'),
    "redirect": (302, JSON, b""),
    "big": (200, JSON, b'{"keys": ["' + b"x" * 10_000_000 + b'"]}'),
    "many": (200, JSON, json.dumps({"keys": [{"kty": "RSA"}] * 10_000}).encode()),
    "deep": (200, JSON, b'{"keys": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "twice": (200, JSON, b'{"keys": [], "keys": []}'),
    "list": (200, JSON, b"[1, 2]"),
    "none": (200, JSON, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'),
    "words": (200, JSON, b"not found"),
}


class Realms:
    """What every thread shares."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.realms: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, dict[str, int]] = {}
        self.stopping = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shared: Realms

    def do_GET(self) -> None:
        realm, name = self._place()
        if name == "":
            self._say(json.dumps(self.shared.asked.get(realm, {})).encode())
        else:
            self._document(realm, name, None)

    def do_POST(self) -> None:
        realm, name = self._place()
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._document(realm, name, body)

    def do_PUT(self) -> None:
        realm, _ = self._place()
        told = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.shared.lock:
            self.shared.realms.setdefault(realm, {}).update(told)
        self._say(b"{}")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def _place(self) -> tuple[str, str]:
        for prefix, name in DOCUMENTS.items():
            if self.path.startswith(prefix):
                return self.path[len(prefix) :], name
        if self.path.endswith("/.well-known/openid-configuration"):
            return self.path.split("/")[1], "appended"
        _, realm, *rest = self.path.split("/")
        return realm, rest[0] if rest else ""

    def _document(self, realm: str, name: str, body: bytes | None) -> None:
        with self.shared.lock:
            told = self.shared.realms.get(realm, {})
            asked = self.shared.asked.setdefault(realm, {})
            asked[name] = asked.get(name, 0) + 1
            behaviour = told.get("behaviour", {}).get(name, "good")
        if behaviour != "good":
            self._misbehave(behaviour)
        elif name == "introspect" and body is not None:
            self._introspect(told, body)
        elif name in told:
            self._say(json.dumps(told[name]).encode())
        else:
            self._say(b"{}", status=404)

    def _introspect(self, told: dict[str, Any], body: bytes) -> None:
        fields = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        said = self.headers.get("authorization") or f"{fields.get('client_id')}:{fields.get('client_secret')}"
        if said != told["client"]:
            self._say(b'{"error": "invalid_client"}', status=401)
        else:
            self._say(json.dumps(told["tokens"].get(fields["token"], {"active": False})).encode())

    def _misbehave(self, behaviour: str) -> None:
        if behaviour in WRONG:
            status, kind, body = WRONG[behaviour]
            self._say(body, status=status, kind=kind, location="http://127.0.0.1:1/x" if status == 302 else "")
        elif behaviour == "hang":
            self.shared.stopping.wait(60)
        elif behaviour == "slow":
            self._drip()
        else:
            self.close_connection = True  # "gone": no answer at all

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("content-type", JSON)
        self.send_header("content-length", "100000")
        self.end_headers()
        try:
            while not self.shared.stopping.is_set():
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(SLOW_SECONDS)
        except OSError:
            self.close_connection = True

    def _say(self, body: bytes, *, status: int = 200, kind: str = JSON, location: str = "") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if location:
            self.send_header("location", location)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # who asked has heard enough


def main() -> None:
    shared = Realms()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"shared": shared}))
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # until whoever started us lets go
    shared.stopping.set()


if __name__ == "__main__":
    main()
