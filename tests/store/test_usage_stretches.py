"""Sums made while the log is written are those of the log, whoever else sums it, and whatever befalls it meanwhile."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from audit_support import audit_log, end, start

from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.log import AuditLog
from narthex.store.folder import StateFault
from narthex.store.stretch import Stretches
from narthex.store.usage import FILE, Usage

ALL = ("", "9999")
SMALL = AuditConfig(segment_bytes=65_536)


class Keeping:
    """A gateway's own keeping of its sums, without the clock."""

    def __init__(self, state: Path, log: AuditLog, keys_max: int = 1_000) -> None:
        self.usage = Usage(state, state / "audit")
        self.stretches = Stretches(log.journal, keys_max)

    def step(self, most: int = 50) -> int:
        count = self.usage.fold(most, self.stretches.look())
        if count:
            self.stretches.kept()
        return count

    def all(self) -> None:
        while self.step():
            pass


def gone(state: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (state / (FILE + suffix)).unlink(missing_ok=True)


def read_anew(state: Path) -> list[tuple[str | int, ...]]:
    """What the log alone comes to, to somebody who has never summed it."""
    gone(state)
    usage = Usage(state, state / "audit")
    while usage.fold(1_000):
        pass
    rows = usage.sums(("tenant", "principal", "server", "tool"), *ALL)
    usage.close()
    return sorted(rows)


def of(usage: Usage) -> list[tuple[str | int, ...]]:
    return sorted(usage.sums(("tenant", "principal", "server", "tool"), *ALL))


def test_nothing_of_our_own_is_read(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        keeping = Keeping(tmp_path, log)
        for call in range(100):
            log.append(start(call))
            log.append(end(call, cost=0.001 * call, bytes_out=call))
        assert keeping.step() == 100  # ends; whoever reads sees 200 lines and more
        assert keeping.step() == 0
        sums = of(keeping.usage)
        keeping.usage.close()
        assert sums == read_anew(tmp_path)


@pytest.mark.parametrize("seed", range(12))
def test_sums_are_those_of_the_log_whoever_else_keeps_them(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    with audit_log(tmp_path, SMALL) as log, audit_log(tmp_path, SMALL) as neighbour:
        keeping, call = Keeping(tmp_path, log), 0
        for _ in range(60):
            for _ in range(dice.randrange(60)):
                call += 1
                one = dice.choice((log, log, neighbour))
                kind = dice.randrange(5)
                if kind == 0:
                    one.append(start(call))
                elif kind == 1:
                    one.append(AuditRecord(kind="act", action="key.created"))
                elif kind == 2:
                    one.extend([end(call, tool=f"t{n}", cost=1.5, outcome="denied") for n in range(3)])
                else:
                    one.append(end(call, tool=f"t{call % 4}", tenant="acme", bytes_in=3, bytes_out=7))
            doing = dice.randrange(4)
            if doing == 0:  # somebody looks with `narthex usage`, in part or up to the end
                other = Usage(tmp_path, tmp_path / "audit")
                for _ in range(dice.randrange(1, 4)):
                    other.fold(dice.randrange(1, 120))
                other.close()
            elif doing == 1 and dice.randrange(3) == 0:
                log.journal.sign()
            else:
                keeping.step(dice.randrange(1, 200))
        keeping.all()
        sums = of(keeping.usage)
        keeping.usage.close()
        assert sums == read_anew(tmp_path)


def test_the_log_is_read_where_there_are_too_many_sums_to_hold(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        keeping = Keeping(tmp_path, log, keys_max=20)
        for call in range(100):
            log.append(end(call, principal=f"p{call}"))
            if call in (15, 30):
                assert (keeping.stretches.look().sums is None) == (call == 30)
        keeping.all()
        log.append(end(101))
        assert keeping.step() == 1  # in step with the log again
        sums = of(keeping.usage)
        keeping.usage.close()
        assert len(sums) == 101
        assert sums == read_anew(tmp_path)


def test_sums_that_cannot_be_written_are_added_once_they_can(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        keeping = Keeping(tmp_path, log)
        log.append(end(1))
        keeping.step()
        gone(tmp_path)
        (tmp_path / FILE).mkdir()
        log.append(end(2))
        for _ in range(3):
            with pytest.raises(StateFault):
                keeping.step()
        (tmp_path / FILE).rmdir()
        log.append(end(3))
        keeping.all()
        sums = of(keeping.usage)
        keeping.usage.close()
        assert sums == read_anew(tmp_path)
        assert sums[0][4] == 3


LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, audit_log, end
from test_usage_stretches import Keeping, of

with audit_log(Path(sys.argv[1])) as log:
    keeping = Keeping(Path(sys.argv[1]), log)
    for call in range(200):
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_999, resource.RLIM_INFINITY))
        log.append(end(call)) if call % 3 else log.extend([end(1000 + call), end(2000 + call), end(call)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if call % 5 == 0:
            keeping.step(3)
    keeping.all()
    print(of(keeping.usage)[0][4])
    keeping.usage.close()
"""


def test_a_log_that_goes_on_in_other_files(tmp_path: Path) -> None:
    """Half a record stands in one file, and comes once more in the next: it counts where it is whole."""
    tests = str(Path(__file__).parent)
    ran = subprocess.run([sys.executable, "-c", LIMITED, tmp_path, tests], capture_output=True, text=True, timeout=30)

    assert (ran.stdout.strip(), ran.stderr) == ("334", "")
    assert len(list((tmp_path / "audit").glob("*.jsonl*"))) > 5
    assert read_anew(tmp_path)[0][4] == 334


def test_only_what_has_to_be_read_is_gone_on_with_at_once(tmp_path: Path) -> None:
    """Somebody always writes: whoever adds until nothing is left never rests."""
    with audit_log(tmp_path) as log:
        keeping = Keeping(tmp_path, log)
        log.extend([end(call) for call in range(100)])
        assert (keeping.step(10), keeping.usage.more) == (100, False)
        keeping.usage.close()
    with audit_log(tmp_path) as log:
        usage = Usage(tmp_path, tmp_path / "audit")
        log.extend([end(call) for call in range(15)])
        assert (usage.fold(10), usage.more) == (10, True)
        while usage.more:
            usage.fold(10)
        assert total_calls(usage) == 115
        usage.close()


def total_calls(usage: Usage) -> int:
    return sum(int(row[0]) for row in usage.sums((), *ALL))
