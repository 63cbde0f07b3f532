"""Series for a model: few of them, with few points and the figures that matter.

Knows: what Prometheus answers with, and how long an answer may be. Refuses to know: what was asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean

from narthex import ToolError
from narthex.libraries.prometheus.asking import Sampled

series_max = 20  # shown of one answer, the largest first
points_max = 1_000  # of all that are shown
points_per_series_max = 60
Value = float | None


@dataclass(frozen=True, slots=True)
class Series:
    """The figures are of every point that was fetched; `points` are means of neighbours, null where nothing was."""

    labels: dict[str, str]
    min: Value
    max: Value
    avg: Value
    first: Value
    last: Value
    max_at: str | None
    points: list[Value]


@dataclass(frozen=True, slots=True)
class Metrics:
    """`step_seconds` lie between two points; the first is at `start`. `query`: what Prometheus was asked."""

    query: str
    start: str
    end: str
    step_seconds: int
    series: list[Series]
    series_found: int
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """One series as it came, on the grid of its query."""

    labels: dict[str, str]
    values: list[Value]

    def height(self) -> float:
        return max((value for value in self.values if value is not None), default=float("-inf"))


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the points of a query lie."""

    start: float
    end: float
    step: int

    @property
    def count(self) -> int:
        return round((self.end - self.start) / self.step) + 1  # it is a multiple, but for what is lost in fractions

    def moment(self, index: int) -> str:
        return moment(self.start + index * self.step)


def lines_of(found: list[Sampled], grid: Grid) -> list[Line]:
    """Every series of an answer, the highest first. Raises ToolError for what has no numbers."""
    lines = [_line(one, grid) for one in found if one.values or one.value]
    if found and not lines:
        raise ToolError("These are native histograms, which have no single number. Ask for a count or a quantile.")
    return sorted(lines, key=Line.height, reverse=True)


def summary(query: str, lines: list[Line], grid: Grid, notes: Iterable[str]) -> Metrics:
    shown = lines[:series_max]
    most = min(points_per_series_max, points_max // max(len(shown), 1))
    together = -(-grid.count // most)  # so many points become one
    said = list(notes)
    if len(lines) > len(shown):
        said.append(f"The {len(shown)} highest of {len(lines)} series. Name labels, or put series together with `by`.")
    step = grid.step * together
    series = [_summed(line, grid, together) for line in shown]
    return Metrics(query, moment(grid.start), moment(grid.end), step, series, len(lines), " ".join(said))


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _line(one: Sampled, grid: Grid) -> Line:
    values: list[Value] = [None] * grid.count
    for at, value in one.values or [one.value or (0.0, "")]:
        index = round((at - grid.start) / grid.step)
        if 0 <= index < grid.count:
            values[index] = _number(value)
    return Line(one.metric, values)


def _summed(line: Line, grid: Grid, together: int) -> Series:
    known = [value for value in line.values if value is not None]
    if not known:
        return Series(line.labels, None, None, None, None, None, None, [])
    points = [_mean(line.values[at : at + together]) for at in range(0, grid.count, together)]
    highest = max(known)
    return Series(
        labels=line.labels,
        min=_short(min(known)),
        max=_short(highest),
        avg=_short(fmean(known)),
        first=_short(known[0]),
        last=_short(known[-1]),
        max_at=grid.moment(line.values.index(highest)),
        points=points,
    )


def _mean(values: list[Value]) -> Value:
    known = [value for value in values if value is not None]
    return _short(fmean(known)) if known else None


def _number(text: str) -> Value:
    """JSON knows neither infinity nor what is no number; what is nearly infinite has no mean."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None


def _short(value: float) -> float:
    """Six digits that count; whole numbers whole."""
    return value if value.is_integer() and abs(value) < 1e15 else float(f"{value:.6g}")
