"""The command that the client suite starts: `client_driver.py CLIENT... URL`, URL being the suite's mock server.

It puts a gateway before that server, runs the official client against the gateway, and ends with the client's status.
"""

import os
import subprocess
import sys
from pathlib import Path

from outside.gateway import serving

CLIENT_SECONDS_MAX = 50.0


def main() -> int:
    *client, url = sys.argv[1:]
    folder = Path(os.environ["NARTHEX_JUDGE_FOLDER"])
    # Nothing waits for a list of tools here: some mock servers have none, and what is asked is part of the judgement.
    with serving([{"name": "mock", "upstream": url}], folder, settle=False) as gateway:
        return subprocess.run([*client, gateway.mcp], timeout=CLIENT_SECONDS_MAX, check=False).returncode


sys.exit(main())
