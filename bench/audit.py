"""What the audit log costs: one record at a time, in batches, proven, synced.

    audit.py [--records N] [--folder FOLDER] [--json]

The shortest of many samples, for the machine may be busy with others; mean CPU time beside it, which that
hardly touches.
Goals (docs/audit.md): 150,000 records/s in batches, 5 us for one record, 200,000 records/s proven.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.key import load_public_keys
from narthex.store.audit.log import AuditLog
from narthex.store.audit.verify import verify

RECORDS = 100_000
SAMPLE = 512  # records between two looks at the clock
BATCH = 256
WAITERS = 64


@dataclass(frozen=True)
class Figure:
    """One measurement, with its goal."""

    name: str
    value: float
    unit: str
    cpu_us: float  # per record
    goal: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def record(call: int) -> AuditRecord:
    """As large as a usual one: about 450 bytes."""
    return AuditRecord(
        bytes_in=412,
        bytes_out=1_280,
        call=call,
        cost=1.0,
        decision="allow",
        digest="0123456789abcdef0123456789abcdef",
        duration_us=3_100,
        endpoint="team",
        kind="end",
        method="tools/call",
        outcome="ok",
        principal="agent@acme",
        server="crm",
        snapshot=7,
        tenant="acme",
        tool="crm__find_contact",
        trace="4bf92f3577b34da6a3ce929d0e0e4736",
    )


def best(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """The shortest time for one record, and the mean of its CPU time, in seconds."""
    return min(wall for wall, _cpu in samples), sum(cpu for _wall, cpu in samples) / len(samples)


def timed(work: Callable[[], object], count: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


def one_by_one(log: AuditLog) -> Callable[[], object]:
    records = [record(call) for call in range(1, SAMPLE + 1)]

    def work() -> None:
        append = log.append
        for one in records:
            append(one)

    return work


def in_batches(log: AuditLog) -> Callable[[], object]:
    records = [record(call) for call in range(1, SAMPLE + 1)]

    def work() -> None:
        for begin in range(0, SAMPLE, BATCH):
            log.extend(records[begin : begin + BATCH])

    return work


def synced(log: AuditLog, count: int) -> Callable[[], object]:
    """Many callers at once, each of whom waits until its record is on the disk."""

    async def caller(calls: range) -> None:
        for call in calls:
            await log.durable(log.append(record(call)))

    async def all_of_them() -> None:
        await asyncio.gather(*(caller(range(first, count + 1, WAITERS)) for first in range(1, WAITERS + 1)))

    return lambda: asyncio.run(all_of_them())


def measure(folder: Path, count: int) -> list[Figure]:
    figures = []
    rounds = max(1, count // SAMPLE)
    log = AuditLog.open(folder / "process", AuditConfig(compress=False), quiet)
    wall, cpu = best([timed(one_by_one(log), SAMPLE) for _ in range(rounds)])
    figures.append(Figure("append, one record", wall * 1e6, "us", cpu * 1e6, 5.0, at_most=True))
    wall, cpu = best([timed(in_batches(log), SAMPLE) for _ in range(rounds)])
    figures.append(Figure(f"append, {BATCH} at once", 1 / wall, "records/s", cpu * 1e6, 150_000))
    log.close()
    state = folder / "process"
    keys = load_public_keys(state)
    records = verify(state / "audit", keys).records
    wall, cpu = best([timed(lambda: verify(state / "audit", keys), records) for _ in range(5)])
    figures.append(Figure("verify", 1 / wall, "records/s", cpu * 1e6, 200_000))
    log = AuditLog.open(folder / "power", AuditConfig(durability="power", compress=False), quiet)
    wall, cpu = best([timed(synced(log, SAMPLE), SAMPLE) for _ in range(3)])
    figures.append(Figure(f"append and fdatasync, {WAITERS} callers", 1 / wall, "records/s", cpu * 1e6))
    log.close()
    return figures


def quiet(level: str, sentence: str) -> None:
    print(f"{level}: {sentence}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the audit log.")
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="narthex-audit-bench-", dir=asked.folder))
    try:
        figures = measure(folder, asked.records)
    finally:
        shutil.rmtree(folder)
    if asked.json:
        print(json.dumps([{**asdict(one), "met": one.met} for one in figures]))
        return 0
    for one in figures:
        word = {None: "", True: "met", False: "MISSED"}[one.met]
        goal = f"goal {one.goal:,.0f} {word}" if one.goal is not None else ""
        print(f"{one.name:38} {one.value:12,.1f} {one.unit:10} {one.cpu_us:6.2f} us CPU each  {goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
