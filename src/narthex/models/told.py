"""What somebody should know of a translation: said once per tool and kind, not once per place.

Knows: how places are gathered into a sentence. Refuses to know: where it is printed.
"""

from narthex.models.shapes import sendable

_PLACES_MAX = 3


class Told:
    """Warnings of one tool, in the order in which they came up."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, None]] = {}  # each an ordered set

    def __call__(self, what: str, place: str = "") -> None:
        places = self._places.setdefault(what, {})
        if place:
            places[place] = None

    def join(self, other: "Told") -> None:
        for what, places in other._places.items():
            self(what)
            for place in places:
                self(what, place)

    def sentences(self, tool: str) -> list[str]:
        tool = in_one_line(tool)
        return [f"{tool}: {what}{_at(list(places))}." for what, places in self._places.items()]


def in_one_line(name: str) -> str:
    """A stranger's name within a sentence."""
    return sendable(" ".join(name.split()))


def _at(places: list[str]) -> str:
    if not places:
        return ""
    more = len(places) - _PLACES_MAX
    return f" (at {', '.join(map(in_one_line, places[:_PLACES_MAX]))}{f' and {more} more' if more > 0 else ''})"
