"""What differs between a direct run of the suite and one through the gateway, and which of it was expected.

`expected.txt` is exact in both directions: a difference that it does not name is an error, and so is a line of it that
no longer comes true. Each line carries its reason.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outside.suite import Checks

COLUMNS = ("front", "behind", "scenario", "check", "direct", "gateway", "reason")
NOTHING = "-"


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A check that came out differently: its verdicts direct and through the gateway, `-` where there were none."""

    scenario: str
    check: str
    direct: str
    gateway: str

    def __str__(self) -> str:
        return f"{self.scenario} | {self.check} | {self.direct} | {self.gateway}"


@dataclass(frozen=True, slots=True)
class Expected:
    """One line of the file: a difference, the cells in which it is due, and why."""

    fronts: tuple[str, ...]
    behinds: tuple[str, ...]
    difference: Difference
    reason: str

    def due(self, front: str, behind: str) -> bool:
        return front in self.fronts and behind in self.behinds


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """The outcome of one cell."""

    direct: Checks
    gateway: Checks
    unexpected: list[Difference]
    vanished: list[Difference]
    expected: list[Expected]

    @property
    def good(self) -> bool:
        return bool(self.direct) and not self.unexpected and not self.vanished

    def lines(self) -> Iterator[str]:
        for difference in self.unexpected:
            yield f"different: {difference}"
        for difference in self.vanished:
            yield f"expected to differ, and does not: {difference}"
        for line in self.expected:
            yield f"as expected: {line.difference} ({line.reason})"
        yield (
            f"{self.direct.total()} checks direct, {self.gateway.total()} through the gateway: "
            f"{len(self.unexpected)} unexpected differences, {len(self.vanished)} expected ones missing, "
            f"{len(self.expected)} as expected"
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())


def compare(direct: Checks, gateway: Checks, expected: list[Expected]) -> Verdict:
    """`expected` are the lines that are due in this cell."""
    found = differences(direct, gateway)
    due = {line.difference for line in expected}
    return Verdict(
        direct,
        gateway,
        unexpected=[difference for difference in found if difference not in due],
        vanished=sorted(due - set(found)),
        expected=[line for line in expected if line.difference in found],
    )


def differences(direct: Checks, gateway: Checks) -> list[Difference]:
    """Each check whose statuses are not the same on both sides, how often each came included."""
    names = {(check.scenario, check.check) for check in (direct - gateway) + (gateway - direct)}
    return sorted(
        Difference(scenario, check, statuses(direct, scenario, check), statuses(gateway, scenario, check))
        for scenario, check in names
    )


def statuses(checks: Checks, scenario: str, check: str) -> str:
    """`SUCCESS`, `FAILURE+SUCCESSx2`, or `-`."""
    met = Counter(
        {found.status: times for found, times in checks.items() if (found.scenario, found.check) == (scenario, check)}
    )
    return "+".join(f"{name}x{times}" if times > 1 else name for name, times in sorted(met.items())) or NOTHING


def read_expected(path: Path) -> list[Expected]:
    return [
        read_line(f"{path.name}:{number}", line)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]


def read_line(place: str, line: str) -> Expected:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) != len(COLUMNS) or not all(cells):
        raise ValueError(f"{place}: a line has {len(COLUMNS)} columns, none of them empty: {' | '.join(COLUMNS)}")
    front, behind, scenario, check, direct, gateway, reason = cells
    return Expected(tuple(front.split()), tuple(behind.split()), Difference(scenario, check, direct, gateway), reason)
