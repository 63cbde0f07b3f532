"""Grants that were taken back while tokens of them still live.

Knows: which, and until when it matters. Refuses to know: why. No token has to be looked up anywhere for this: those
that are taken back are few, and forgotten as soon as their last token has expired.
"""

from collections.abc import Callable, Iterable


class Revoked:
    """`on_change` is called when a token that was good is not any more."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def __contains__(self, grant_id: object) -> bool:
        return grant_id in self._until

    def add(self, grants: Iterable[str], until: float, now: float) -> None:
        news = [grant_id for grant_id in grants if grant_id not in self._until]
        if not news:
            return
        self._until = {one: ends for one, ends in self._until.items() if ends > now}
        self._until.update(dict.fromkeys(news, until))
        self._on_change()
