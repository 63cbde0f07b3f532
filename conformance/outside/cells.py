"""A cell: one revision of the suite in front, one fixture behind, the gateway between them.

Knows which direct run a cell is measured against, and how both are made.
"""

import shlex
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from outside import places
from outside.difference import Verdict, compare, read_expected
from outside.fixture import behind as fixture_behind
from outside.fixture import listening
from outside.gateway import serving
from outside.parts import SDK
from outside.suite import (
    AUTH_SCENARIOS,
    CLIENT_ENDED,
    CLIENT_SCENARIOS,
    REFUSED_SCENARIOS,
    Check,
    Checks,
    client_checks,
    server_checks,
)

EXPECTED = places.CONFORMANCE / "expected.txt"
DRIVER = places.CONFORMANCE / "drive_client.py"
AUTH_DRIVER = places.CONFORMANCE / "drive_auth.py"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in front of the gateway and what stands behind it."""

    front: str
    behind: str

    def __str__(self) -> str:
        return f"{self.front} before {self.behind}"

    @property
    def measure(self) -> str:
        """The fixture that the suite meets in the direct run.

        The legacy SDK's own server where the suite can speak to it; otherwise the server of every era, because a
        modern suite has nothing to say to a legacy server without a gateway.
        """
        if self.behind in ("legacy", "stdio-legacy") and self.front != "2026-07-28":
            return "legacy"
        return "modern"


SERVER_CELLS = [
    *(
        Cell(front, behind)
        for front in ("2026-07-28", "2025-11-25")
        for behind in ("modern", "modern-only", "legacy-only", "legacy", "stdio", "stdio-legacy")
    ),
    *(Cell(front, behind) for front in ("2025-06-18", "2025-03-26") for behind in ("modern", "legacy")),
]
CLIENT_CELLS = [(revision, scenario) for revision, names in CLIENT_SCENARIOS.items() for scenario in names]
AUTH_CELLS = [(revision, scenario) for revision, names in AUTH_SCENARIOS.items() for scenario in names]


def direct_checks(front: str, fixture: str, folder: Path) -> Checks:
    with listening(fixture, folder) as url:
        return server_checks(url, front, folder)


def gateway_checks(cell: Cell, folder: Path) -> Checks:
    with fixture_behind(cell.behind, folder) as server, serving([server], folder) as gateway:
        return server_checks(gateway.mcp, cell.front, folder)


def judge_server(cell: Cell, folder: Path, direct: Checks | None = None) -> Verdict:
    """Direct against through the gateway. A direct run that was made before can be given."""
    if direct is None:
        direct = direct_checks(cell.front, cell.measure, folder / "direct")
    due = [line for line in read_expected(EXPECTED) if line.due(cell.front, cell.behind)]
    return compare(direct, gateway_checks(cell, folder / "gateway"), due)


def judge_client(revision: str, scenario: str, folder: Path) -> Verdict:
    """The gateway as the client under test: the official client before it, against the official client alone."""
    direct, gateway = (client_run(way, revision, scenario, folder / way) for way in ("direct", "gateway"))
    leave_out_more(direct, gateway)
    leave_out_better(direct, gateway, scenario)
    due = [line for line in read_expected(EXPECTED) if line.due(revision, "client")]
    return compare(direct, gateway, [line for line in due if line.difference.scenario == scenario])


def judge_auth(revision: str, scenario: str, folder: Path) -> Verdict:
    """The gateway as the OAuth client: measured against every check being a success, and no warning."""
    command = shlex.join([sys.executable, str(AUTH_DRIVER), str(folder)])
    found = client_checks(command, revision, scenario, folder)
    ended = Check(scenario, CLIENT_ENDED, "FAILURE" if scenario in REFUSED_SCENARIOS else "SUCCESS")
    wanted = {Check(scenario, check.check, "SUCCESS") for check in found if check.check != CLIENT_ENDED}
    return compare(Counter({*wanted, ended}), found, [])


def client_run(way: str, revision: str, scenario: str, folder: Path) -> Checks:
    client = [
        str(places.interpreter("suite/modern")),
        str(places.sdist(SDK) / ".github" / "actions" / "conformance" / "client.py"),
    ]
    return client_checks(
        shlex.join([sys.executable, str(DRIVER), way, str(folder), *client]), revision, scenario, folder
    )


def leave_out_more(direct: Checks, gateway: Checks) -> None:
    """The gateway also asks of its own accord, for its catalogue. What it does well beyond the client may stay."""
    for check in [check for check in gateway - direct if check.status == "SUCCESS" and not asked(direct, check)]:
        del gateway[check]


def leave_out_better(direct: Checks, gateway: Checks, scenario: str) -> None:
    """How the client ends is a question of ours, not of the suite, and it may end better than alone.

    A strict client stumbles over a server that forgets what the gateway then puts in. It may never end worse.
    """
    worse, better = Check(scenario, CLIENT_ENDED, "FAILURE"), Check(scenario, CLIENT_ENDED, "SUCCESS")
    if worse in direct and better in gateway:
        del direct[worse], gateway[better]


def asked(checks: Checks, check: Check) -> bool:
    return any((known.scenario, known.check) == (check.scenario, check.check) for known in checks)
