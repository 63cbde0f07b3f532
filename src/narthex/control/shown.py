"""What an operator is shown: the servers, the present world, the gauges.

Knows: where each number is kept. Refuses to know: HTTP (that is `admin`), the Prometheus format (that is `telemetry`).
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from narthex.control.explaining import Explaining
from narthex.control.grants import described as of_grant
from narthex.control.keys import described
from narthex.identity.api_keys import ApiKeys
from narthex.model.config import Config
from narthex.relay.bus import Bus
from narthex.relay.facts import Facts
from narthex.relay.fleet import Fleet
from narthex.relay.session import Sessions
from narthex.telemetry.log import Log
from narthex.telemetry.metrics import Metrics
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.server import Server
from narthex.upstream.status import answers

Tree = dict[str, Any]
Values = list[tuple[tuple[str, ...], float]]


class Shown:
    """The `House` of the admin address. It answers from memory, at once; grants are looked up where they are kept."""

    def __init__(
        self,
        fleet: Fleet,
        bus: Bus,
        sessions: Sessions,
        log: Log,
        api_keys: ApiKeys,
        explaining: Explaining,
        connections: Connections,
        facts: Facts,
    ) -> None:
        self._fleet, self._bus, self._sessions, self._log, self._connections = fleet, bus, sessions, log, connections
        self._facts = facts
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

    async def grants(self) -> list[Tree]:
        """One tree per grant of a user at a server, the oldest first; never a token. Raises CredentialFault."""
        return [of_grant(kept) for kept in await self._connections.listed()]

    def measure(self, metrics: Metrics, connections: Callable[[], int], inflight: Callable[[], int]) -> None:
        """Give the metrics their readings."""
        read, each = metrics.read, self._each
        read("narthex_upstream_up", lambda: each(answers))
        read("narthex_upstream_degraded", lambda: each(lambda one: bool(one.offer and one.offer.degraded)))
        read("narthex_upstream_restarts_total", lambda: each(lambda one: one.health.restarts))
        read("narthex_upstream_breaker_open", lambda: each(lambda one: one.health.breaker.tripped))
        read("narthex_upstream_breaker_opened_total", lambda: each(lambda one: one.health.breaker.opened))
        read("narthex_upstream_calls_held", lambda: each(lambda one: one.manner.rooms.inside))
        read("narthex_upstream_calls_waiting", lambda: each(lambda one: one.manner.rooms.waiting))
        read("narthex_upstream_calls_refused_total", lambda: each(lambda one: one.manner.rooms.refused))
        read("narthex_upstream_retries_total", lambda: each(lambda one: one.manner.retries))
        read("narthex_upstream_hedges_total", lambda: each(lambda one: one.manner.hedges))
        read("narthex_upstream_hedges_won_total", lambda: each(lambda one: one.manner.hedges_won))
        read("narthex_upstream_repeats_refused_total", lambda: each(lambda one: one.manner.budget.refused))
        read("narthex_processes", lambda: each(lambda one: len(one.processes.tree())))
        read("narthex_own_processes", lambda: each(lambda one: one.processes.apart()))
        read("narthex_own_processes_evicted_total", lambda: each(lambda one: one.lanes.evictions))
        read("narthex_process_resident_bytes", lambda: each(lambda one: one.processes.resident_bytes()))
        read("narthex_connections", lambda: _one(connections()))
        read("narthex_inflight", lambda: _one(inflight()))
        read("narthex_sessions", lambda: _one(len(self._sessions)))
        read("narthex_resumption_bytes", lambda: _one(self._sessions.shelf.bytes))
        read("narthex_resumption_dropped_total", lambda: _one(self._sessions.shelf.dropped))
        read("narthex_listeners", lambda: _one(len(self._bus)))
        lender = self._facts.counting.lender
        read("narthex_counters_up", lambda: _one(not lender.lost))
        read("narthex_counters_lost_total", lambda: _one(lender.times_lost))
        read("narthex_tallies", lambda: _one(len(self._facts.counting)))
        read("narthex_compiled_schemas", lambda: _one(len(self._facts.checking)))
        read("narthex_compiled_schema_bytes", lambda: _one(self._facts.checking.bytes))
        read("narthex_log_lines_dropped_total", lambda: _one(self._log.dropped))
        read("narthex_snapshot_serial", lambda: _one(self._fleet.slot.current.serial))

    def _each(self, value: Callable[[Server], float]) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((name,), float(value(server))) for name, server in self._fleet.servers.items()]


def _one(value: float) -> Values:
    return [((), float(value))]


def count(config: Config) -> str:
    """What is served, in a few words."""
    servers = sum(server.enabled for server in config.servers)
    named = f", {len(config.endpoints)} endpoint{'s' * (len(config.endpoints) != 1)}" if config.endpoints else ""
    return f"{servers} server{'s' * (servers != 1)}{named}"
