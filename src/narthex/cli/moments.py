"""Times on the command line: `90d` and `12h` as seconds, a moment as text.

Knows: units and words. Refuses to know: what is meant to last so long.
"""

import re
import time
from math import inf

import click

_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_FORM = re.compile(r"([0-9]{1,9})([smhdw])")


class Duration(click.ParamType[float]):
    """A number with a unit; with `endless`, also the word `never`."""

    name = "duration"

    def __init__(self, *, endless: bool = False) -> None:
        self._endless = endless

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if self._endless and value == "never":
            return inf
        parts = _FORM.fullmatch(str(value))
        if parts is None:
            further = ", or never" if self._endless else ""
            self.fail(f"'{value}' is no time: write 45s, 30m, 24h, 90d, 12w{further}.", param, ctx)
        return int(parts[1]) * _UNITS[parts[2]]


def moment(seconds: float | None) -> str:
    """Seconds since the epoch, to the minute."""
    if seconds is None or seconds == inf:
        return "never"
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
