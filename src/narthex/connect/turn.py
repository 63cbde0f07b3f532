"""One request for the connect page: what it is about, who is there, and which servers they may know of.

Knows: shapes, and whom a concealed server is hidden from. Refuses to know: pages.
"""

from typing import NamedTuple

from narthex.connect.visitor import Visitor
from narthex.edge.http1_exchange import Exchange
from narthex.issuer.browser import Browser
from narthex.model.config import ServerConfig
from narthex.model.connection import Owner
from narthex.policy.scopes import missing


class Turn(NamedTuple):
    """One request."""

    exchange: Exchange
    browser: Browser
    path: str  # below the base
    now: float  # seconds since the epoch
    back: str = "/connect"  # the page that this is about, with the link it was opened by
    link: str = ""  # what such a link says of for whom it was made


class Place(NamedTuple):
    """Who is there, whose grants they may give and take back, and at which server; None: the page with all."""

    visitor: Visitor
    owner: Owner
    server: ServerConfig | None


def hidden(server: ServerConfig, visitor: Visitor) -> bool:
    """Whether this visitor must not be told that there is such a server."""
    if not server.concealed:
        return False
    needed = frozenset(server.required_scopes or ())
    return not visitor.known_scopes or bool(missing(visitor.principal, needed))
