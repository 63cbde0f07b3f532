"""A Python library as a server inside the gateway.

Knows: what it is given, and that its import may take a while. Refuses to know: what is in it.
"""

from functools import partial
from pathlib import Path

from narthex.libraries.finding import NotALibrary, find, server_of
from narthex.libraries.server import Server
from narthex.libraries.surroundings import Secrets, Surroundings
from narthex.model.config import ServerConfig
from narthex.upstream.kinds import LoadFault, Site
from narthex.upstream.python.reloading import off_loop, watched


async def make(config: ServerConfig, site: Site) -> Server:
    """Raises LoadFault."""
    server = await off_loop(partial(built, config))
    return watched(config, site, server, built) if config.reload else server


def built(config: ServerConfig) -> Server:
    """Raises LoadFault."""
    assert config.python is not None, "a Python library has one"
    try:
        found = find(config.python, Path(config.cwd) if config.cwd is not None else None)
        return server_of(found, Surroundings(config.settings, Secrets(config.secrets)))
    except NotALibrary as fault:
        raise LoadFault(str(fault)) from fault
