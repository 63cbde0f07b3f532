"""How one server is, as the admin address tells it.

Knows: which words there are. Refuses to know: how any of it came about.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narthex.upstream.server import Server


def shown(server: "Server") -> dict[str, Any]:
    era = server.opener.era
    return {
        "name": server.name,
        "kind": "stdio" if server.config.command else "http",
        "state": server.health.state.name.lower(),
        "era": era.era if era else None,
        "revision": era.revision if era else None,
        "transport": era.transport if era else None,
        "tools": len(server.offer.tools) if server.offer else 0,
        "degraded": bool(server.offer and server.offer.degraded),
        "problem": server.health.problem,
        "processes": len(server.processes.roots()),
        "restarts": server.health.restarts,
    }
