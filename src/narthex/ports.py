"""The seams, as Protocols: what one room needs of another without knowing it.

Knows: shapes. Refuses to know: who implements them.
"""

from typing import Protocol


class Notices(Protocol):
    """Where a server's own news go: updated resources, and lines for the operator."""

    def updated(self, server: str, uri: str) -> None:
        """A resource of this server changed; `uri` is the server's own."""

    def say(self, server: str, level: str, sentence: str) -> None:
        """A line for the operator."""
