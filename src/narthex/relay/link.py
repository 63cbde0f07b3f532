"""The address of the connect page for one server, made for one caller.

Knows: what such a link says, sealed: for whose grant it was made, and at which server. Refuses to let anybody in by it:
it holds no name and no secret (S-ELI-01), and whoever opens it has to show who they are.
"""

import time
from hashlib import sha256
from typing import NamedTuple

from narthex.limits import connect_link_seconds
from narthex.model.connection import Owner
from narthex.wire.seal import LINK, Sealer, Unsealed

_DIGEST_BYTES = 16


class Meant(NamedTuple):
    """For whom a link was made, and for what."""

    digest: bytes
    server: str

    def fits(self, owner: Owner, server: str) -> bool:
        return self.digest == _digest(owner) and self.server == server


def link(page: str, server: str, owner: Owner, sealer: Sealer) -> str:
    """`page`: the address of the page with all servers."""
    return f"{page}/{server}?for={link_for(server, owner, sealer)}"


def link_for(server: str, owner: Owner, sealer: Sealer) -> str:
    """What the link says of for whom it is."""
    return sealer.seal(LINK, [_digest(owner), server], time.time() + connect_link_seconds)


def meant(text: str, sealer: Sealer, now: float) -> Meant | None:
    """What `for` says; None: it is not ours, or too old."""
    try:
        digest, server = sealer.open(LINK, text, now)
    except Unsealed:
        return None
    return Meant(bytes(digest), str(server))


def _digest(owner: Owner) -> bytes:
    return sha256(owner.key.encode()).digest()[:_DIGEST_BYTES]
