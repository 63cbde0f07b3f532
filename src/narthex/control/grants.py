"""Grants of users at servers, as an operator is shown them: on the admin address, and on the command line.

Knows: the names of what is shown. Refuses to show a token; none is in what it is given to show.
"""

from typing import Any

from narthex.ports import Kept


def described(kept: Kept) -> dict[str, Any]:
    """Times are seconds since the epoch. Where the gateway itself is the owner, `user` is null."""
    tenant, _, rest = kept.owner.partition("\x00")
    known_by, _, subject = rest.partition("\x00")
    return {
        "user": subject or None,
        "tenant": tenant or None,
        "known_by": known_by or None,
        "server": kept.server,
        "issuer": kept.issuer,
        "state": "void" if kept.void else "given",
        "since": kept.since,
        "renewal": kept.due,
    }
