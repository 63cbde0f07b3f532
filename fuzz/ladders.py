"""Heads and bodies of requests through the HTTP head, the envelope and the ladder: whatever climbs is what it says."""

import json
from typing import Any

from fuzz.mutation import mutated
from fuzz.speech import PIECES, REQUESTS
from fuzz.target import Target
from narthex.edge.http1_head import Refused, read_head
from narthex.limits import DEFAULTS
from narthex.wire.envelope import Request, read
from narthex.wire.faults import PeerFault
from narthex.wire.ladder import climb, is_modern, routing_of
from narthex.wire.mirror import decode_value
from narthex.wire.revisions import META_VERSION, MODERN, MODERN_METHODS, NAMED_BY
from narthex.wire.strict import decode

CODES = {-32700, -32600, -32601, -32602, -32020, -32022}


def check(data: bytes) -> None:
    head, _, body = data.partition(b"\r\n\r\n")
    refusal, method = outcome(head, body)
    if method:
        check_climbed(head, json.loads(body), method)
    elif isinstance(refusal, PeerFault):
        assert refusal.code in CODES
        assert refusal.message
    elif refusal is not None:
        assert 400 <= refusal.status < 600


def outcome(head: bytes, body: bytes) -> tuple[PeerFault | Refused | None, str]:
    """Why it was refused, or the method that climbed; neither for what is not of this era."""
    try:
        found = read_head(head + b"\r\n\r\n", DEFAULTS)
        message = read(decode(body, DEFAULTS))
        routing = routing_of(found.headers)
        if type(message) is not Request or not is_modern(routing, message):
            return None, ""
        return None, climb(routing, message).method
    except (Refused, PeerFault) as refusal:
        return refusal, ""


def check_climbed(head: bytes, message: dict[str, Any], method: str) -> None:
    """Said once each, and the same in head and body: looked up here by other means than the ladder's."""
    fields: dict[str, list[str]] = {}
    for line in head.decode("ascii").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))

    assert method == message["method"]
    assert method in MODERN_METHODS
    assert fields["mcp-protocol-version"] == [MODERN]
    assert message["params"]["_meta"][META_VERSION] == MODERN
    assert fields["mcp-method"] == [method]
    if method in NAMED_BY:
        (name,) = fields["mcp-name"]
        assert decode_value(name) == message["params"][NAMED_BY[method]]


TARGET = Target("ladders", REQUESTS | mutated(REQUESTS, PIECES), check)
