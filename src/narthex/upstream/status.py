"""How one server is, as the admin address tells it.

Knows: which words there are. Refuses to know: how any of it came about.
"""

from typing import TYPE_CHECKING, Any

from narthex.upstream.health import State
from narthex.upstream.link.local import LocalLink

if TYPE_CHECKING:
    from narthex.upstream.server import Server

_ANSWERS = (State.UP, State.IDLE)


def answers(server: "Server") -> bool:
    return server.health.state in _ANSWERS and _away(server) is None


def _away(server: "Server") -> str | None:
    """What a server inside says of what it stands for: it answers itself, and can do nothing."""
    link = server.lanes.shared
    return link.away if isinstance(link, LocalLink) else None


def shown(server: "Server", now: float) -> dict[str, Any]:
    state, away = server.health.state, _away(server)
    if away is not None and state in _ANSWERS:
        state = State.DOWN
    era, breaker, rooms = server.opener.era, server.health.breaker, server.manner.rooms
    return {
        "name": server.name,
        "kind": {"command": "stdio", "upstream": "http"}.get(server.config.kind, server.config.kind),
        "state": state.name.lower(),
        "era": era.era if era else None,
        "revision": era.revision if era else None,
        "transport": era.transport if era else None,
        "tools": len(server.offer.tools) if server.offer else 0,
        "degraded": bool(server.offer and server.offer.degraded),
        "problem": server.health.problem or away,
        "processes": len(server.processes.roots()),
        "restarts": server.health.restarts,
        "breaker": breaker.state(now),
        "failures": breaker.failures,
        "retry_seconds": round(max(0.0, breaker.open_until - now), 1) if breaker.tripped else None,
        "calls": server.manner.calls,
        "calls_waiting": rooms.waiting,
    }
