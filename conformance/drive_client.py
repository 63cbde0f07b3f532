"""The command that the client suite starts: `drive_client.py direct|gateway FOLDER CLIENT... URL`.

URL is the suite's mock server. The official client is run against it, or against a gateway before it; how it ended is
left in the folder, since the suite forgives a client that fails after the checks were made.
"""

import os
import subprocess
import sys
from pathlib import Path

from outside.gateway import serving
from outside.listing import listing

CLIENT_SECONDS_MAX = 25.0


def main(way: str, place: str, *words: str) -> int:
    *client, url = words
    folder = Path(place)
    with listing(url, os.environ["MCP_CONFORMANCE_SCENARIO"]) as mock:
        if way == "direct":
            status = run(client, mock)
        else:
            # Nothing waits for a list of tools: some mocks have none, and what is asked is part of the judgement.
            with serving([{"name": "mock", "upstream": mock}], folder, settle=False, hurry=True) as gateway:
                status = run(client, gateway.mcp)
    (folder / "client-status").write_text(str(status))
    return status


def run(client: list[str], url: str) -> int:
    try:
        return subprocess.run([*client, url], timeout=CLIENT_SECONDS_MAX, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"the client had not ended after {CLIENT_SECONDS_MAX:g} s", file=sys.stderr)
        return 1


sys.exit(main(*sys.argv[1:]))
