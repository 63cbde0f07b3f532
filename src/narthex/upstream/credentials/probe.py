"""A request or two without a credential, to hear from a server what it wants to be shown.

Knows: requests without any effect (C-VER-04). Refuses to know: what is made of the refusal.
"""

import asyncio

from narthex.limits import probe_http_seconds_max
from narthex.upstream.credentials.challenge import Challenge, challenge_of
from narthex.upstream.fetch import BOUNDS, FetchFault
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.reply import HttpReply
from narthex.wire.envelope import encode_request
from narthex.wire.revisions import META_CLIENT_CAPABILITIES, META_VERSION, MODERN

_HEADERS = b"MCP-Protocol-Version: " + MODERN.encode() + b"\r\nMcp-Method: server/discover\r\n"
_REFUSED = (401, 403)
_BODY = encode_request(1, "server/discover", {"_meta": {META_VERSION: MODERN, META_CLIENT_CAPABILITIES: {}}})


async def challenge_at(upstream: str) -> Challenge:
    """An empty one if it does not refuse, or refuses without a word. Raises FetchFault if it does not answer."""
    client = HttpClient(upstream, BOUNDS, allow_private=True)
    try:
        deadline = asyncio.get_running_loop().time() + probe_http_seconds_max
        reply = await client.post(_HEADERS, _BODY, deadline=deadline, on_event=lambda _: True)
        if reply.status not in _REFUSED:
            reply = await _at_its_stream(client, deadline) or reply
    except HttpFault as fault:
        raise FetchFault(fault.reason, str(fault)) from None
    finally:
        await client.aclose()
    return challenge_of(reply)


async def _at_its_stream(client: HttpClient, deadline: float) -> HttpReply | None:
    """Some servers let everybody greet them, and guard the rest. What is opened after all is closed at once."""
    try:
        stream = await client.open_stream("GET", deadline=deadline)
    except HttpFault:
        return None
    await stream.aclose()
    return stream.reply if stream.reply.status in _REFUSED else None
