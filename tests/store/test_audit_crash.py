"""A writer that is killed at any instant has lost nothing it acknowledged, and the next process closes its chain."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from audit_support import SECONDS_MAX, Heard, audit_log, end, lines, proof, start, until

from narthex.limits import audit_line_bytes_max
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.names import chains

TESTS = str(Path(__file__).parent)
WRITER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, end, start
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.log import AuditLog

log = AuditLog.open(Path(sys.argv[1]), AuditConfig(segment_bytes=65_536), Heard())
os.write(1, b"ready\\n")
call = 0
while True:
    call += 1
    log.append(start(call))
    os.write(1, b"start %d\\n" % call)
    if call % 7:
        log.append(end(call))
    else:
        log.extend([end(call), end(1_000_000 + call)])
    os.write(1, b"end %d\\n" % call)
"""


def life(state: Path, seconds: float) -> tuple[set[int], set[int]]:
    """One writer, killed `seconds` after its first record; the calls it said were started, and ended."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, state, TESTS], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
    finally:
        child.send_signal(signal.SIGKILL)
        said, _ = child.communicate(timeout=SECONDS_MAX)
    words = [line.split() for line in said.split(b"\n")[:-1]]
    return {int(n) for word, n in words if word == b"start"}, {int(n) for word, n in words if word == b"end"}


@pytest.mark.parametrize("lives", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_writers_killed_at_any_instant_have_lost_nothing(tmp_path: Path, lives: int) -> None:
    chance = random.Random(lives)
    before: set[str] = set()
    for number in range(lives):
        started, ended = life(tmp_path, chance.uniform(0.0, 0.06))
        (name,) = chains(tmp_path / "audit").keys() - before
        before.add(name)
        written = lines(tmp_path, name)
        assert started <= {line["call"] for line in written if line["kind"] == "start"}, number
        assert ended <= {line["call"] for line in written if line["kind"] == "end"}, number

    report = proof(tmp_path)
    assert report.sound, report.first
    assert [chain.state for chain in report.chains] == ["closed"] * (lives - 1) + ["open"]
    with audit_log(tmp_path):
        pass
    report = proof(tmp_path)
    assert report.sound, report.first
    assert {chain.state for chain in report.chains} == {"closed"}
    for name in before:
        written = lines(tmp_path, name)
        starts = {line["call"] for line in written if line["kind"] == "start"}
        ends = [line["call"] for line in written if line["kind"] == "end" and int(str(line["call"])) < 1_000_000]
        assert sorted(ends) == sorted(starts)  # each exactly once


def abandon(state: Path, calls: int, *, open_call: int = 0) -> Path:
    """A chain whose process was killed; its last segment."""
    script = WRITER.replace("while True:", f"while call < {calls}:").replace(
        "if call % 7:", f"if call == {open_call}:\n        continue\n    if True:"
    )
    script += "\nos.kill(os.getpid(), 9)\n"
    subprocess.run([sys.executable, "-c", script, state, TESTS], stdout=subprocess.DEVNULL, timeout=SECONDS_MAX)
    (segments,) = chains(state / "audit").values()
    return segments[-1].path


def test_a_torn_last_line_is_named_by_the_next_segment(tmp_path: Path) -> None:
    path = abandon(tmp_path, 5, open_call=3)
    path.write_bytes(path.read_bytes() + b'{"at":17954')
    assert (proof(tmp_path).sound, proof(tmp_path).chains[0].torn) == (True, 11)

    heard = Heard()
    with audit_log(tmp_path, say=heard):
        pass

    first = next(iter(chains(tmp_path / "audit").values()))
    opening = msgspec.json.decode(first[-1].path.read_bytes().splitlines()[0])
    assert (opening["found"]["torn"], opening["found"]["segment"]) == (11, 1)
    assert path.read_bytes().endswith(b'{"at":17954')  # nothing was repaired
    assert heard.has("calls of unknown outcome: 1")
    assert proof(tmp_path).sound


def test_an_open_call_is_found_in_an_older_segment(tmp_path: Path) -> None:
    abandon(tmp_path, 400, open_call=2)
    assert len(next(iter(chains(tmp_path / "audit").values()))) > 2

    with audit_log(tmp_path):
        pass

    (unknown,) = (line for line in lines(tmp_path) if line.get("outcome") == "unknown")
    assert (unknown["call"], unknown["tool"], unknown["note"]) == (
        2,
        "crm__delete",
        "the process ended before it was known",
    )


def test_a_segment_that_never_began_does_not_stop_anybody(tmp_path: Path) -> None:
    path = abandon(tmp_path, 5)
    empty = path.with_name(path.name.replace("000001", "000002"))
    empty.write_bytes(b'{"at":1')

    with audit_log(tmp_path):
        pass

    assert proof(tmp_path).sound, proof(tmp_path).first
    assert [chain.state for chain in proof(tmp_path).chains] == ["closed", "closed"]


def test_a_chain_without_a_single_record_does_not_stop_anybody(tmp_path: Path) -> None:
    path = abandon(tmp_path, 1)
    path.write_bytes(b"")

    with audit_log(tmp_path):
        pass

    assert proof(tmp_path).sound, proof(tmp_path).first


def test_a_damaged_chain_is_closed_all_the_same_and_stays_damaged(tmp_path: Path) -> None:
    path = abandon(tmp_path, 20)
    whole = path.read_bytes()
    path.write_bytes(whole[:2_000] + b"\0" * 3_000 + b"\n" + whole[5_001:] + b"\0" * audit_line_bytes_max)

    with audit_log(tmp_path):
        pass

    report = proof(tmp_path)
    assert not report.sound
    assert {chain.state for chain in report.chains} == {"closed"}


def test_a_chain_that_lives_is_left_alone(tmp_path: Path) -> None:
    with audit_log(tmp_path) as one:
        one.append(start(1))
        with audit_log(tmp_path) as two:
            two.append(start(1))
            one.append(end(1))
            two.append(end(1))
            assert [chain.state for chain in proof(tmp_path).chains] == ["written", "written"]

    report = proof(tmp_path)
    assert report.sound
    assert [chain.segments for chain in report.chains] == [1, 1]
    assert [line for line in lines(tmp_path) if line.get("outcome") == "unknown"] == []


def test_two_processes_write_into_one_folder(tmp_path: Path) -> None:
    script = WRITER.replace("while True:", "while call < 300:") + "\nlog.close()\n"
    children = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path, TESTS], stdout=subprocess.DEVNULL) for _ in range(2)
    ]
    assert [child.wait(SECONDS_MAX) for child in children] == [0, 0]

    report = proof(tmp_path)
    assert report.sound, report.first
    assert len(report.chains) == 2
    assert len([line for line in lines(tmp_path) if line["kind"] == "start"]) == 600


def test_processes_that_start_at_once_close_an_abandoned_chain_once(tmp_path: Path) -> None:
    abandon(tmp_path, 30, open_call=7)
    script = WRITER.replace("while True:", "while call < 3:") + "\nlog.close()\n"
    children = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path, TESTS], stdout=subprocess.DEVNULL) for _ in range(4)
    ]
    assert [child.wait(SECONDS_MAX) for child in children] == [0] * 4

    report = proof(tmp_path)
    assert report.sound, report.first
    assert {chain.state for chain in report.chains} == {"closed"}
    assert len([line for line in lines(tmp_path) if line.get("outcome") == "unknown"]) == 1


def test_heads_are_signed_also_when_little_happens(tmp_path: Path) -> None:
    with audit_log(tmp_path, AuditConfig()) as log:
        seq = log.append(end(1))
        until(lambda: log.journal.chain.signed > seq)
