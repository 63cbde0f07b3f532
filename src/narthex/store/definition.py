"""Which server it was: a digest of where it is and how it is started.

Knows: what makes a server another server: its address, its command, the names of what it is given. Refuses to keep any
of it readable, because addresses and commands may hold secrets; values of variables and headers are not looked at.
"""

import hashlib

from narthex.model.config import ServerConfig
from narthex.wire.strict import encode


def digest_of(server: ServerConfig) -> str:
    """Equal as long as it is the same server, whatever else about it is configured."""
    place: tuple[object, ...] = (server.upstream, server.command, server.cwd)
    if server.kind not in ("upstream", "command"):  # what these two were called before stays as it was
        place = (server.kind, getattr(server, server.kind or "name"))
    given = (sorted(server.env), sorted(server.inherit_env), sorted(name.lower() for name in server.headers))
    return hashlib.sha256(encode((server.name, place, given))).hexdigest()
