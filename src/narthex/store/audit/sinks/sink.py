"""What a sink is, and how it fails.

Knows: the shape. Refuses to know: any one of them.
"""

from collections.abc import Sequence
from typing import Protocol

from narthex.store.audit.follow import Item


class SinkFault(Exception):
    """It did not take what it was given. The text is for the operator, and names no secret.

    `retry_seconds`: how long it asked to be left alone. `too_large`: less at a time may pass.
    """

    def __init__(self, text: str, *, retry_seconds: float | None = None, too_large: bool = False) -> None:
        super().__init__(text)
        self.retry_seconds = retry_seconds
        self.too_large = too_large


class Sink(Protocol):
    """Used by one thread."""

    def send(self, items: Sequence[Item]) -> None:
        """Return once all of it is taken. Raises SinkFault, and then all of it is sent again."""

    def close(self) -> None:
        """Let go of what is open."""
