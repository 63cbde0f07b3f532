"""Room for processes that belong to one caller or one session alone: at each server, and at all of them together.

Knows: how many there may be, whose each is, and which one makes room. Refuses to know: why one is wanted, and how it
is started and stopped.
"""

from typing import NamedTuple, Protocol

from narthex.limits import Limits
from narthex.upstream.link.stdio import StdioLink


class Seat(NamedTuple):
    """One such process. `link` None: it is just being started."""

    holder: str  # `Principal.key`
    link: StdioLink | None


class Row(Protocol):
    """The seats of one server."""

    limits: Limits

    def seats(self) -> list[Seat]: ...


class NoRoom(Exception):
    """All are in use. `limit` is the name of the bound that is met, `places` how many it leaves to callers."""

    def __init__(self, limit: str, places: int, wait_seconds: float) -> None:
        super().__init__(f"{places} processes of callers are in use ({limit})")
        self.limit, self.places = limit, places
        self.wait_seconds = wait_seconds  # until one of them may have to make room, if it stays as idle as it is


class Leaving(NamedTuple):
    """The process that makes room, and whose server's it is."""

    row: Row
    link: StdioLink


class Seats:
    """One for each gateway process. A server's row is asked each time: what ended by itself holds no seat."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def add(self, row: Row) -> None:
        self._rows.append(row)

    def remove(self, row: Row) -> None:
        self._rows = [other for other in self._rows if other is not row]

    def make(self, row: Row, holder: str, now: float, *, fair: bool) -> Leaving | None:
        """Room for one more at this server. None: there is some; else what has to leave for it. Raises `NoRoom`.

        One that is at work, or was used a moment ago, never has to. `fair`: it is a further one of a holder among
        several, who may have half of the places at most, and makes room for it there.
        """
        limits = row.limits
        places = places_of(limits)
        here = [(row, seat) for seat in row.seats()]
        theirs = [(of, seat) for of, seat in here if seat.holder == holder]
        if fair and len(theirs) >= max(1, places // 2):
            return _longest_idle(theirs, now, limits, "processes_per_server_max", places)
        if len(here) >= places:
            return _longest_idle(here, now, limits, "processes_per_server_max", places)
        everywhere = [(of, seat) for of in self._rows for seat in of.seats()]
        if len(everywhere) >= limits.processes_of_callers_max:
            return _longest_idle(everywhere, now, limits, "processes_of_callers_max", limits.processes_of_callers_max)
        return None


def places_of(limits: Limits) -> int:
    """For callers and sessions: one is the gateway's own, and stays so while that is not running."""
    return limits.processes_per_server_max - 1


def _longest_idle(taken: list[tuple[Row, Seat]], now: float, limits: Limits, limit: str, places: int) -> Leaving:
    idle = [(seat.link, row) for row, seat in taken if seat.link is not None and seat.link.idle]
    if not idle:
        raise NoRoom(limit, places, 1.0)
    link, row = min(idle, key=lambda one: one[0].last_used)
    wait = link.last_used + limits.process_idle_seconds_min - now
    if wait > 0:
        raise NoRoom(limit, places, wait)
    return Leaving(row, link)
