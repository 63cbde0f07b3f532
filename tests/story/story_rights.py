"""A house with rules: who its callers are, what each may see, and the gateway that keeps the rules.

Knows: the configuration, the keys, and an issuer that signs what a test wants. Refuses to know: what a story asserts.
"""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from joserfc import jwt
from joserfc.jwk import ECKey
from story_clients import Client, LegacyHttp, ModernHttp, OldSse
from story_hall import FarSide, Hall, environment, until
from story_http import SECONDS_MAX

Tree = dict[str, Any]
FRONTS = ("modern", "2025-03-26", "2025-06-18", "2025-11-25", "sse")
CALLERS = {
    "ana": "mcp:tools,jira:read,jira:write,db:read",
    "bo": "mcp:tools,jira:read",
    "cy": "mcp:tools",
    "dee": "mcp:tools,db:read,jira:write",
}
EIGHT = [f"jira__{name}" for name in ("echo", "oddities", "structured", "big", "error")]
EIGHT += [f"db__{name}" for name in ("echo", "oddities", "structured")]
TOOLS = {"ana": EIGHT, "bo": EIGHT[:3], "cy": [], "dee": EIGHT[5:]}
SERVERS = {"ana": ("jira", "db"), "bo": ("jira",), "cy": (), "dee": ("db",)}


def config(far: FarSide, home: Path, **of_jira: Any) -> Tree:
    jira: Tree = {
        "name": "jira",
        "upstream": far.place("november"),
        "tools": ["echo", "oddities", "structured", "big", "error"],
        "required_scopes": ["jira:read"],
        "scopes": {"big": ["jira:write"], "error": ["jira:write"]},
        **of_jira,
    }
    tools = ["echo", "oddities", "structured"]
    db: Tree = {"name": "db", "upstream": far.place("modern"), "tools": tools, "required_scopes": ["db:read"]}
    return {
        "state": str(home / "state"),
        "authentication": {"type": "keys", "required_scopes": ["mcp:tools"]},
        "servers": [jira, {**db, "concealed": True}],
        "endpoints": {"grown": {"servers": ["jira"], "scopes": {"*": []}}},
    }


class House:
    """The gateway, and a key for each caller."""

    def __init__(self, far: FarSide, home: Path, issuer: "Issuer | None" = None) -> None:
        self.far, self.home, self.issuer = far, home, issuer
        self.keys = {name: make_key(home, name, scopes) for name, scopes in CALLERS.items()}
        self.hall = Hall(home, self.config())

    def config(self, **of_jira: Any) -> Tree:
        found = config(self.far, self.home, **of_jira)
        if self.issuer is not None:
            found["authentication"] |= {"type": "oauth2", "issuers": [self.issuer.entry]}
        return found

    def client(self, front: str, who: str, endpoint: str = "") -> Client:
        return self.bearer(front, self.keys[who], endpoint)

    def bearer(self, front: str, credential: str, endpoint: str = "") -> Client:
        """A client with this credential, which may be changed while it is open (`url`)."""
        place = self.hall.old(endpoint) if front == "sse" else self.hall.endpoint(endpoint)
        url = place.replace("http://", f"http://{credential}@")
        if front == "modern":
            return ModernHttp(url)
        return OldSse(url) if front == "sse" else LegacyHttp(url, front)

    async def change(self, **of_jira: Any) -> None:
        """Another configuration, once it is in force."""
        before = self.reloads()
        self.hall.write(self.config(**of_jira))
        await asyncio.to_thread(until, lambda: self.reloads() > before)

    def reloads(self) -> float:
        """Configurations that came into force since the start. (Snapshots also change when a server is heard of.)"""
        with urlopen(self.hall.admin + "/metrics", timeout=SECONDS_MAX) as answer:
            told = answer.read().decode()
        return sum(
            float(one) for one in re.findall(r'^narthex_config_reloads_total{result="ok"} (\S+)$', told, re.MULTILINE)
        )

    def serial(self) -> int:
        return int(self.ask("/api/snapshot")["serial"])

    def ask(self, path: str, question: Tree | None = None) -> Tree:
        body = None if question is None else json.dumps(question).encode()
        request = Request(self.hall.admin + path, body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=SECONDS_MAX) as answer:
            found: Tree = json.load(answer)
        return found


def narthex(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "narthex", *words]
    return subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=30, check=False)


def make_key(home: Path, name: str, scopes: str) -> str:
    done = narthex(home, "keys", "create", "--state", str(home / "state"), "--name", name, "--scopes", scopes)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Issuer:
    """An authorization server that publishes one key, and signs whatever it is told to."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256", "use": "sig"})
        keys = json.dumps({"keys": [self._key.as_dict(private=False)]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_said: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def entry(self) -> Tree:
        """Its entry in `authentication.issuers`."""
        return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", "audience": ["story"], "allow_private": True}

    def token(self, subject: str, scope: str) -> str:
        claims = {"iss": self.url, "aud": "story", "sub": subject, "scope": scope, "exp": int(time.time()) + 600}
        return str(jwt.encode({"alg": "ES256", "kid": "k1"}, claims, self._key))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(SECONDS_MAX)
        self._server.server_close()
