"""Answers that are kept for a while, in memory, within bounds.

Knows: how large each is, how old, and under which mark it is good. Refuses to know: what makes two calls the same.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple

import msgspec

from narthex.limits import (
    kept_answer_bytes_max,
    kept_answer_own_bytes,
    kept_answers_bytes_max,
    kept_answers_max,
    kept_answers_sweep_seconds,
)

Members = dict[str, Any]


class Kept(NamedTuple):
    members: Members  # never written to
    mark: object  # of the world in which it was true
    since: float  # in the time of the event loop
    until: float
    size: int


class KeptAnswers:
    """The oldest first; they make room."""

    def __init__(
        self,
        bytes_max: int = kept_answers_bytes_max,
        count_max: int = kept_answers_max,
        one_max: int = kept_answer_bytes_max,
    ) -> None:
        self._bytes_max, self._count_max, self._one_max = bytes_max, count_max, one_max
        self._known: dict[Hashable, Kept] = {}
        self.size = 0  # bytes of all, about
        self._next_sweep = 0.0

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: Hashable, mark: object, now: float) -> Kept | None:
        found = self._known.get(key)
        if found is None:
            return None
        if found.until > now and found.mark == mark:
            return found
        self._forget(key)
        return None

    def keep(self, key: Hashable, members: Members, mark: object, now: float, seconds: float) -> None:
        """Copied: the text an answer came in may hold much else."""
        copied = {
            name: msgspec.Raw(bytes(value)) if type(value) is msgspec.Raw else value for name, value in members.items()
        }
        size = kept_answer_own_bytes + sum(len(value) for value in copied.values() if type(value) is msgspec.Raw)
        if size - kept_answer_own_bytes > self._one_max:
            return
        if key in self._known:
            self._forget(key)
        while self._known and (len(self._known) >= self._count_max or self.size + size > self._bytes_max):
            self._forget(next(iter(self._known)))
        self._known[key] = Kept(copied, mark, now, now + seconds, size)
        self.size += size

    def clear(self) -> None:
        self._known.clear()
        self.size = 0

    def sweep(self, now: float) -> None:
        if now >= self._next_sweep:
            self._next_sweep = now + kept_answers_sweep_seconds
            for key in [key for key, kept in self._known.items() if kept.until <= now]:
                self._forget(key)

    def _forget(self, key: Hashable) -> None:
        self.size -= self._known.pop(key).size
