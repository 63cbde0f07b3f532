"""Other people's clients: how each is started, and which era it speaks when it is left alone.

Every one lists the tools of the everything-server and calls two of them, then prints what it saw as a line of JSON.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from outside import places
from outside.program import Program
from outside.watch import versions_in, watching

SECONDS_MAX = 90.0
SCRIPTS = places.CONFORMANCE / "clients"
ANSWERS = ["This is a simple text response for testing.", "region=eu"]
MODERN, LEGACY = "2026-07-28", "2025-11-25"


@dataclass(frozen=True, slots=True)
class Client:
    """A client's script, the environment it runs in (or npm), the words after the target, the revisions it speaks."""

    script: str
    home: str
    words: tuple[str, ...]
    versions: tuple[str, ...]

    def command(self, target: str) -> list[str]:
        path = SCRIPTS / self.script
        if self.home == "npm":
            # Given as text, a module is resolved from the working directory: the folder of the npm packages.
            return [str(places.node()), "--input-type=module", "--eval", path.read_text(), target, *self.words]
        return [str(places.interpreter(f"clients/{self.home}")), str(path), target, *self.words]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client saw, and what was seen of it."""

    tools: list[str]
    answers: list[str]
    versions: set[str]


CLIENTS = {
    "python-sdk-2": Client("sdk_2.py", "modern", ("auto",), (MODERN,)),
    "python-sdk-2-pinned": Client("sdk_2.py", "modern", (MODERN,), (MODERN,)),
    "python-sdk-2-legacy": Client("sdk_2.py", "modern", ("legacy",), (LEGACY,)),
    "python-sdk-1": Client("sdk_1.py", "legacy", (), (LEGACY,)),
    "fastmcp": Client("fastmcp_4.py", "modern", (), (MODERN,)),
    "pydantic-ai": Client("pydantic_ai_2.py", "modern", (), (MODERN,)),
    "openai-agents": Client("openai_agents.py", "modern", (), (MODERN,)),
    "langchain-mcp-adapters": Client("langchain_adapters.py", "legacy", (), (LEGACY,)),
    "typescript-sdk-2": Client("typescript.mjs", "npm", ("2", "auto"), (MODERN,)),
    "typescript-sdk-2-legacy": Client("typescript.mjs", "npm", ("2", "legacy"), (LEGACY,)),
    "typescript-sdk-1": Client("typescript.mjs", "npm", ("1", "-"), (LEGACY,)),
    "inspector": Client("inspector_2.mjs", "npm", ("legacy",), (LEGACY,)),
    "inspector-auto": Client("inspector_2.mjs", "npm", ("auto",), (MODERN,)),
    "inspector-modern": Client("inspector_2.mjs", "npm", ("modern",), (MODERN,)),
}


# Those that can start a program.
OVER_STDIO = {
    name: client
    for name, client in CLIENTS.items()
    if client.home == "npm" or client.script in ("sdk_1.py", "sdk_2.py", "fastmcp_4.py")
}
# Those that still speak HTTP+SSE. It has no modern revision: who prefers one asks for it, is told that it is not known
# there, and goes on in the older era.
OVER_SSE = {
    name: replace(OVER_STDIO[name], versions=versions)
    for name, versions in {
        "python-sdk-2": (MODERN, LEGACY),
        "python-sdk-2-legacy": (LEGACY,),
        "python-sdk-1": (LEGACY,),
        "fastmcp": (LEGACY,),
        "typescript-sdk-2": (MODERN, LEGACY),
        "typescript-sdk-2-legacy": (LEGACY,),
        "typescript-sdk-1": (LEGACY,),
        "inspector": (LEGACY,),
        "inspector-auto": (MODERN, LEGACY),
    }.items()
}


def look(client: Client, url: str, home: Path) -> Seen:
    """The client lists and calls at the URL, with a relay between that reads the revision off the wire."""
    with watching(url) as watched:
        said = converse(client, watched.url, home)
    return Seen(said["tools"], said["answers"], watched.versions)


def look_over_stdio(client: Client, program: Program, home: Path) -> Seen:
    """The client starts the program, lists and calls."""
    said = converse(client, str(program.path), home)
    return Seen(said["tools"], said["answers"], versions_in(program.heard.read_bytes()))


def converse(client: Client, target: str, home: Path) -> dict[str, Any]:
    return start(client.command(target), home, cwd=places.packages("clients") if client.home == "npm" else home)


def start(command: Sequence[str], home: Path, *, cwd: Path, text: str = "") -> dict[str, Any]:
    """Runs a script and reads its line of JSON; a script that fails says why."""
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command,
        cwd=cwd,
        # A home of its own: what a client keeps between runs must not decide how the next one goes.
        env={**os.environ, "HOME": str(home), "OPENAI_AGENTS_DISABLE_TRACING": "1"},
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"the client ended with status {done.returncode}:\n{(done.stderr or done.stdout)[-4000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
