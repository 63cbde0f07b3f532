"""The certified OpenID provider: a process that gives out tokens, asked for them as any client would.

Knows how it is started, asked, and told to change its keys; what its tokens are worth is for others to say.
"""

import json
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from outside import places
from outside.process import NotReady, kill_group

SCRIPT = places.CONFORMANCE / "fixtures" / "provider.mjs"
MACHINE, GATEWAY = ("machine", "machine-secret"), ("gateway", "gateway-secret")
SECONDS_MAX = 20.0


class Provider:
    """A running provider. `issuer` is what its tokens call it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.issuer = self._line()

    def token(self, resource: str, scope: str = "mcp:tools", proof: str = "") -> str:
        """An access token of the machine client, for this resource."""
        form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
        return str(self._post("/token", form, MACHINE, {"dpop": proof} if proof else {})["access_token"])

    def take_back(self, token: str) -> None:
        self._post("/token/revocation", {"token": token}, MACHINE, {})

    def add_key(self) -> str:
        """From now on a new key signs; the older ones stay published. Its id."""
        return self._tell("add")

    def drop_keys(self) -> str:
        """From now on only the newest key is published. Its id."""
        return self._tell("drop")

    def _tell(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise NotReady("the provider ended; its words are in its log")
        return line

    def _post(self, path: str, form: dict[str, str], who: tuple[str, str], headers: dict[str, str]) -> dict[str, Any]:
        said = {"authorization": f"Basic {b64encode(':'.join(who).encode()).decode()}", **headers}
        request = urllib.request.Request(self.issuer + path, urlencode(form).encode(), said)
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as response:
            text = response.read()
        return json.loads(text) if text else {}


@contextmanager
def providing(log: Path) -> Iterator[Provider]:
    """A provider that runs inside this block."""
    # Given as text, a module is resolved from the working directory: the folder of the npm packages.
    command = [str(places.node()), "--input-type=module", "--eval", SCRIPT.read_text("utf-8")]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=places.packages("provider"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        yield Provider(process)
    finally:
        kill_group(process.pid)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
