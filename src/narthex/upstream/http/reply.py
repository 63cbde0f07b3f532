"""What a server answered to one request.

Knows: status, headers, body. Refuses to know: JSON-RPC.
"""

import msgspec


class HttpReply(msgspec.Struct, frozen=True):
    """A complete answer. Header names are lower-case; repeated headers are joined with a comma.

    `content_type` is the media type alone, lower-case. `streamed`: the answer was an event stream whose events
    went to the callback of the caller, so `body` is empty.
    """

    status: int
    headers: dict[bytes, bytes]
    content_type: bytes
    body: bytes
    streamed: bool = False


def media_type(value: bytes) -> bytes:
    """`Application/JSON; charset=utf-8` -> `application/json`."""
    return value.partition(b";")[0].strip().lower()
