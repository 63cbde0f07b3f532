"""Credentials found good a moment ago, by the digest of what was shown.

Knows: how long that is believed, and how many fit. Refuses to know: why they were good.
"""

import msgspec

from narthex.identity.binding import Binding
from narthex.limits import verified_tokens_max
from narthex.model.identity import Principal, Refusal


class Verified(msgspec.Struct, frozen=True, eq=False):
    """One credential that was checked. It holds from `since` to `until`, so that a clock set back extends nothing."""

    principal: Principal
    since: float
    until: float
    binding: Binding | None = None
    lacking: Refusal | None = None  # the scopes that every request needs, and this caller has not


class VerifiedTokens:
    """Bounded. Two generations instead of an order: a look-up moves nothing, and what is used survives the turn.

    `young`: where a request of a known caller finds it nearly every time; else ask `get`.
    """

    __slots__ = ("_older", "young")

    def __init__(self) -> None:
        self.young: dict[bytes, Verified] = {}
        self._older: dict[bytes, Verified] = {}

    def __len__(self) -> int:
        return len(self.young) + len(self._older)

    def get(self, digest: bytes) -> Verified | None:
        found = self.young.get(digest)
        if found is None and self._older:
            found = self._older.pop(digest, None)
            if found is not None:
                self.put(digest, found)
        return found

    def put(self, digest: bytes, verified: Verified) -> None:
        if len(self.young) >= verified_tokens_max // 2 and digest not in self.young:  # it may only be found good anew
            self._older, self.young = self.young, {}
        self.young[digest] = verified
        self._older.pop(digest, None)

    def forget(self, key: str) -> int:
        """Drop everything of the caller with this `Principal.key`; how many there were."""
        before = len(self)
        for kept in (self.young, self._older):
            for digest in [digest for digest, one in kept.items() if one.principal.key == key]:
                del kept[digest]
        return before - len(self)

    def clear(self) -> None:
        self.young.clear()
        self._older.clear()
