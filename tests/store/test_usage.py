"""Sums of usage: each record of the log is counted once, whoever counts, and whenever one of them dies."""

import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from audit_support import audit_log, end, start, until

from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig
from narthex.store.usage import FILE, Usage

ALL = ("", "9999")
SMALL = AuditConfig(segment_bytes=65_536)


def folded(state: Path, step: int = 100) -> Usage:
    usage = Usage(state, state / "audit")
    while usage.fold(step):
        pass
    return usage


def total(usage: Usage) -> tuple[int, ...]:
    rows = usage.sums((), *ALL)
    return tuple(int(value) for value in rows[0]) if rows else ()


def test_calls_errors_denials_costs_and_bytes_are_summed(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(start(1))
        log.append(end(1, cost=1.5, bytes_in=10, bytes_out=100))
        log.append(end(2, outcome="tool_error", cost=1.0, bytes_in=20))
        log.append(end(3, outcome="error", cost=0.001))
        log.append(end(4, outcome="denied", decision="deny"))
        log.append(end(5, outcome="unknown"))
        log.append(AuditRecord(kind="act", action="key.created"))
        log.append(AuditRecord(kind="end", call=6, outcome="denied", filter="identity"))
    usage = folded(tmp_path)

    assert total(usage) == (5, 3, 1, 2_501, 30, 100)
    usage.close()


def test_sums_are_told_apart_by_day_tenant_principal_server_and_tool(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        for call, tool in enumerate(("a", "b", "b")):
            log.append(end(call, tool=tool, tenant="acme"))
        log.append(end(9, tool="made up", server="", outcome="error"))
        log.append(end(10, method="resources/read", tool="crm://1"))
    usage = folded(tmp_path)
    rows = usage.sums(("server", "tool"), *ALL)

    assert [row[:3] for row in rows] == [
        ("crm", "b", 2),
        ("", "unknown", 1),
        ("crm", "a", 1),
        ("crm", "resources/read", 1),
    ]
    assert [row[:2] for row in usage.sums(("tenant",), *ALL)] == [("acme", 3), ("", 2)]
    assert len(usage.sums(("day",), *ALL)) == 1
    assert usage.sums(("day",), "2000-01-01", "2000-01-02") == []
    usage.close()


def test_what_was_counted_is_not_counted_again(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as log:
        first = Usage(tmp_path, tmp_path / "audit")
        second = Usage(tmp_path, tmp_path / "audit")
        for call in range(1_000):
            log.append(end(call))
            if call % 50 == 0:
                (first if call % 100 else second).fold(30)
        while first.fold(64) or second.fold(64):
            pass

        assert total(first) == total(second) == (1_000, 0, 0, 0, 0, 0)
        first.close()
        second.close()
    usage = folded(tmp_path)
    assert total(usage)[0] == 1_000
    usage.close()


def test_compressed_files_and_further_chains_are_read_on(tmp_path: Path) -> None:
    for beginning in (0, 300):
        with audit_log(tmp_path, SMALL) as log:
            for call in range(beginning, beginning + 300):
                log.append(end(call))
        usage = folded(tmp_path, 7)
        assert total(usage)[0] == beginning + 300
        usage.close()


FOR_EVER = """
import sys
from contextlib import suppress
from pathlib import Path
from narthex.store.usage import Usage
state = Path(sys.argv[1])
usage = Usage(state, state / "audit")
while True:
    usage.fold(3)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_fold_that_is_killed_has_counted_everything_once(tmp_path: Path, seed: int) -> None:
    with audit_log(tmp_path, SMALL) as log:
        for round_ in range(3):
            with subprocess.Popen([sys.executable, "-c", FOR_EVER, str(tmp_path)]) as process:
                for call in range(400 + 97 * seed):
                    log.append(end(round_ * 10_000 + call))
                until((tmp_path / FILE).exists)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.05 * (seed + 1))
                process.kill()
    usage = folded(tmp_path)

    assert total(usage)[0] == 3 * (400 + 97 * seed)
    usage.close()


def test_sums_and_places_change_in_one_transaction(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        for call in range(10):
            log.append(end(call))
    usage = Usage(tmp_path, tmp_path / "audit")
    usage.fold(5)
    with sqlite3.connect(tmp_path / FILE) as other:
        sums = other.execute("SELECT SUM(calls) FROM usage").fetchone()[0]
        places = other.execute("SELECT COUNT(*) FROM places").fetchone()[0]

    assert (sums, places) == (4, 1)  # the first line of the file is no call
    while usage.fold(5):
        pass
    assert total(usage)[0] == 10
    usage.close()
