"""`narthex usage` as a shell runs it: sums in three forms, made of the log where nobody else has."""

import csv
import io
import json
from pathlib import Path

import pytest
from command_line import run

from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.log import AuditLog


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    log = AuditLog.open(folder, AuditConfig(), lambda level, sentence: None)
    for call in range(1, 13):
        log.append(
            AuditRecord(
                kind="end",
                call=call,
                method="tools/call",
                tool="=danger" if call == 12 else "crm__find",
                server="crm",
                principal=f"agent{call % 2}",
                tenant="acme",
                outcome="denied" if call == 11 else "ok",
                cost=0.0 if call == 11 else 1.5,
                bytes_in=100,
                bytes_out=1_000,
            )
        )
    log.close()
    return folder


def test_a_table_for_a_person(state: Path, tmp_path: Path) -> None:
    ran = run("usage", "--state", str(state), home=tmp_path)

    assert (ran.code, ran.err) == (0, "")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["SERVER", "TOOL", "CALLS", "ERRORS", "DENIED", "COST", "BYTES", "IN", "BYTES", "OUT"],
        ["crm", "crm__find", "11", "0", "1", "15", "1,100", "11,000"],
        ["crm", "=danger", "1", "0", "0", "1.5", "100", "1,000"],
        ["all", "12", "0", "1", "16.5", "1,200", "12,000"],
    ]


def test_json_for_a_program(state: Path, tmp_path: Path) -> None:
    words = ("--by", "principal", "--by", "tenant")
    told = json.loads(run("usage", "--state", str(state), "--json", *words, home=tmp_path).out)

    assert [(row["tenant"], row["principal"], row["calls"]) for row in told["rows"]] == [
        ("acme", "agent0", 6),
        ("acme", "agent1", 6),
    ]
    assert sum(row["cost"] for row in told["rows"]) == 16.5
    assert told["from"] == told["to"]


def test_csv_in_which_nothing_is_a_formula(state: Path, tmp_path: Path) -> None:
    ran = run("usage", "--state", str(state), "--format", "csv", "--day", "30d", home=tmp_path)
    rows = list(csv.DictReader(io.StringIO(ran.out)))

    assert [(row["tool"], row["calls"]) for row in rows] == [("crm__find", "11"), ("'=danger", "1")]


def test_days(state: Path, tmp_path: Path) -> None:
    def said(*words: str) -> tuple[int, str]:
        ran = run("usage", "--state", str(state), *words, home=tmp_path)
        return ran.code, ran.out + ran.err

    assert said("--day", "yesterday")[1].startswith("Nothing was called on ")
    assert said("--day", "2001-02")[1] == "Nothing was called on 2001-02-01 to 2001-02-28.\n"
    assert said("--day", "someday")[0] == 2
    assert said("--day", "2001-13")[0] == 2
    assert said("--by", "colour")[0] == 2


def test_where_nothing_was_ever_called(tmp_path: Path) -> None:
    ran = run("usage", "--state", str(tmp_path / "none"), home=tmp_path)

    assert ran.code == 1
    assert "There is no audit log" in ran.err


def test_it_may_be_asked_again_and_again(state: Path, tmp_path: Path) -> None:
    first, second = (run("usage", "--state", str(state), "--json", home=tmp_path).out for _ in range(2))

    assert first == second
