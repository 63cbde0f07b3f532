"""The gateway as the judges meet it: `narthex serve FILE` in a process, reached by URL alone.

Knows the command line and the configuration file; nothing of the package is imported. Another gateway can be put in
its place by its command (`{file}` stands for the configuration), which is how the judges themselves were tried out.
"""

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outside import places
from outside.ask import names_of_tools
from outside.process import answers, free_port, running, wait_until

READY_SECONDS_MAX = 30.0
SETTLED_SECONDS_MAX = 90.0
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


@contextmanager
def serving(servers: Sequence[Server], folder: Path, *, settle: bool = True) -> Iterator[Gateway]:
    """A gateway in front of the servers. With `settle`, every one of them has shown its tools before the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    data, admin = free_port(), free_port()
    gateway = Gateway(f"http://127.0.0.1:{data}", f"http://127.0.0.1:{admin}", folder / "gateway.log")
    file = folder / "narthex.yaml"
    settings = {
        "listen": gateway.url,
        "admin": {"listen": gateway.admin},
        "state": str(folder / "state"),
        "servers": list(servers),
    }
    file.write_text(json.dumps(settings, indent=2))  # JSON is YAML, and needs no library to write
    with running(command(file), gateway.log) as process:
        wait_until("the gateway", lambda: answers(f"{gateway.url}/readyz"), process, gateway.log, READY_SECONDS_MAX)
        if settle:
            wait_until(
                "the gateway's list of tools",
                lambda: shows(gateway.mcp, servers),
                process,
                gateway.log,
                SETTLED_SECONDS_MAX,
                SETTLED_POLL_SECONDS,
            )
        yield gateway


def command(file: Path) -> list[str]:
    given = os.environ.get("NARTHEX_GATEWAY")
    if given:
        return [word.format(file=file) for word in shlex.split(given)]
    return [str(places.ROOT / ".venv" / "bin" / "narthex"), "serve", str(file)]


def shows(url: str, servers: Sequence[Server]) -> bool:
    """Whether every server's tools are listed: with one server names are bare, with several they begin with its own."""
    names = names_of_tools(url)
    if len(servers) == 1:
        return bool(names)
    return all(any(name.startswith(f"{server['name']}__") for name in names) for server in servers)
