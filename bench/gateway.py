"""Narthex as the operator starts it: `narthex serve FILE`, with the log on.

Knows: its configurations for the bench: with nothing laid down about calls, and with all there is but redaction.
Refuses to know: anything inside it; what is measured is what ships.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from answers import MODERN
from ask import Client
from running import HERE, Running, answers, free_port

NARTHEX = Path(sys.executable).with_name("narthex")
FLEET_SERVERS = 50
LIST_SECONDS_MAX = 60.0
# Nothing is laid down about calls, and nothing is written down of them but the log's sentence.
BARE: dict[str, Any] = {"audit": {"enabled": False}, "validation": {"arguments": "off"}}
# What a typical operator lays down, besides what is on by default: validation, pins, metering, the audit log.
POLICIES: dict[str, Any] = {
    "rate_limit": [{"requests_per_second": 100_000, "burst": 1_000_000}, {"concurrent": 1_000, "per": "server"}],
    "quota": {"cost_per_day": 1_000_000_000},
}


class Gateway(Running):
    """A started gateway. `url` is its `/mcp`; it is ready when it says so."""

    def __init__(self, folder: Path, name: str, servers: list[dict[str, Any]], **more: Any) -> None:
        self.address = f"http://127.0.0.1:{free_port()}"
        self.url = f"{self.address}/mcp"
        file = self.file = folder / f"{name}.yaml"
        state = folder / f"{name}.state"
        state.mkdir(exist_ok=True)
        config = {
            "listen": self.address,
            "admin": {"listen": f"http://127.0.0.1:{free_port()}"},
            "state": str(state),
            "servers": servers,
            **more,
        }
        file.write_text(json.dumps(config, indent=2))  # JSON is YAML
        super().__init__(name, [NARTHEX, "serve", file], folder / f"{name}.log")

    def ready(self) -> "Gateway":
        self.wait_until(lambda: answers(f"{self.address}/readyz"))
        return self


def listed(url: str, number: int) -> list[str]:
    """The names of all tools, once there are so many: a gateway is ready before every server has answered."""
    deadline = time.monotonic() + LIST_SECONDS_MAX
    while len(names := Client(url, MODERN).tools()) < number:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(names)} of {number} tools are listed: {names[:20]}")
        time.sleep(0.05)
    return names


def servers_of_the_cells(far: int) -> list[dict[str, Any]]:
    """One server of each kind; the allow-lists are there because operators have them."""
    address = f"http://127.0.0.1:{far}"
    stdio = [sys.executable, str(HERE / "stdio_upstream.py"), "modern"]
    return [
        {"name": "modern", "upstream": f"{address}/modern/mcp", "tools": ["echo"]},
        {"name": "legacy", "upstream": f"{address}/legacy/mcp", "tools": ["echo"]},
        {"name": "session", "upstream": f"{address}/session/mcp", "tools": ["echo"]},
        {"name": "piped", "command": stdio, "tools": ["echo"]},
    ]


def servers_of_the_fleet(far: int) -> list[dict[str, Any]]:
    return [{"name": f"service-{n}", "upstream": f"http://127.0.0.1:{far}/fleet/{n}/mcp"} for n in range(FLEET_SERVERS)]
