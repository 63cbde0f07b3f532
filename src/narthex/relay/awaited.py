"""Servers whose lists nobody knows until somebody has connected them, and whom to tell.

Knows: that a client with nothing to call asks for nothing, so it has to be told beforehand. Refuses to speak of one
that would show this caller nothing anyway.
"""

from collections.abc import Mapping

from narthex.model.endpoint import Endpoint, Snapshot
from narthex.model.identity import Principal
from narthex.policy.scopes import missing
from narthex.upstream.server import Server


def awaited(world: Snapshot, servers: Mapping[str, Server], endpoint: Endpoint, who: Principal) -> list[str]:
    """Their names, as far as this caller may know of them."""
    if not world.connecting:
        return []
    silent = [
        name
        for name in endpoint.servers
        if name in world.connecting and (found := servers.get(name)) is not None and found.offer is None
    ]
    return [name for name in silent if _may_know(endpoint, name, who)]


def _may_know(endpoint: Endpoint, server: str, who: Principal) -> bool:
    reach = endpoint.reach.get(server)
    return reach is None or not missing(who, reach.needs | reach.told)
