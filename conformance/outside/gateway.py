"""The gateway as the judges meet it: `narthex serve FILE` in a process, reached by URL alone.

Knows the command line and the configuration file; nothing of the package is imported. Another gateway can be put in
its place by its command (`{file}` stands for the configuration, `{verb}` for serve or stdio), which is how the judges
themselves were tried out.
"""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outside import places
from outside.ask import names_of_tools
from outside.ports import free_port
from outside.process import POLL_SECONDS, STOP_SECONDS_MAX, answers, running, wait_until

READY_SECONDS_MAX = 30.0
SETTLED_SECONDS_MAX = 60.0
SETTLED_POLL_SECONDS = 0.1  # each look is a call in the gateway's log

Server = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: where its clients go, where its operator goes, what it said."""

    url: str
    admin: str
    log: Path

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"

    @property
    def sse(self) -> str:
        return f"{self.url}/sse"


@contextmanager
def serving(
    servers: Sequence[Server],
    folder: Path,
    *,
    settle: bool = True,
    hurry: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Iterator[Gateway]:
    """A gateway in front of the servers. With `settle`, each of them has had its time to show its tools.

    `hurry`: it is told twice to end, and does not wait for a last call. `more`: what else stands in the configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data, admin = free_port(), free_port()
    gateway = Gateway(f"http://127.0.0.1:{data}", f"http://127.0.0.1:{admin}", folder / "gateway.log")
    settings = {"listen": gateway.url, "admin": {"listen": gateway.admin}, "servers": list(servers), **(more or {})}
    file = write_settings(folder, settings)
    with running(command("serve", file), gateway.log) as process:
        wait_until("the gateway", lambda: answers(f"{gateway.url}/readyz"), process, gateway.log, READY_SECONDS_MAX)
        if settle:
            settled(gateway, servers)
        yield gateway
        if hurry:
            process.terminate()
            wait_for_heard(gateway, process)


def wait_for_heard(gateway: Gateway, process: subprocess.Popen[bytes]) -> None:
    """Ended, or not ready any more: it has heard the first signal, and the second cannot be taken for the same one."""
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while process.poll() is None and answers(f"{gateway.url}/readyz") and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def write_settings(folder: Path, settings: Mapping[str, Any]) -> Path:
    file = folder / "narthex.yaml"
    # JSON is YAML, and needs no library to write.
    file.write_text(json.dumps({"state": str(folder / "state"), **settings}, indent=2))
    return file


def command(verb: str, file: Path) -> list[str]:
    given = os.environ.get("NARTHEX_GATEWAY")
    if given:
        return [word.format(verb=verb, file=file) for word in shlex.split(given)]
    return [str(places.ROOT / ".venv" / "bin" / "narthex"), verb, str(file)]


def settled(gateway: Gateway, servers: Sequence[Server]) -> None:
    """Waits until every server's tools are listed. One that never shows any is found out by whoever calls it."""
    deadline = time.monotonic() + SETTLED_SECONDS_MAX
    while missing(gateway.mcp, servers) and time.monotonic() < deadline:
        time.sleep(SETTLED_POLL_SECONDS)


def missing(url: str, servers: Sequence[Server]) -> list[str]:
    """The servers without a tool in the list: with one server names are bare, with several they begin with its own."""
    names = names_of_tools(url)
    if len(servers) == 1:
        return [] if names else [servers[0]["name"]]
    shown = {name.partition("__")[0] for name in names}
    return [server["name"] for server in servers if server["name"] not in shown]
