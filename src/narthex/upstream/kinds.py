"""The kinds of server that run inside the gateway: what the configuration calls them, and who makes each.

Knows: one row per kind, and what its maker may use of the house. Refuses to know: how any of them works, and how the
server that was made is called (`upstream/link/local.py`).

A maker gets the entry of the configuration and a `Site`, and returns a `libraries.server.Server`. What it opened goes
into `server.on_close`. It is asked anew for each conversation, which is to say: once, and again after a fault. It
raises `LoadFault` where it cannot; the text is for the operator and may name files.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module

from narthex.libraries.server import Server
from narthex.limits import Limits
from narthex.model.config import ServerConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.connections import Connections

# kind -> the module that has `make(config, site)`. Imported where one is configured: most need what others do not.
MAKERS: dict[str, str] = {
    "python": "narthex.upstream.python.making",
    "sql": "narthex.upstream.sql.making",
    "openapi": "narthex.upstream.openapi.making",
    "http": "narthex.upstream.openapi.making",
}


def _nobody(_trouble: str | None) -> None:
    """It is told to nobody."""


class LoadFault(Exception):
    """This server cannot be made. The text is for the operator."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a server inside the gateway may use of it."""

    limits: Limits
    owned: Owned  # of its tasks: they end with the gateway, and with `server.on_close` where they should end before
    say: Callable[[str, str], None]  # (level, sentence): a line for the operator, without the server's secrets
    connections: Connections | None  # grants of users, where there are any
    replace: Callable[[Server], None]  # this one in its place from now on; its lists are taken anew
    # Why what it stands for cannot be used (for the operator); None: it can. It still says so itself, call by call.
    away: Callable[[str | None], None] = _nobody


Make = Callable[[ServerConfig, Site], Awaitable[Server]]


def is_inside(config: ServerConfig) -> bool:
    return config.kind in MAKERS


def maker_of(config: ServerConfig) -> Make:
    make: Make = import_module(MAKERS[config.kind]).make
    return make
