"""The command that the client suite starts for the scenarios of authorization: `drive_auth.py FOLDER URL`.

URL is the suite's guarded mock server; the suite says in the environment as whom it is to be reached. The gateway is
the OAuth client. A person with a browser connects the server on the connect page, then the official client lists and
calls through the gateway. Ends with 0 if that went well; why not is left in the folder, since the suite does not say.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from outside import places
from outside.ask import names_of_tools
from outside.browser import Browser
from outside.gateway import Gateway, serving
from outside.stand_in import TOKEN, StandIn, standing_in

DOCUMENT = "https://conformance-test.local/client-metadata.json"  # by which the suite knows its client
CLIENT = places.CONFORMANCE / "clients" / "sdk_connecting.py"
CONNECTED_MAX = 3  # a person follows a server to another issuer so often
LISTED_SECONDS_MAX = 15.0
CLIENT_SECONDS_MAX = 25.0
POLL_SECONDS = 0.05


class Refused(Exception):
    """The server could not be used; the message says who said no."""


def main(place: str, url: str) -> int:
    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    try:
        drive(url, context, folder)
    except Refused as refused:
        said, status = str(refused), 1
    else:
        said, status = "", 0
    (folder / "client-said").write_text(said)
    (folder / "client-status").write_text(str(status))
    return status


def drive(url: str, context: dict[str, Any], folder: Path) -> None:
    """Raises Refused."""
    with company(context) as provider:
        shown = credentials(context, provider, folder)
        server, more = {"name": "mock", "upstream": url, "credentials": shown}, {}
        if provider is not None:
            more = {"authentication": provider.authentication()}
        token = TOKEN if provider is not None else ""
        with serving([server], folder, settle=False, hurry=True, more=more) as gateway:
            if shown["type"] == "authorization_code":
                connect(gateway)
            else:
                wait_for_tools(gateway, token)
            use(gateway, token, folder)


def company(context: dict[str, Any]) -> Any:
    """Where people are logged in, in the one scenario in which that matters."""
    if "idp_token_endpoint" not in context:
        return nullcontext()
    return standing_in(context["idp_token_endpoint"], context["idp_id_token"], context["idp_client_id"])


def credentials(context: dict[str, Any], provider: StandIn | None, folder: Path) -> dict[str, Any]:
    """The configuration an operator would write for what the suite gives."""
    known = {name: context[name] for name in ("issuer", "client_id", "client_secret") if name in context}
    if provider is not None:
        return {"type": "id_jag", **known, "catalogue": "caller", "idp": provider.vouching()}
    if "private_key_pem" in context:
        key = folder / "key.pem"
        key.write_text(context["private_key_pem"])
        key.chmod(0o600)
        return {"type": "client_credentials", **known, "private_key_file": str(key), "method": "private_key_jwt"}
    if "client_secret" in context and "issuer" not in context:
        return {"type": "client_credentials", **known, "method": "basic"}
    return {"type": "authorization_code", **(known or {"client_document": DOCUMENT})}


def connect(gateway: Gateway) -> None:
    """A person connects the server, and again while its page says that it is not connected any more. Raises Refused."""
    person, page = Browser(), f"{gateway.url}/connect/mock"
    for _ in range(CONNECTED_MAX):
        last = person.connect(page)
        if not last.has("done"):
            raise Refused(f"the connect page says no (HTTP {last.status}):\n{last.text}")
        deadline = time.monotonic() + LISTED_SECONDS_MAX
        while person.open(page).has("disconnect"):
            if names_of_tools(gateway.mcp):
                return
            if state(gateway) == "down" or time.monotonic() > deadline:
                raise Refused("connected, and no tools are listed")
            time.sleep(POLL_SECONDS)
    raise Refused(f"connected {CONNECTED_MAX} times, and still not so")


def wait_for_tools(gateway: Gateway, token: str) -> None:
    """Raises Refused."""
    deadline = time.monotonic() + LISTED_SECONDS_MAX
    while not names_of_tools(gateway.mcp, token):
        if time.monotonic() > deadline:
            raise Refused("no tools are listed")
        time.sleep(POLL_SECONDS)


def state(gateway: Gateway) -> str:
    """How the server is, as its operator sees it."""
    with urllib.request.urlopen(f"{gateway.admin}/api/servers", timeout=5) as response:
        (server,) = json.load(response)["servers"]
    return str(server["state"])


def use(gateway: Gateway, token: str, folder: Path) -> None:
    """The official client lists and calls, and the person beside it opens what it is asked to. Raises Refused."""
    mode = "auto" if os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"] == "2026-07-28" else "legacy"
    command = [str(places.interpreter("suite/modern")), str(CLIENT), gateway.mcp, mode, *([token] if token else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise Refused(f"the client had not ended after {CLIENT_SECONDS_MAX:g} s") from None
    (folder / "client.log").write_text(done.stdout + done.stderr)
    if done.returncode or not json.loads(done.stdout.splitlines()[-1])["good"]:
        raise Refused(f"the client ended with status {done.returncode}:\n{done.stdout}{done.stderr[-2000:]}")


sys.exit(main(*sys.argv[1:]))
