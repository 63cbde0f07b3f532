"""`narthex audit` as a shell runs it: read, prove, export, keep an anchor."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import SECONDS_MAX, environment, run

from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.log import AuditLog
from narthex.store.audit.names import chains


def write(state: Path, calls: range) -> None:
    log = AuditLog.open(state, AuditConfig(), lambda level, sentence: None)
    for call in calls:
        decision = "deny" if call % 5 == 0 else "allow"
        log.append(
            AuditRecord(
                kind="end",
                call=call,
                method="tools/call",
                tool="crm__find_contact",
                server="crm",
                principal=f"agent{call % 2}@acme",
                decision=decision,  # type: ignore[arg-type]
                outcome="denied" if decision == "deny" else "ok",
                filter="scopes" if decision == "deny" else "",
                duration_us=3_100,
                bytes_in=412,
            )
        )
    log.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    write(folder, range(1, 31))
    return folder


def segment(state: Path) -> Path:
    return next(iter(chains(state / "audit").values()))[0].path


def test_the_newest_records_are_said_in_one_line_each(state: Path, tmp_path: Path) -> None:
    ran = run("audit", "tail", "--state", str(state), "-n", "3", home=tmp_path)

    assert (ran.code, ran.err) == (0, "")
    assert [line[24:] for line in ran.out.splitlines()] == [
        "crm__find_contact by agent0@acme: ok in 3.1 ms (412 B in, 0 B out)",
        "crm__find_contact by agent1@acme: ok in 3.1 ms (412 B in, 0 B out)",
        "crm__find_contact by agent0@acme: denied (scopes) in 3.1 ms (412 B in, 0 B out)",
    ]


def test_records_are_chosen_by_filters(state: Path, tmp_path: Path) -> None:
    words = ("--principal", "agent1*", "--decision", "deny", "--tool", "crm__*", "--server", "crm", "--since", "1h")
    ran = run("audit", "tail", "--state", str(state), "--json", *words, home=tmp_path)

    assert [json.loads(line)["call"] for line in ran.out.splitlines()] == [5, 15, 25]
    assert run("audit", "tail", "--state", str(state), "--until", "2000-01-01", home=tmp_path).out == ""
    assert run("audit", "tail", "--state", str(state), "--since", "gestern", home=tmp_path).code == 2


def test_a_follower_shows_what_is_written_from_now_on(state: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "narthex", "audit", "tail", "-f", "--json", "-n", "1", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(tmp_path)) as child:
        assert child.stdout is not None
        try:
            assert json.loads(child.stdout.readline())["call"] == 30
            write(state, range(31, 34))
            assert [json.loads(child.stdout.readline())["call"] for _ in range(3)] == [31, 32, 33]
        finally:
            child.terminate()
            child.wait(SECONDS_MAX)


def test_a_sound_log_is_proven(state: Path, tmp_path: Path) -> None:
    ran = run("audit", "verify", "--state", str(state), home=tmp_path)
    told = json.loads(run("audit", "verify", "--state", str(state), "--json", home=tmp_path).out)

    assert (ran.code, ran.out.splitlines()[-1].startswith("Sound: 32 records in 1 chains")) == (0, True)
    assert (told["sound"], told["records"], told["chains"][0]["state"]) == (True, 32, "closed")


def test_a_changed_record_is_named_and_the_answer_is_no(state: Path, tmp_path: Path) -> None:
    path = segment(state)
    path.write_bytes(path.read_bytes().replace(b'"call":7,', b'"call":8,'))

    ran = run("audit", "verify", "--state", str(state), home=tmp_path)
    told = json.loads(run("audit", "verify", "--state", str(state), "--json", home=tmp_path).out)

    name = path.name.removesuffix(".000001.jsonl")
    assert ran.code == 1
    assert ran.out.splitlines()[-1].startswith(f"Not sound: {name} segment 1 line 8: record 8 was changed.")
    assert (told["sound"], told["chains"][0]["findings"][0]["line"]) == (False, 8)


def test_an_outsider_proves_it_with_the_public_key_and_an_anchor(state: Path, tmp_path: Path) -> None:
    key, anchor = tmp_path / "key.pem", tmp_path / "anchor"
    key.write_text(run("audit", "key", "--state", str(state), home=tmp_path).out)
    anchor.write_text(run("audit", "anchor", "--state", str(state), home=tmp_path).out)
    words = ("audit", "verify", "--folder", str(state / "audit"), "--key", str(key), "--anchor", str(anchor))
    assert run(*words, home=tmp_path).code == 0

    path = segment(state)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-4]))

    ran = run(*words, home=tmp_path)
    assert (ran.code, "records 29 to 32 missing" in ran.out) == (1, True)


def test_without_a_key_nothing_can_be_proven(state: Path, tmp_path: Path) -> None:
    ran = run("audit", "verify", "--folder", str(state / "audit"), home=tmp_path)
    bad = run("audit", "verify", "--folder", str(state / "audit"), "--key", str(segment(state)), home=tmp_path)

    assert (ran.code, "--key PEM" in ran.err) == (2, True)
    assert (bad.code, "no public key" in bad.err) == (2, True)


def test_an_anchor_that_is_none_is_refused(state: Path, tmp_path: Path) -> None:
    ran = run("audit", "verify", "--state", str(state), "--anchor", str(segment(state)), home=tmp_path)

    assert (ran.code, "is no anchor" in ran.err) == (2, True)


def test_records_are_exported_in_three_forms(state: Path, tmp_path: Path) -> None:
    def exported(*words: str) -> str:
        return run("audit", "export", "--state", str(state), "--decision", "deny", *words, home=tmp_path).out

    assert [json.loads(line)["call"] for line in exported().splitlines()] == [5, 10, 15, 20, 25, 30]
    assert exported("--json") == exported("--format", "jsonl")
    assert [row["filter"] for row in csv.DictReader(io.StringIO(exported("--format", "csv")))] == ["scopes"] * 6
    assert {json.loads(line)["class_uid"] for line in exported("--format", "ocsf").splitlines()} == {6003}


def test_where_there_is_no_log_the_answer_is_no(tmp_path: Path) -> None:
    ran = run("audit", "tail", "--state", str(tmp_path / "nowhere"), home=tmp_path)

    assert (ran.code, ran.err) == (1, f"There is no audit log in {tmp_path}/nowhere/audit.\n")
    assert run("audit", "tail", "--state", "a", "--folder", "b", home=tmp_path).code == 2


def test_the_log_of_a_configuration_is_found(tmp_path: Path) -> None:
    file = tmp_path / "narthex.yaml"
    file.write_text(f"state: {tmp_path}/state\nservers: [{{name: crm, upstream: 'http://127.0.0.1:1/mcp'}}]\n")
    write(tmp_path / "state", range(1, 3))

    assert len(run("audit", "tail", str(file), home=tmp_path).out.splitlines()) == 2
