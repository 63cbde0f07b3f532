"""A gateway at which people log in, and other people's clients that want to: each in a process of its own.

Knows: the configuration, the documents of clients, and how a client says which address it wants opened. Refuses to
know: who sits at the browser.
"""

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from issuer_house import certificate
from issuer_kit import HASH
from outside import places
from outside.ports import free_port
from outside.process import answers, running, wait_until

SECONDS_MAX = 60.0
POLL_SECONDS = 0.02
CLIENTS = ("python-sdk-2", "typescript-sdk-2", "typescript-sdk-1")
CALLBACK = "http://127.0.0.1:9/callback"  # of the clients in the file and in documents; the port is theirs to choose
LONG_NAME = "Quarterlyreportingandforecasting" * 3
CONFIG = """
listen: http://127.0.0.1:{port}
admin: {{listen: "http://127.0.0.1:0"}}
title: Brightwater tools
state: state
authentication:
  type: oauth2
  required_scopes: ["mcp:tools"]
  server:
    users: users.yaml
    everyone: ["mcp:tools"]
    scopes: {{"mcp:tools": use its tools, "crm:write": write notes about customers}}
    clients:
      - {{client_id: desk, name: Help desk, redirect_uris: ["{callback}"]}}
      - {{client_id: long, name: {long_name}, redirect_uris: ["{callback}"]}}
servers:
  - {{name: crm, command: ["{python}", -m, narthex.libraries.demo.crm], scopes: {{"create_*": ["crm:write"]}}}}
"""


@dataclass(frozen=True, slots=True)
class House:
    """Where the gateway is, and the URL of a client's document that it can reach."""

    url: str
    document: str

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"


@contextmanager
def served(folder: Path) -> Iterator[House]:
    """The gateway, with two people: ana, and bo, who may write."""
    port = free_port()
    pem = certificate(folder)
    (folder / "users.yaml").write_text(
        f"- {{name: ana, password: '{HASH}'}}\n- {{name: bo, password: '{HASH}', scopes: [crm:write]}}\n"
    )
    file, log = folder / "narthex.yaml", folder / "log"
    file.write_text(CONFIG.format(port=port, python=sys.executable, callback=CALLBACK, long_name=LONG_NAME))
    command = [sys.executable, "-m", "narthex", "serve", str(file)]
    with (
        documents(pem) as document,
        running(command, log, env={"SSL_CERT_FILE": str(pem)}, cwd=folder) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        wait_until("the gateway", lambda: answers(f"{url}/readyz"), process, log)
        yield House(url, document)


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
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,))
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Client:
    """A client that logs in: it says which address to open, as often as it has to, and in the end what it saw."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process, self._errors = process, errors

    def opens(self) -> str:
        """The address that it wants opened."""
        return str(self._line()["open"])

    def saw(self) -> dict[str, Any]:
        found = self._line()
        assert "open" not in found, "it has not logged in"
        return found

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            raise AssertionError(f"the client ended:\n{self._errors.read_text()[-4000:]}")
        found: dict[str, Any] = json.loads(text)
        return found


@contextmanager
def client(name: str, folder: Path, url: str, document: str = "-", *wishes: str) -> Iterator[Client]:
    """One of CLIENTS at work."""
    errors = folder / f"{name}.log"
    environ = {**os.environ, "HOME": str(folder)}
    command, home = _command(name, folder, url, document, *wishes)
    with (
        errors.open("w") as log,
        subprocess.Popen(command, cwd=home, env=environ, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        # Reading from it has no time limit of its own.
        alarm = threading.Timer(SECONDS_MAX, process.kill)
        alarm.start()
        try:
            yield Client(process, errors)
        finally:
            alarm.cancel()
            alarm.join()
            process.kill()


def _command(name: str, folder: Path, *words: str) -> tuple[list[str], Path]:
    """How it is started, and in which folder."""
    scripts = places.CONFORMANCE / "clients"
    if name == "python-sdk-2":
        return [str(places.interpreter("clients/modern")), str(scripts / "sdk_login.py"), *words], folder
    # Given as text, a module is resolved from the working directory: the folder of the npm packages.
    text = (scripts / "login.mjs").read_text()
    node = [str(places.node()), "--input-type=module", "--eval", text, name.removeprefix("typescript-sdk-")]
    return [*node, *words], places.packages("clients")
