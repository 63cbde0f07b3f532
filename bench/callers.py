"""Callers that must show who they are: an API key, and a token of the authorization server inside (ES256).

Knows: how a gateway is told to ask, and how the two credentials are had. Refuses to know: what is measured with them.
"""

import json
import secrets
import subprocess
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from answers import MODERN
from ask import ASK_SECONDS_MAX, Client
from gateway import NARTHEX, Gateway, servers_of_the_cells

SCOPE = "mcp:tools"
NAME = "bench"


def guarded(folder: Path, far: int) -> tuple[Gateway, str]:
    """A gateway in front of the modern server that asks who calls; and the secret of its one client."""
    secret = secrets.token_hex(16)
    client = {"client_id": NAME, "client_secret": secret, "scopes": [SCOPE]}
    asks = {"type": "oauth2", "required_scopes": [SCOPE], "server": {"clients": [client]}}
    return Gateway(folder, "guarded", servers_of_the_cells(far)[:1], authentication=asks), secret


def with_key(gateway: Gateway) -> Client:
    command = [NARTHEX, "keys", "create", gateway.file, "--name", NAME, "--scopes", SCOPE]
    made = subprocess.run(command, capture_output=True, check=True, text=True)
    return Client(gateway.url, MODERN, bearer=made.stdout.strip())


def with_token(gateway: Gateway, secret: str) -> Client:
    form = {"grant_type": "client_credentials", "client_id": NAME, "client_secret": secret, "resource": gateway.url}
    request = Request(f"{gateway.address}/oauth/token", urlencode(form).encode())
    with urlopen(request, timeout=ASK_SECONDS_MAX) as answer:
        return Client(gateway.url, MODERN, bearer=json.load(answer)["access_token"])


def is_let_in(client: Client) -> bool:
    """Whether it sees the tool: a running gateway knows of a new key within a second."""
    try:
        return client.tools() == ["echo"]
    except RuntimeError:
        return False
