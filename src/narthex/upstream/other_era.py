"""Signs that a server speaks another era than it did: it was upgraded, or rolled back (R1).

Knows: which answers no server of an era gives. Refuses to ask it again: that is the server's own business (`server`).
"""

from narthex.model.outcome import Failure, UpstreamFault
from narthex.upstream.link.ask import Link
from narthex.upstream.link.legacy_http import LegacyHttp
from narthex.upstream.link.modern_http import ModernHttp
from narthex.wire.faults import HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_PROTOCOL_VERSION

# An older server has no such errors: whoever answers so to an older conversation has become a modern one (C-VER-01).
_MODERN_ERRORS = (HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_PROTOCOL_VERSION)
_REFUSALS = (400, 404, 405)
DOUBT = ("upstream_status", "upstream_malformed")


def sounds_so(link: Link, fault: UpstreamFault) -> bool:
    """A refusal without a reason, which servers of one era give to requests of the other."""
    if isinstance(link, LegacyHttp):
        return fault.status in _REFUSALS  # a session is not given up for a server's bad moment
    return isinstance(link, ModernHttp) and fault.reason in DOUBT


def says_so(link: Link, failure: Failure) -> bool:
    """An error that only servers of the other era know."""
    if isinstance(link, LegacyHttp):
        return failure.code in _MODERN_ERRORS
    return failure.code == UNSUPPORTED_PROTOCOL_VERSION
