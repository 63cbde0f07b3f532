"""Where the present world lies. A call reads it once and ends in the world in which it began.

Knows: the current snapshot, who wants to hear of the next, and what is stopped in every one of them. Refuses to know:
what else is in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from narthex.model.endpoint import Endpoint, Snapshot
from narthex.model.stop import NO_STOPS, Stops


class Slot:
    """One place, written by the fleet, read by everybody."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot
        self.stops = NO_STOPS
        self._heard: list[Callable[[Snapshot, Snapshot], None]] = []

    def on_move(self, heard: Callable[[Snapshot, Snapshot], None]) -> None:
        """`heard(before, after)` is called after each publication."""
        self._heard.append(heard)

    def publish(self, snapshot: Snapshot) -> None:
        assert snapshot.serial > self.current.serial, "the world only moves forward"
        if self.stops:
            snapshot = replace(snapshot, endpoints=_halted(snapshot.endpoints, self.stops))
        before, self.current = self.current, snapshot
        for heard in self._heard:
            heard(before, snapshot)

    def halt(self, stops: Stops) -> None:
        """What is stopped from now on. Nothing is compiled: it is the same world, but for that."""
        self.stops, current = stops or NO_STOPS, self.current
        if current.serial:  # else nothing was published yet
            endpoints = _halted(current.endpoints, self.stops)
            self.publish(replace(current, serial=current.serial + 1, endpoints=endpoints))


def _halted(endpoints: Mapping[str, Endpoint], stops: Stops) -> dict[str, Endpoint]:
    """Other ones: what was worked out for callers is worked out anew."""
    return {
        name: one if one.stops == stops else replace(one, stops=stops, sights={}) for name, one in endpoints.items()
    }
