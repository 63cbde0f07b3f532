"""An audit folder is kept in order: compressed, retired by age and size, and provable all the while."""

import gzip
import os
import shutil
import stat
import time
from pathlib import Path

import msgspec
import pytest
from audit_support import Heard, audit_log, end, lines, proof, until

from narthex.model.audit_config import AuditConfig
from narthex.store.audit.compression import compress, compress_ended
from narthex.store.audit.file import open_new
from narthex.store.audit.key import Signer, load_signer
from narthex.store.audit.names import chains
from narthex.store.audit.report import Finding
from narthex.store.audit.retention import retire
from narthex.store.audit.retired import FILE

DAY = 86_400
SMALL = AuditConfig(segment_bytes=65_536, compress=False)


def segments(state: Path) -> list[Path]:
    return [segment.path for one in chains(state / "audit").values() for segment in one]


def findings(state: Path) -> list[Finding]:
    report = proof(state)
    return [*(one for chain in report.chains for one in chain.findings), *report.findings]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A state folder with a closed chain of several segments, each a day older than the next."""
    with audit_log(tmp_path, SMALL) as log:
        for call in range(1, 1_001):
            log.append(end(call))
    paths = segments(tmp_path)
    for age, path in enumerate(reversed(paths)):
        os.utime(path, (DAY * (100 - age), DAY * (100 - age)))
    assert len(paths) >= 4
    return tmp_path


def test_complete_segments_are_compressed_and_prove_the_same(written: Path) -> None:
    before, records, ages = segments(written), lines(written), [path.stat().st_mtime for path in segments(written)]

    assert compress_ended(written / "audit", lambda: False) == len(before) - 1
    after = segments(written)
    assert [path.suffix for path in after] == [".gz"] * (len(before) - 1) + [".jsonl"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in after} == {0o600}
    assert [path.stat().st_mtime for path in after] == ages
    assert after[0].stat().st_size < 65_536 / 3
    assert lines(written) == records
    assert findings(written) == []


def test_a_compression_that_was_interrupted_is_done_again(written: Path) -> None:
    first = segments(written)[0]
    content = first.read_bytes()
    compress(next(iter(chains(written / "audit").values()))[0])
    first.write_bytes(content)
    assert findings(written) == []

    compress_ended(written / "audit", lambda: False)

    assert not first.exists()
    assert findings(written) == []


def test_a_compressed_segment_that_is_damaged_is_found(written: Path) -> None:
    compress_ended(written / "audit", lambda: False)
    path = segments(written)[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)

    assert {one.segment for one in findings(written)} == {2}


def test_a_compressed_segment_with_another_record_is_found(written: Path) -> None:
    compress_ended(written / "audit", lambda: False)
    path = segments(written)[1]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"call":400,', b'"call":401,')))

    (found,) = findings(written)
    assert (found.what, found.segment) == ("changed", 2)


def test_old_segments_go_and_the_rest_proves_itself(written: Path) -> None:
    before = segments(written)
    gone = retire(written / "audit", load_signer(written), DAY * 101.5, keep_days=3.0, keep_bytes=None)

    assert [segment.path for segment in gone] == before[:-2]
    assert segments(written) == before[-2:]
    report = proof(written)
    assert report.sound, report.first
    assert report.chains[0].first > 1


def test_the_oldest_segments_go_when_there_is_too_much(written: Path) -> None:
    before = segments(written)
    sizes = sum(path.stat().st_size for path in before)
    gone = retire(written / "audit", load_signer(written), 0.0, keep_days=None, keep_bytes=sizes - 1)

    assert [segment.path for segment in gone] == before[:1]
    assert proof(written).sound


def test_the_segment_that_is_written_never_goes(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as log:
        log.append(end(1))
        assert retire(tmp_path / "audit", load_signer(tmp_path), DAY * 1e6, keep_days=1.0, keep_bytes=65_536) == []


def test_a_whole_chain_may_go_and_nobody_misses_it(written: Path) -> None:
    with audit_log(written) as log:
        log.append(end(1))
        gone = retire(written / "audit", load_signer(written), DAY * 110.0, keep_days=5.0, keep_bytes=None)

    assert len(gone) >= 4
    assert len(proof(written).chains) == 1
    assert proof(written).sound


def test_whoever_removes_a_segment_himself_is_found_also_with_a_list_of_his_own(written: Path) -> None:
    paths = segments(written)
    stranger = Signer(b"s" * 32)
    listed = written / "elsewhere"
    listed.mkdir()
    for path in paths:
        shutil.copy2(path, listed / path.name)
    retire(listed, stranger, DAY * 200.0, keep_days=1.0, keep_bytes=None)
    (written / "audit" / FILE).write_bytes((listed / FILE).read_bytes())
    paths[0].unlink()

    assert {one.what for one in findings(written)} == {"missing", "changed"}


def test_a_list_of_what_went_that_was_edited_is_found(written: Path) -> None:
    retire(written / "audit", load_signer(written), DAY * 101.5, keep_days=3.0, keep_bytes=None)
    path = written / "audit" / FILE
    members = msgspec.json.decode(path.read_bytes())
    for removed in members["chains"].values():
        removed["segment"] += 1
    path.write_bytes(msgspec.json.encode(members))

    assert "missing" in {one.what for one in findings(written)}


def test_a_running_log_compresses_and_retires_by_itself_and_says_what_went(tmp_path: Path) -> None:
    heard = Heard()
    with audit_log(tmp_path, AuditConfig(segment_bytes=65_536, keep_bytes=200_000), heard) as log:
        log.extend([end(call) for call in range(1, 2_001)])  # more than is kept, in one segment
        log.append(end(2_001))
        until((tmp_path / "audit" / FILE).exists)
        log.extend([end(call) for call in range(1, 301)])
        log.append(end(301))
        until(lambda: any(path.suffix == ".gz" for path in segments(tmp_path)))
        until(lambda: any(line.get("action") == "audit.removed" for line in lines(tmp_path)))

    assert heard == []
    assert proof(tmp_path).sound, proof(tmp_path).first


@pytest.mark.parametrize("way", ["compress", "retire"])
def test_a_segment_whose_seal_is_still_to_come_is_left_alone(tmp_path: Path, way: str) -> None:
    """Its successor is there already, and empty: whoever looks at the folder then must not take it for complete."""
    touched: list[object] = []

    def opener(path: Path) -> int:
        fd = open_new(path)
        if path.name.endswith(".000002.jsonl"):
            folder, signer = tmp_path / "audit", load_signer(tmp_path)
            if way == "compress":
                touched.append(compress_ended(folder, lambda: False))
            else:
                touched.append(len(retire(folder, signer, time.time() + DAY, keep_days=0.5, keep_bytes=None)))
        return fd

    with audit_log(tmp_path, AuditConfig(segment_bytes=65_536, compress=False), opener=opener) as log:
        log.extend([end(call) for call in range(1, 301)])
        log.append(end(301))

    assert touched == [0]
    assert proof(tmp_path).sound, proof(tmp_path).first
