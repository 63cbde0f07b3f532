"""The command line of `conformance/run`: which cells, printed how, with which status.

Status 0: check for check the same, but for what `expected.txt` names. 1: not so. 2: wrong usage, or no suite to run.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from outside.cells import AUTH_CELLS, CLIENT_CELLS, SERVER_CELLS, Cell, judge_auth, judge_client, judge_server
from outside.difference import Verdict
from outside.fixture import FIXTURES
from outside.install import InstallFailure, ensure
from outside.process import NotReady
from outside.suite import REVISIONS, SuiteFailure

Job = Callable[[Path], Verdict]


def main() -> None:
    jobs, keep = chosen()
    # Whatever was started ends when this is told to end: `finally` blocks run for SystemExit, not for the signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        ensure("suite")
        with results(keep) as folder:
            good = [judged(name, job, folder / name.replace(" ", "-")) for name, job in jobs.items()]
    except InstallFailure as failure:
        print(f"conformance/run: {failure}", file=sys.stderr)
        sys.exit(2)
    print(f"{sum(good)} of {len(good)} cells are as they should be")
    sys.exit(not all(good))


def chosen() -> tuple[dict[str, Job], Path | None]:
    """The cells that were asked for, by name; every one of them when nothing narrows them down."""
    parser = argparse.ArgumentParser(
        prog="conformance/run",
        description="The official suite, direct and through the gateway, compared check by check.",
        epilog="NARTHEX_GATEWAY puts another gateway in the place of .venv/bin/narthex: a command with {file} in it.",
    )
    parser.add_argument("side", choices=("server", "client", "auth"), help="the gateway as a server, or as the client")
    parser.add_argument("--front", choices=REVISIONS, help="the revision that the suite speaks")
    parser.add_argument("--behind", choices=FIXTURES, help="the conformant server behind the gateway")
    parser.add_argument("--scenario", choices=sorted({name for _, name in (*CLIENT_CELLS, *AUTH_CELLS)}))
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the suite's results and every log there")
    wanted = parser.parse_args()
    if wanted.side == "server":
        jobs = server_jobs(wanted.front, wanted.behind)
    else:
        cells, judge = (CLIENT_CELLS, judge_client) if wanted.side == "client" else (AUTH_CELLS, judge_auth)
        jobs = client_jobs(cells, judge, wanted.front, wanted.scenario)
    if not jobs or (wanted.side == "server" and wanted.scenario) or (wanted.side != "server" and wanted.behind):
        parser.error("no such cell: --behind belongs to 'server', --scenario to 'client' and 'auth'")
    return jobs, wanted.keep


def server_jobs(front: str | None, behind: str | None) -> dict[str, Job]:
    if front and behind:
        return {str(Cell(front, behind)): partial(judge_server, Cell(front, behind))}
    return {
        str(cell): partial(judge_server, cell)
        for cell in SERVER_CELLS
        if front in (None, cell.front) and behind in (None, cell.behind)
    }


def client_jobs(
    cells: list[tuple[str, str]], judge: Callable[[str, str, Path], Verdict], front: str | None, scenario: str | None
) -> dict[str, Job]:
    return {
        f"client {revision} {name}": partial(judge, revision, name)
        for revision, name in cells
        if front in (None, revision) and scenario in (None, name)
    }


@contextmanager
def results(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="narthex-judges-") as folder:
        yield Path(folder)


def judged(name: str, job: Job, folder: Path) -> bool:
    """Runs one cell and prints what came of it; a cell that could not be judged is not good."""
    shutil.rmtree(folder, ignore_errors=True)  # kept results of an earlier run would be counted again
    began = time.monotonic()
    try:
        verdict = job(folder)
    except (NotReady, SuiteFailure) as failure:
        print(f"== {name}: not judged\n{failure}", flush=True)
        return False
    print(f"== {name} ({time.monotonic() - began:.1f} s)\n{verdict}", flush=True)
    return verdict.good
