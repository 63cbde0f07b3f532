"""Where the present world lies. A call reads it once and ends in the world in which it began.

Knows: the current snapshot, and who wants to hear of the next. Refuses to know: what is in it.
"""

from collections.abc import Callable

from narthex.model.endpoint import Snapshot


class Slot:
    """One place, written by the fleet, read by everybody."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot
        self._heard: list[Callable[[Snapshot, Snapshot], None]] = []

    def on_move(self, heard: Callable[[Snapshot, Snapshot], None]) -> None:
        """`heard(before, after)` is called after each publication."""
        self._heard.append(heard)

    def publish(self, snapshot: Snapshot) -> None:
        assert snapshot.serial > self.current.serial, "the world only moves forward"
        before, self.current = self.current, snapshot
        for heard in self._heard:
            heard(before, snapshot)
