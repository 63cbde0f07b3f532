"""The official Python SDK's OAuth client logs in at a real gateway, registered or by its document, and calls a tool."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from outside import places

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issuer"))

from issuer_house import certificate
from issuer_kit import CALLBACK, HASH, PASSWORD

pytestmark = pytest.mark.clients

SECONDS_MAX = 60.0
CONFIG = """
listen: http://127.0.0.1:{port}
admin: {{listen: "http://127.0.0.1:0"}}
state: state
authentication:
  type: oauth2
  required_scopes: ["mcp:tools"]
  server: {{users: users.yaml, everyone: ["mcp:tools"], scopes: {{"mcp:tools": use its tools}}}}
servers:
  - {{name: crm, command: ["{python}", -m, narthex.libraries.demo.crm]}}
"""


@contextmanager
def documents(pem: Path) -> Iterator[str]:
    """The URL of a client's document, on the loopback over https."""
    tree = {"client_name": "SDK", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"client_id": url, **tree}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://localhost:{server.server_port}/app.json"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def house(clients_part: None, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The gateway's endpoint, and the URL of a client's document that it can reach."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    pem = certificate(tmp_path)
    (tmp_path / "users.yaml").write_text(f"- {{name: bo, password: '{HASH}'}}\n")
    file = tmp_path / "narthex.yaml"
    file.write_text(CONFIG.format(port=port, python=sys.executable))
    command = [sys.executable, "-m", "narthex", "serve", str(file)]
    environ = {**os.environ, "SSL_CERT_FILE": str(pem)}
    with (
        documents(pem) as document,
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environ, cwd=tmp_path) as process,
    ):
        try:
            wait_ready(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}/mcp", document
        finally:
            process.terminate()
            process.wait(SECONDS_MAX)


def wait_ready(url: str) -> None:
    ends = time.monotonic() + SECONDS_MAX
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the gateway did not start")


def log_in(url: str, *document: str) -> dict[str, object]:
    script = places.CONFORMANCE / "clients" / "sdk_login.py"
    python = str(places.interpreter("clients/modern"))
    done = subprocess.run(
        [python, str(script), url, "bo", PASSWORD, *document], capture_output=True, text=True, timeout=SECONDS_MAX
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_a_client_that_registers_itself_logs_in_and_renews_its_token(house: tuple[str, str]) -> None:
    seen = log_in(house[0])

    assert "search_contacts" in seen["tools"]
    assert seen["pages"] == ["login", "consent"]
    assert str(seen["client"]).startswith("dyn-")
    assert seen["scope"] == "mcp:tools"
    assert seen["renewed"] is True


def test_a_client_with_a_document_logs_in_and_renews_its_token(house: tuple[str, str]) -> None:
    seen = log_in(*house)

    assert "search_contacts" in seen["tools"]
    assert seen["client"] == house[1]
    assert seen["renewed"] is True
