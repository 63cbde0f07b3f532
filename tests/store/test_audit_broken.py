"""When the disk is full, broken or blocked: nothing is lost silently, nothing that was acknowledged is missing."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_support import Heard, audit_log, end, lines, proof, start, until

from narthex.model.audit import AuditUnavailable
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.file import open_new
from narthex.store.audit.log import AuditLog
from narthex.store.audit.watch import EXIT_BLOCKED

COUNTING = AuditConfig(when_broken="count")


class Disk:
    """Opens segments, and nothing but a full device while it is full. The kernel's own, so are its errors."""

    def __init__(self) -> None:
        self.full = False
        self.opened = 0

    def __call__(self, path: Path) -> int:
        self.opened += 1
        return os.open("/dev/full", os.O_WRONLY) if self.full else open_new(path)

    def fill(self, log: AuditLog) -> None:
        """From now on every write fails, also to the segment that is open."""
        self.full = True
        swap(log, "/dev/full")


def swap(log: AuditLog, device: str) -> None:
    """Put something else behind the descriptor that the journal writes to."""
    assert log.journal.file is not None
    handle = os.open(device, os.O_WRONLY)
    os.dup2(handle, log.journal.file.fd, inheritable=False)
    os.close(handle)


def calls(state: Path) -> list[object]:
    return [line["call"] for line in lines(state) if line["kind"] == "end"]


def kinds(state: Path, kind: str) -> list[dict[str, object]]:
    return [line for line in lines(state) if line["kind"] == kind]


def test_a_full_disk_refuses_calls_and_says_so_once(tmp_path: Path) -> None:
    disk, heard = Disk(), Heard()
    with audit_log(tmp_path, say=heard, opener=disk) as log:
        log.append(end(1))
        disk.fill(log)
        for call in range(2, 12):
            with pytest.raises(AuditUnavailable, match="No space left on device"):
                log.append(end(call))
        assert log.trouble == "The audit log cannot be written: No space left on device."
        assert log.journal.unrecorded == 10
        assert len([level for level, _ in heard if level == "error"]) == 2  # the file, and the log as a whole

    assert calls(tmp_path) == [1]
    assert proof(tmp_path).sound


def test_when_there_is_room_again_the_log_goes_on_and_tells_of_the_gap(tmp_path: Path) -> None:
    disk, heard = Disk(), Heard()
    with audit_log(tmp_path, say=heard, opener=disk) as log:
        log.append(end(1))
        disk.fill(log)
        for call in range(2, 5):
            with pytest.raises(AuditUnavailable):
                log.append(end(call))
        disk.full = False
        until(lambda: log.trouble is None)
        log.append(end(5))

    (gap,) = kinds(tmp_path, "gap")
    assert (gap["count"], gap["what"], gap["error"]) == (3, "refused", "No space left on device")
    assert calls(tmp_path) == [1, 5]
    assert heard.has("3 records are missing")
    assert proof(tmp_path).sound


def test_an_operator_who_counts_is_told_how_many_went_unrecorded(tmp_path: Path) -> None:
    disk = Disk()
    with audit_log(tmp_path, COUNTING, opener=disk) as log:
        log.append(end(1))
        disk.fill(log)
        assert [log.append(end(2)), log.append(end(3)), log.extend([end(4), end(5)])] == [0, 0, 0]
        disk.full = False
        until(lambda: log.trouble is None)
        assert log.append(end(6)) > 0

    (gap,) = kinds(tmp_path, "gap")
    assert (gap["count"], gap["what"]) == (4, "unrecorded")
    assert calls(tmp_path) == [1, 6]
    assert proof(tmp_path).sound


def test_while_it_is_down_another_file_is_tried_now_and_then_and_not_by_calls(tmp_path: Path) -> None:
    disk = Disk()
    with audit_log(tmp_path, COUNTING, opener=disk) as log:
        disk.fill(log)
        for call in range(1_000):
            log.append(end(call))
        opened = disk.opened
        until(lambda: disk.opened > opened)

        assert opened < 10


def test_one_bad_file_is_left_for_another_at_once(tmp_path: Path) -> None:
    disk, heard = Disk(), Heard()
    with audit_log(tmp_path, say=heard, opener=disk) as log:
        log.append(end(1))
        swap(log, "/dev/full")
        log.append(end(2))
        swap(log, "/dev/full")
        log.extend([end(3), end(4)])
        assert log.trouble is None

    assert calls(tmp_path) == [1, 2, 3, 4]
    assert [opening.get("found") is not None for opening in kinds(tmp_path, "open")] == [False, True, True]
    assert heard.has("goes on in")
    assert proof(tmp_path).sound


def test_a_gateway_starts_with_a_full_disk_and_refuses(tmp_path: Path) -> None:
    disk = Disk()
    disk.full = True
    with audit_log(tmp_path, opener=disk) as log:
        with pytest.raises(AuditUnavailable):
            log.append(end(1))
        disk.full = False
        until(lambda: log.trouble is None)
        log.append(end(2))

    assert calls(tmp_path) == [2]
    assert proof(tmp_path).sound


def test_a_log_that_is_down_at_its_end_is_closed_by_the_next(tmp_path: Path) -> None:
    disk, heard = Disk(), Heard()
    with audit_log(tmp_path, opener=disk) as log:
        log.append(start(7))
        disk.fill(log)
        with pytest.raises(AuditUnavailable):
            log.append(end(7))
    with audit_log(tmp_path, say=heard):
        pass

    (unknown,) = kinds(tmp_path, "end")
    assert (unknown["call"], unknown["outcome"]) == (7, "unknown")
    assert heard.has("calls of unknown outcome: 1")
    assert [chain.state for chain in proof(tmp_path).chains] == ["closed", "closed"]
    assert proof(tmp_path).sound


LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, end, start
from narthex.model.audit import AuditUnavailable
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.log import AuditLog

log = AuditLog.open(Path(sys.argv[1]), AuditConfig(), Heard())
log.append(end(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (9_999, resource.RLIM_INFINITY))
for call in range(2, 200):
    if call % 3:
        seqs = [log.append(end(call))]
    else:
        seqs = [log.extend([end(1000 + call), end(2000 + call), end(call)])]
    print(call, flush=True)
log.close()
"""


def test_a_file_that_takes_only_a_part_is_left_with_its_torn_line_named(tmp_path: Path) -> None:
    """The limit on the size of files tears lines apart (EFBIG after a short write), again and again."""
    tests = str(Path(__file__).parent)
    ran = subprocess.run([sys.executable, "-c", LIMITED, tmp_path, tests], capture_output=True, text=True, timeout=30)

    acknowledged = [1, *(int(word) for word in ran.stdout.split())]
    report = proof(tmp_path)
    assert ran.stderr == ""
    assert acknowledged == list(range(1, 200))
    assert [call for call in calls(tmp_path) if int(str(call)) < 1000] == acknowledged
    assert report.sound, report.first
    assert report.chains[0].segments > 5
    torn = [opening["found"] for opening in kinds(tmp_path, "open") if "found" in opening]
    assert any(isinstance(found, dict) and found.get("torn") for found in torn)


def test_a_torn_line_is_only_what_its_successor_says(tmp_path: Path) -> None:
    tests = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", LIMITED, tmp_path, tests], capture_output=True, timeout=30, check=True)
    torn = next(path for path in sorted((tmp_path / "audit").glob("*.jsonl")) if not path.read_bytes().endswith(b"\n"))
    torn.write_bytes(torn.read_bytes()[:-1])

    assert [one.what for one in proof(tmp_path).chains[0].findings] == ["torn"]


SMALL_DISK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, audit_log, end, lines, proof, until
from narthex.model.audit import AuditUnavailable
from narthex.model.audit_config import AuditConfig

state, acknowledged, refused = Path(sys.argv[1]), [], 0
with audit_log(state, AuditConfig(compress=False), Heard()) as log:
    for call in range(1, 2_001):
        try:
            log.append(end(call))
            acknowledged.append(call)
        except AuditUnavailable:
            refused += 1
    (state / "filler").unlink()
    until(lambda: log.trouble is None)
    log.append(end(4711))
(gap,) = (line for line in lines(state) if line["kind"] == "gap")
written = [line["call"] for line in lines(state) if line["kind"] == "end"]
print(written == [*acknowledged, 4711], refused == gap["count"] > 0, proof(state).sound, gap["error"])
"""


def test_a_small_file_system_that_fills_up_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=512k none "$1" && dd if=/dev/zero of="$1/filler" bs=1k count=200 status=none'
    command = ["unshare", "-Urm", "sh", "-c", f'{mount} || exit 99; exec "$2" -c "$3" "$1" "$4"', "sh"]
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    ran = subprocess.run(
        [*command, str(tmp_path), sys.executable, SMALL_DISK, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    if ran.returncode in (1, 99) and "True" not in ran.stdout and "Traceback" not in ran.stderr:
        pytest.skip(f"no file system of our own can be mounted here: {ran.stderr.strip()}")

    assert (ran.stdout, ran.stderr) == ("True True True No space left on device\n", "")


ERRING = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, audit_log, end, proof, until
from narthex.model.audit import AuditUnavailable
from narthex.model.audit_config import AuditConfig

async def calls(log):
    for call in range(1, 31):
        try:
            await log.durable(log.append(end(call)))
        except AuditUnavailable as error:
            print(call, error, flush=True)
            until(lambda: log.trouble is None)

state = Path(sys.argv[1])
with audit_log(state, AuditConfig(durability="power"), Heard()) as log:
    asyncio.run(calls(log))
print(proof(state).sound)
"""


def test_a_sync_that_failed_is_never_asked_again_of_the_same_file(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    trace = tmp_path / "trace"
    inject = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=7"]
    probe = [strace or "", "-o", str(trace), *inject, "true"]
    if strace is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("needs strace, and leave to trace")
    command = [strace, "-f", "-qq", "-o", str(trace), *inject, sys.executable, "-c", ERRING]
    ran = subprocess.run(
        [*command, str(tmp_path / "state"), str(Path(__file__).parent)], capture_output=True, text=True, timeout=50
    )

    syncs = re.findall(r"fdatasync\((\d+)\) += (-?\d+)", trace.read_text())
    failed = [n for n, (_fd, result) in enumerate(syncs) if result == "-1"]
    assert ran.stdout == "7 The disk did not keep the audit record: Input/output error.\nTrue\n"
    assert failed == [6]
    assert syncs[6][0] not in {fd for fd, _ in syncs[7:9]}


# A disk that does not answer


@pytest.fixture
def stuck() -> Iterator[tuple[int, int]]:
    """A pipe that is full: whoever writes to it waits until somebody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 65_536)
    except BlockingIOError:
        os.set_blocking(writer, True)
    yield reader, writer
    for handle in (reader, writer):
        os.close(handle)


def test_a_write_that_took_too_long_counts_as_failed_and_another_file_is_begun_elsewhere(
    tmp_path: Path, stuck: tuple[int, int]
) -> None:
    reader, writer = stuck
    heard = Heard()
    with audit_log(tmp_path, AuditConfig(blocked_seconds_max=0), heard) as log:
        log.append(end(1))
        assert log.journal.file is not None
        os.dup2(writer, log.journal.file.fd, inheritable=False)
        appending = threading.Thread(target=log.append, args=(end(2),))
        appending.start()
        until(lambda: log.journal.writing_since and time.monotonic() - log.journal.writing_since > 1.2)
        os.read(reader, 1 << 20)
        appending.join()
        assert heard.has("a write took")
        until(lambda: log.trouble is None)
        log.append(end(3))

    # The second went into the pipe: a device that took it. The chain knows it, and so it is missed here.
    assert calls(tmp_path) == [1, 3]
    assert [(one.what, one.first) for one in proof(tmp_path).chains[0].findings] == [("missing", 3)]


HANGING = """
import os, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, end
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.log import AuditLog

log = AuditLog.open(Path(sys.argv[1]), AuditConfig(blocked_seconds_max=1.5), Heard())
reader, writer = os.pipe()
os.dup2(writer, log.journal.file.fd)
while True:
    log.append(end(1))
"""


def test_a_write_that_never_comes_back_ends_the_process_with_a_sentence(tmp_path: Path) -> None:
    tests = str(Path(__file__).parent)
    ran = subprocess.run([sys.executable, "-c", HANGING, tmp_path, tests], capture_output=True, text=True, timeout=30)

    assert ran.returncode == EXIT_BLOCKED
    assert "has not come back" in ran.stderr
    assert "this process ends" in ran.stderr


# Power


POWER = AuditConfig(durability="power")


async def test_a_record_is_durable_once_it_was_synced(tmp_path: Path) -> None:
    with audit_log(tmp_path, POWER) as log:
        seq = log.append(end(1))
        await log.durable(seq)

        assert log.journal.synced >= seq


async def test_without_power_nobody_waits(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        await log.durable(log.append(end(1)))

        assert log.journal.synced == 0


async def test_many_share_one_sync(tmp_path: Path) -> None:
    import asyncio

    async def one(call: int) -> None:
        await log.durable(log.append(end(call)))

    with audit_log(tmp_path, AuditConfig(durability="power", segment_bytes=65_536)) as log:
        await asyncio.gather(*(one(call) for call in range(1, 1_001)))

        assert log.journal.synced >= 1_000

    assert sorted(int(str(call)) for call in calls(tmp_path)) == list(range(1, 1_001))
    assert proof(tmp_path).sound


async def test_what_the_disk_did_not_keep_is_nobodys_promise(tmp_path: Path) -> None:
    """fdatasync of a device that cannot sync fails. It is asked once, and the file is left."""
    heard = Heard()
    with audit_log(tmp_path, POWER, heard) as log:
        await log.durable(log.append(end(1)))
        good = log.journal.synced
        swap(log, "/dev/null")
        seq = log.append(end(2))
        with pytest.raises(AuditUnavailable, match="did not keep"):
            await log.durable(seq)
        with pytest.raises(AuditUnavailable, match="did not keep"):
            await log.durable(seq)
        until(lambda: log.trouble is None)
        await log.durable(log.append(end(3)))

    found = kinds(tmp_path, "open")[-1]["found"]
    assert isinstance(found, dict)
    assert found["synced"] == good
    assert heard.has("cannot be written")
    # The device swallowed record 2, and the proof misses it.
    assert [(one.what, one.first, one.last) for one in proof(tmp_path).chains[0].findings] == [("missing", seq, seq)]


async def test_a_wait_that_is_cancelled_harms_nobody(tmp_path: Path) -> None:
    import asyncio

    with audit_log(tmp_path, POWER) as log:
        waits = [asyncio.ensure_future(log.durable(log.append(end(call)))) for call in range(1, 51)]
        await asyncio.sleep(0)
        for wait in waits[::2]:
            wait.cancel()
        await asyncio.gather(*waits[1::2])
        await asyncio.gather(*waits, return_exceptions=True)
        await log.durable(log.append(end(51)))
