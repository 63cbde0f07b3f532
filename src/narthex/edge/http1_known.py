"""Heads that were read before: a client sends the same one again and again, but for the length of the body; and
many clients of one kind send the same one, but for their credential.

Knows: which parts of a head may differ without anything else in it meaning something else. Refuses to know: what a
head means, and whose credential it shows.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from narthex.edge.http1_head import CHUNKED, Head, Refused, read_head
from narthex.limits import Limits, known_credential_bytes_max, known_head_bytes_max, known_heads_max

# Nine digits: far over any limit, and never a number that takes long to read.
_LENGTH_DIGITS = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,9})\r\n")
# Where credentials stand, in the spellings that clients use; and the signs of which they consist, so that nothing in
# one could be read as anything but a part of this one value.
_AUTHORIZATION: Final = frozenset(
    b"\r\n%buthorization: %bearer " % (first, second) for first in (b"A", b"a") for second in (b"B", b"b")
)
# What to look for from the second sign of the line on; what the credential follows; the field; what in it comes first.
_FIELDS: Final = (
    (b"uthorization: ", _AUTHORIZATION, b"authorization", len(b"Bearer ")),
    (b"-API-Key: ", frozenset({b"\r\nX-API-Key: "}), b"x-api-key", 0),
    (b"-api-key: ", frozenset({b"\r\nx-api-key: "}), b"x-api-key", 0),
)
_NO_FIELD: Final = (b"", frozenset[bytes](), b"", 0)
_FIELD_BYTES: Final = len(b"Authorization: Bearer \r\n")  # of a field beside its credential, at most
_SIGNS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

# What is left of a head without the parts that may differ. Where they were can be told from what surrounds them, so
# two heads with the same rest differ in these parts alone.
_Rest = tuple[bytes, bytes, bytes]
_Around = tuple[bytes, bytes]  # the same without the credential alone
_Place = tuple[int, int, int]  # in which of `_FIELDS` a credential stands, where it begins, and where it ends
_NOWHERE: Final[_Place] = (0, 0, 0)


class _Kind(msgspec.Struct, eq=False):
    """What all heads have in common that differ in these parts alone. `field`: where the credential stands, `lead`:
    how many bytes of its value come before it; `token`: the credential in `head`.
    """

    head: Head
    field: bytes
    lead: int
    token: bytes

    def sized(self, length: int) -> "_Kind":
        return _Kind(self.head.sized(length), self.field, self.lead, self.token)

    def is_sound(self, value: bytes) -> bool:
        """The parser decides which field is the first of its name; where it is another one, the head is of no kind."""
        headers = self.head.headers
        alone = not self.field or (headers.get(self.field) == value and headers.count(self.field) == 1)
        return alone and self.head.length != CHUNKED


class KnownHeads:
    """`_kinds` is keyed by a head without the length of its body and without its credential, so what is found was
    judged by every rule already, except those about lengths; `_sized` by one without its credential, `_whole` by the
    very bytes, which were judged entirely.

    Bounded; when one is full it starts anew. What is found is shared: nobody writes to a `Head`.
    """

    __slots__ = ("_expected", "_kinds", "_limits", "_once", "_sized", "_token_bytes_max", "_whole")

    def __init__(self) -> None:
        self._kinds: dict[_Rest, _Kind] = {}
        self._sized: dict[_Around, _Kind] = {}
        self._whole: dict[bytes, Head] = {}
        self._once: set[int] = set()  # hashes of heads that came once
        # What to look for first, and how far behind it the credential would begin: as in the head learned last.
        self._expected = (b"uthorization: ", len(b"uthorization: Bearer "))
        self._limits: Limits | None = None
        self._token_bytes_max = 0

    def read(self, raw: bytes, limits: Limits, judge: Callable[[Head], None]) -> Head:
        """`read_head`, and `judge` of it, or what they gave for the same head before. Raises Refused."""
        if limits is self._limits:
            head = self._whole.get(raw)
            if head is not None:
                return head
        else:
            self._begin(limits)
        needle, lead = self._expected
        start = raw.find(needle) + lead
        end = raw.find(b"\r", start)
        # What is around a credential tells that there is one, whatever stands in its place: but for signs that could
        # mean something else there, or too many of them.
        kind = self._sized.get((raw[:start], raw[end:]))
        if kind is None or not 0 < end - start <= self._token_bytes_max:
            return self._read(raw, limits, judge)
        token = raw[start:end]
        if token.translate(None, _SIGNS):
            return self._read(raw, limits, judge)
        if token == kind.token:
            return self._keep(raw, kind.head)
        head = kind.head.showing(kind.field, raw[start - kind.lead : end], token)
        # Where many callers take turns, to keep the head of each for a moment costs more than it brings.
        once, sign = self._once, hash(raw)
        if sign in once:
            once.remove(sign)
            return self._keep(raw, head)
        if len(once) >= known_heads_max:
            once.clear()
        once.add(sign)
        return head

    def _begin(self, limits: Limits) -> None:
        self._kinds, self._sized, self._whole, self._limits = {}, {}, {}, limits
        self._once.clear()
        self._token_bytes_max = min(known_credential_bytes_max, limits.header_field_bytes_max - _FIELD_BYTES)

    def _read(self, raw: bytes, limits: Limits, judge: Callable[[Head], None]) -> Head:
        """The same for a head that is not known, or only before bodies of other lengths."""
        which, start, end = self._place(raw)
        digits = _LENGTH_DIGITS.search(raw, end) or _LENGTH_DIGITS.search(raw, 0, start)
        if digits is None or len(raw) - (end - start) > known_head_bytes_max:
            head = read_head(raw, limits)
            judge(head)
            return head
        first, last = digits.span(1)
        rest = (raw[:start], raw[end:first], raw[last:]) if start < first else (raw[:first], raw[last:start], raw[end:])
        kind = self._kinds.get(rest)
        if kind is None:
            head = read_head(raw, limits)
            judge(head)
            _, _, field, lead = _FIELDS[which] if start else _NO_FIELD
            kind = _Kind(head, field, lead, raw[start:end])
            if kind.is_sound(raw[start - lead : end]):
                self._learn(raw, rest, kind)
            return head
        length = int(digits[1])
        if length > limits.body_bytes_max:
            raise Refused(413, "body_too_large", f"The body is over {limits.body_bytes_max} bytes.")
        kind = kind.sized(length)
        if not start:
            return self._keep(raw, kind.head)
        needle, _, _, lead = _FIELDS[which]
        self._expected = (needle, len(needle) + lead)
        if len(self._sized) >= known_heads_max:
            self._sized = {}
        self._sized[raw[:start], raw[end:]] = kind
        return self.read(raw, limits, judge)  # where it is found now

    def _place(self, raw: bytes) -> _Place:
        """Where the first credential in a head is, if it is in a form in which it can be left out."""
        for which, (needle, before, _, lead) in enumerate(_FIELDS):
            at = raw.find(needle)
            if at < 0:
                continue
            begin = at + len(needle)
            start, end = begin + lead, raw.find(b"\r", begin)
            token = raw[start:end]
            usual = 0 < len(token) <= self._token_bytes_max and raw[at - 3 : start] in before
            return (which, start, end) if usual and not token.translate(None, _SIGNS) else _NOWHERE
        return _NOWHERE

    def _learn(self, raw: bytes, rest: _Rest, kind: _Kind) -> None:
        if len(self._kinds) >= known_heads_max:
            self._kinds = {}
        self._kinds[rest] = kind
        self._keep(raw, kind.head)

    def _keep(self, raw: bytes, head: Head) -> Head:
        if len(self._whole) >= known_heads_max:
            self._whole = {}
        self._whole[raw] = head
        return head
