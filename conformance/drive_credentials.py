"""The command that the client suite starts for the scenarios of machine clients: `drive_credentials.py FOLDER URL`.

URL is the suite's guarded mock server; the suite says in the environment as whom it is to be reached. The gateway is
the OAuth client: who asks before it shows nothing.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from outside.ask import names_of_tools
from outside.gateway import serving


def main(place: str, url: str) -> int:
    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    context = json.loads(os.environ["MCP_CONFORMANCE_CONTEXT"])
    server = {"name": "mock", "upstream": url, "credentials": credentials(context, folder)}
    with serving([server], folder) as gateway:
        listed = bool(names_of_tools(gateway.mcp))
    (folder / "client-status").write_text("0" if listed else "1")
    return 0 if listed else 1


def credentials(context: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration an operator would write for what the suite gives."""
    told = {"type": "client_credentials", "client_id": context["client_id"]}
    if "client_secret" in context:
        return {**told, "client_secret": context["client_secret"], "method": "basic"}
    key = folder / "key.pem"
    key.write_text(context["private_key_pem"])
    key.chmod(0o600)
    return {**told, "private_key_file": str(key), "method": "private_key_jwt"}


sys.exit(main(*sys.argv[1:]))
