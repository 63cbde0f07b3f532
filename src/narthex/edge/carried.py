"""Headers of a client that go on to a server, because the operator said so for that server.

Knows: what is taken along. Refuses to know: which server gets which (`upstream.credentials.about_caller`), and which
could never be asked for (`model.credentials`; the configuration was checked against it).
"""

from collections.abc import Collection

from narthex.edge.http1_head import Headers
from narthex.limits import header_claim_bytes_max
from narthex.model.caller import NOTHING_CARRIED, Carried

_CREDENTIALS = (b"authorization", b"x-api-key")


def carried(headers: Headers, names: Collection[bytes]) -> Carried:
    """Those of these names. Nothing that repeats the caller's credential, under whatever name."""
    if not names:
        return NOTHING_CARRIED
    secrets = [given.rpartition(b" ")[2] for name in _CREDENTIALS if (given := headers.get(name))]
    found = []
    for name in names:
        value = headers.get(name)
        if value is None:
            continue
        if headers.count(name) > 1:
            value = b", ".join(one for other, one in headers.items() if other == name)
        if len(value) <= header_claim_bytes_max and not any(secret in value for secret in secrets):
            found.append((name, value))
    return tuple(found)
