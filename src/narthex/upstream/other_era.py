"""Signs that a server speaks another era than it did: it was upgraded, or rolled back (R1).

Knows: which answers no server of an era gives, and how to make sure. Refuses to know: what follows from it (`server`).
"""

import asyncio
from collections.abc import Awaitable, Callable

from narthex.limits import probe_http_seconds_max
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, UpstreamFault
from narthex.upstream.lanes import Lanes
from narthex.upstream.link.ask import Ask, Link
from narthex.upstream.link.legacy_http import LegacyHttp
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.openers import HttpOpener, Opener
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


async def found_out(opener: Opener, lanes: Lanes, link: Link, reopen: Callable[[], Awaitable[Link]]) -> str:
    """Ask `server/discover` anew: the revision it speaks now, if it is of another era; "" if it is not, or silent.

    A session that still stands is kept: whoever listens would miss what is said until the next one stands.
    """
    before = opener.era
    if before is None or before.transport in ("stdio", "local"):
        return ""
    if isinstance(link, LegacyHttp) and isinstance(opener, HttpOpener) and await _stands(opener, link):
        return ""
    opener.doubt()
    link.alive = False
    if lanes.shared is not None:
        lanes.shared.alive = False  # this server has one era for everybody
    try:
        await reopen()
    except UpstreamFault:
        return ""
    after = opener.era
    changed = after is not None and (after.era, after.transport) != (before.era, before.transport)
    return (after.revision or "?") if changed and after is not None else ""


async def _stands(opener: HttpOpener, link: LegacyHttp) -> bool:
    """It has no modern side, and answers in this session."""
    caller = link.whose.caller
    try:
        if await opener.modern(caller) is not None:
            return False
        ends = asyncio.get_running_loop().time() + probe_http_seconds_max
        outcome = await link.request(Ask("ping", {}, Deadline(ends), caller=caller))
    except UpstreamFault:
        return False
    return not (isinstance(outcome, Failure) and says_so(link, outcome))
