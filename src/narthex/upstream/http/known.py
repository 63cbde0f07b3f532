"""Heads of answers that were parsed before: a server sends the same one again and again.

Knows: which heads may be remembered, and what must be equal to be the same. Refuses to know: connections.
"""

import re
from typing import NamedTuple

from narthex.limits import known_answer_head_bytes_max, known_answer_heads_max

# Only heads of such fields are remembered: none of them means anything for the connection, or for one answer alone.
_PLAIN = frozenset({b"content-type", b"content-length", b"date", b"server", b"cache-control", b"vary", b"connection"})
_PLAIN |= {b"mcp-session-id", b"x-accel-buffering", b"access-control-allow-origin", b"x-content-type-options"}
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,9})\r\n")
_DATE = re.compile(rb"\r\n[Dd]ate: [A-Za-z0-9 ,:]{10,40}(?=\r\n)")
_END = b"\r\n\r\n"


class KnownHead(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    content_type: bytes
    length: int  # of the body, in bytes


class KnownAnswers:
    """The heads of one server's answers of status 200 in one piece.

    `_alike` is keyed by a head without the digits of its one Content-Length and without the value of Date, so every
    rule about heads was applied to what is found; `_same` by the very bytes, which saves looking for those two.
    Bounded; when one is full it starts anew.
    """

    __slots__ = ("_alike", "_same")

    def __init__(self) -> None:
        self._alike: dict[bytes, KnownHead] = {}
        self._same: dict[bytes, KnownHead] = {}

    def __len__(self) -> int:
        return max(len(self._alike), len(self._same))

    def find(self, data: bytes) -> tuple[KnownHead, int] | None:
        """The head at the start of a whole answer, and where its body begins; None: it has to be parsed."""
        stop = data.find(_END) + 4
        if not 4 <= stop <= known_answer_head_bytes_max:
            return None
        head = data[:stop]
        known = self._same.get(head)
        if known is None:
            found = _key_of(head)
            alike = self._alike.get(found[0]) if found is not None else None
            if found is None or alike is None:
                return None
            known = self._keep(head, alike._replace(length=found[1]))
        return (known, stop) if len(data) == stop + known.length else None

    def remember(self, data: bytes, status: int, headers: dict[bytes, bytes], content_type: bytes, length: int) -> None:
        """This answer was parsed, whole and in order: the next like it need not be."""
        stop = data.find(_END) + 4
        if status != 200 or not 4 <= stop <= known_answer_head_bytes_max or not headers.keys() <= _PLAIN:
            return
        found = _key_of(data[:stop])
        if found is None or len(data) != stop + found[1] or length != found[1]:
            return
        if len(self._alike) >= known_answer_heads_max:
            self._alike.clear()
        self._alike[found[0]] = KnownHead(status, headers, content_type, length)

    def _keep(self, head: bytes, known: KnownHead) -> KnownHead:
        if len(self._same) >= known_answer_heads_max:
            self._same.clear()
        self._same[head] = known
        return known


def _key_of(head: bytes) -> tuple[bytes, int] | None:
    """A head without its length and date, and the length; None for one without a plain Content-Length."""
    length = _LENGTH.search(head)
    if length is None:
        return None
    start, end = length.span(1)
    return _DATE.sub(b"", head[:start] + head[end:], 1), int(length[1])
