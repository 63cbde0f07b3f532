"""Callers that must show who they are: an API key, a token (ES256), and ten thousand tokens of as many people.

Knows: how a gateway is told to ask, and how the credentials are had. Refuses to know: what is measured with them.
"""

import subprocess
from pathlib import Path
from typing import Any

from answers import MODERN
from ask import Client
from gateway import BARE, NARTHEX, Gateway, servers_of_the_cells
from issuer import SCOPE, Issuer

NAME = "bench"
PRINCIPALS = 10_000


def guarded(folder: Path, far: int, issuer: Issuer, name: str = "guarded") -> Gateway:
    """A gateway in front of the modern server that asks who calls."""
    asks: dict[str, Any] = {"type": "oauth2", "required_scopes": [SCOPE], "issuers": [issuer.entry]}
    return Gateway(folder, name, servers_of_the_cells(far)[:1], authentication=asks, **BARE)


def with_key(gateway: Gateway) -> Client:
    command = [NARTHEX, "keys", "create", gateway.file, "--name", NAME, "--scopes", SCOPE]
    made = subprocess.run(command, capture_output=True, check=True, text=True)
    return Client(gateway.url, MODERN, bearer=made.stdout.strip())


def with_token(gateway: Gateway, token: str) -> Client:
    return Client(gateway.url, MODERN, bearer=token)


def written(folder: Path, tokens: list[str]) -> Path:
    """A file of tokens, as the load generator takes it."""
    file = folder / "tokens.txt"
    file.write_text("\n".join(tokens) + "\n")
    file.chmod(0o600)
    return file


def is_let_in(client: Client) -> bool:
    """Whether it sees the tool: a running gateway knows of a new key within a second."""
    try:
        return client.tools() == ["echo"]
    except RuntimeError:
        return False
