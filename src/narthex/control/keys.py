"""API keys, as an operator is shown them: on the admin address, and on the command line.

Knows: the names of what is shown. Refuses to show a key, or its digest; neither is in what it is given to show.
"""

from math import inf
from typing import Any

from narthex.store.api_keys import KeyRecord
from narthex.wire.api_key import MARK


def described(record: KeyRecord, now: float) -> dict[str, Any]:
    """Times are seconds since the epoch; `null`: never, or not yet."""
    return {
        "prefix": f"{MARK}{record.prefix}",
        "name": record.name,
        "state": record.state(now),
        "scopes": list(record.scopes),
        "tenant": record.tenant or None,
        "endpoints": None if record.endpoints is None else list(record.endpoints),
        "created": record.created,
        "expires": None if record.expires == inf else record.expires,
        "last_used": record.used,
        "revoked": record.revoked,
        "replaced_by": None if record.replaced_by is None else f"{MARK}{record.replaced_by}",
    }
