"""What an operator is shown: the servers, the present world, the gauges.

Knows: where each number is kept. Refuses to know: HTTP (that is `admin`), the Prometheus format (that is `telemetry`).
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from narthex.control.explaining import Explaining
from narthex.control.keys import described
from narthex.identity.api_keys import ApiKeys
from narthex.relay.bus import Bus
from narthex.relay.fleet import Fleet
from narthex.relay.session import Sessions
from narthex.telemetry.log import Log
from narthex.telemetry.metrics import Metrics
from narthex.upstream.health import State
from narthex.upstream.server import Server

Tree = dict[str, Any]
Values = list[tuple[tuple[str, ...], float]]
_ANSWERS = (State.UP, State.IDLE)


class Shown:
    """The `House` of the admin address. It answers from memory, at once."""

    def __init__(
        self, fleet: Fleet, bus: Bus, sessions: Sessions, log: Log, api_keys: ApiKeys, explaining: Explaining
    ) -> None:
        self._fleet, self._bus, self._sessions, self._log = fleet, bus, sessions, log
        self._api_keys, self.explain = api_keys, explaining.explain

    def servers(self) -> list[Tree]:
        """One tree per server, in the order of the configuration."""
        found = []
        for server in self._fleet.servers.values():
            status = server.status()
            status["last_error"] = status.pop("problem")
            found.append(status)
        return found

    def snapshot(self) -> Tree:
        """The serial number, what could not be shown and why, and one tree per endpoint."""
        current = self._fleet.slot.current
        return {
            "serial": current.serial,
            "problems": list(self._fleet.problems),
            "endpoints": [
                {
                    "name": name,
                    "tools": len(endpoint.tools),
                    "resources": len(endpoint.lists["resources/list"].keys),
                    "resource_templates": len(endpoint.lists["resources/templates/list"].keys),
                    "prompts": len(endpoint.prompts),
                }
                for name, endpoint in current.endpoints.items()
            ],
        }

    def keys(self) -> list[Tree]:
        """One tree per API key, the oldest first; never the key."""
        now = time.time()
        return [described(record, now) for record in self._api_keys.records()]

    def measure(self, metrics: Metrics, connections: Callable[[], int], inflight: Callable[[], int]) -> None:
        """Give the metrics their readings."""
        read, each = metrics.read, self._each
        read("narthex_upstream_up", lambda: each(lambda one: one.health.state in _ANSWERS))
        read("narthex_upstream_degraded", lambda: each(lambda one: bool(one.offer and one.offer.degraded)))
        read("narthex_upstream_restarts_total", lambda: each(lambda one: one.health.restarts))
        read("narthex_processes", lambda: each(lambda one: len(one.processes.tree())))
        read("narthex_process_resident_bytes", lambda: each(lambda one: one.processes.resident_bytes()))
        read("narthex_connections", lambda: _one(connections()))
        read("narthex_inflight", lambda: _one(inflight()))
        read("narthex_sessions", lambda: _one(len(self._sessions)))
        read("narthex_resumption_bytes", lambda: _one(self._sessions.shelf.bytes))
        read("narthex_resumption_dropped_total", lambda: _one(self._sessions.shelf.dropped))
        read("narthex_listeners", lambda: _one(len(self._bus)))
        read("narthex_log_lines_dropped_total", lambda: _one(self._log.dropped))
        read("narthex_snapshot_serial", lambda: _one(self._fleet.slot.current.serial))

    def _each(self, value: Callable[[Server], float]) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((name,), float(value(server))) for name, server in self._fleet.servers.items()]


def _one(value: float) -> Values:
    return [((), float(value))]
