"""Whatever is done to a record of the audit log, or to the whole of it, is found, and where it was done."""

import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from audit_support import audit_log, end, proof, start
from audit_support import lines as lines_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narthex.model.audit_config import AuditConfig
from narthex.store.audit.key import Signer, load_public_keys
from narthex.store.audit.lines import Link, digest
from narthex.store.audit.names import chains
from narthex.store.audit.report import Finding
from narthex.store.audit.verify import verify

CALLS = 60


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Path]:
    """A state folder with one closed chain of one segment, and the segment."""
    with audit_log(tmp_path) as log:
        for call in range(CALLS // 2):
            log.append(start(call))
            log.append(end(call))
        log.journal.sign()
        log.extend([end(call) for call in range(CALLS)])
        assert log.journal.file is not None
        path = log.journal.file.path
    assert proof(tmp_path).sound
    return tmp_path, path


def findings(state: Path, anchors: tuple[Link, ...] = ()) -> list[Finding]:
    report = proof(state, anchors)
    return [*(one for chain in report.chains for one in chain.findings), *report.findings]


def told(state: Path) -> list[tuple[str, int, int]]:
    return [(one.what, one.first, one.line) for one in findings(state)]


def spread(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def edited(line: bytes) -> bytes:
    """One byte of the text of a record is another."""
    place = line.index(b'"mono":') + 7
    return line[:place] + (b"2" if line[place : place + 1] == b"1" else b"1") + line[place + 1 :]


def renumbered(line: bytes) -> bytes:
    return line.replace(b'"seq":', b'"seq":9')


def unlinked(line: bytes) -> bytes:
    place = line.index(b'"prev":"') + 8
    return line[:place] + (b"b" if line[place : place + 1] == b"a" else b"a") + line[place + 1 :]


def damaged(line: bytes) -> bytes:
    return line.replace(b"{", b"\x00", 1)


@pytest.mark.parametrize("change", [edited, renumbered, unlinked, damaged])
def test_any_edit_of_any_record_is_found_where_it_is(
    written: tuple[Path, Path], change: Callable[[bytes], bytes]
) -> None:
    state, path = written
    lines = spread(path)
    for index in range(len(lines)):
        path.write_bytes(b"".join([*lines[:index], change(lines[index]), *lines[index + 1 :]]))

        found = findings(state)

        last = index == len(lines) - 1
        assert found, f"line {index + 1}"
        assert found[0].line == index + 1 or (last and found[0].line == 0), f"line {index + 1}: {found}"
        if not last:
            assert (found[0].what, found[0].first) in (("changed", index + 1), ("rewritten", index + 1)), found
            assert len({one.line for one in found}) == 1


def test_any_deleted_record_is_missed(written: tuple[Path, Path]) -> None:
    state, path = written
    lines = spread(path)
    for index in range(len(lines) - 1):
        path.write_bytes(b"".join([*lines[:index], *lines[index + 1 :]]))

        assert told(state) == [("missing", index + 1, 0)]


def test_a_record_added_anywhere_is_found(written: tuple[Path, Path]) -> None:
    state, path = written
    lines = spread(path)
    for index in range(1, len(lines)):
        before = lines[index - 1].rstrip()
        members = {**msgspec.json.decode(lines[2]), "prev": digest(before), "seq": index + 1, "call": 4711}
        forged = msgspec.json.encode(members, order="sorted") + b"\n"
        path.write_bytes(b"".join([*lines[:index], forged, *lines[index:]]))

        assert told(state) == [("added", index + 1, index + 1)]


def test_a_record_that_is_there_twice_is_found(written: tuple[Path, Path]) -> None:
    state, path = written
    lines = spread(path)
    for index in range(len(lines)):
        path.write_bytes(b"".join([*lines[: index + 1], *lines[index:]]))

        assert [one.what for one in findings(state)] == ["added"], index
        assert findings(state)[0].line in (index + 1, index + 2)


def test_any_two_neighbours_that_changed_places_are_found(written: tuple[Path, Path]) -> None:
    state, path = written
    lines = spread(path)
    for index in range(len(lines) - 1):
        path.write_bytes(b"".join([*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]]))

        (found,) = findings(state)
        assert found.what == "moved"
        assert found.first in (index + 1, index + 2)


def test_two_records_far_apart_that_changed_places_are_found(written: tuple[Path, Path]) -> None:
    state, path = written
    lines = spread(path)
    lines[10], lines[50] = lines[50], lines[10]
    path.write_bytes(b"".join(lines))

    assert told(state) == [("moved", 11, 51), ("moved", 51, 11)]


def test_several_wounds_are_told_apart(written: tuple[Path, Path]) -> None:
    state, path = written
    lines = spread(path)
    lines[10], lines[20] = edited(lines[10]), edited(lines[20])
    del lines[40:43]
    path.write_bytes(b"".join(lines))

    assert told(state) == [("changed", 11, 11), ("changed", 21, 21), ("missing", 41, 0)]
    assert findings(state)[-1].last == 43


def test_a_cut_end_is_missed_by_whoever_kept_an_anchor(written: tuple[Path, Path]) -> None:
    state, path = written
    (anchor,) = proof(state).anchors
    lines = spread(path)
    for left in range(len(lines)):
        path.write_bytes(b"".join(lines[:left]))

        found = findings(state, (anchor,))
        assert [(one.what, one.first, one.last) for one in found] == [("missing", left + 1, anchor.seq)]


def test_a_cut_end_is_missed_by_the_chain_that_came_after(written: tuple[Path, Path]) -> None:
    state, path = written
    with audit_log(state) as log:
        log.append(end(1))
    lines = spread(path)
    path.write_bytes(b"".join(lines[:-5]))

    assert [(one.what, one.first, one.last) for one in findings(state)] == [("missing", len(lines) - 4, len(lines))]


def test_a_chain_that_is_gone_is_missed_by_the_one_that_came_after(written: tuple[Path, Path]) -> None:
    state, path = written
    with audit_log(state) as log:
        log.append(end(1))
    path.unlink()

    (found,) = findings(state)
    assert (found.what, found.note) == ("missing", "the whole chain")


def test_a_history_with_all_hashes_made_anew_is_found_by_its_signatures(written: tuple[Path, Path]) -> None:
    state, path = written
    lines = [line.rstrip() for line in spread(path)]
    head = next(n for n, line in enumerate(lines) if b'"kind":"head"' in line)
    forged, prev = lines[:5], digest(lines[4])
    for line in lines[5:]:
        members = {**msgspec.json.decode(line), "prev": prev}
        if members["kind"] == "end":
            members["outcome"] = "denied"
        forged.append(msgspec.json.encode(members, order="sorted"))
        prev = digest(forged[-1])
    path.write_bytes(b"\n".join(forged) + b"\n")

    assert [(one.what, one.first, one.last) for one in findings(state)] == [
        ("rewritten", 2, head + 1),
        ("rewritten", 2, len(lines)),
    ]


def test_a_history_signed_by_somebody_else_is_not_taken(written: tuple[Path, Path]) -> None:
    state, _path = written

    report = verify(state / "audit", [Signer(b"s" * 32).public])

    assert {one.what for one in report.chains[0].findings} == {"unsigned"}
    assert report.chains[0].signed == 0


def test_lines_of_another_chain_do_not_fit(tmp_path: Path) -> None:
    paths = []
    for _ in range(2):
        with audit_log(tmp_path) as log:
            log.append(end(1))
            assert log.journal.file is not None
            paths.append(log.journal.file.path)
    shutil.copy(paths[0], paths[1])

    assert findings(tmp_path) != []


# Whole segments


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    with audit_log(tmp_path, AuditConfig(segment_bytes=65_536, compress=False)) as log:
        for call in range(1_000):
            log.append(end(call))
    assert proof(tmp_path).sound
    return tmp_path


def segments(state: Path) -> list[Path]:
    (found,) = chains(state / "audit").values()
    return [segment.path for segment in found]


def test_a_segment_in_the_middle_that_is_gone_is_missed(rotated: Path) -> None:
    count = len(spread(segments(rotated)[0]))
    gone = len(spread(segments(rotated)[1]))
    segments(rotated)[1].unlink()

    assert [(one.what, one.first, one.last) for one in findings(rotated)] == [("missing", count + 1, count + gone)]


def test_the_first_segment_that_is_gone_is_missed(rotated: Path) -> None:
    count = len(spread(segments(rotated)[0]))
    segments(rotated)[0].unlink()

    assert [(one.what, one.first, one.last) for one in findings(rotated)] == [("missing", 1, count)]


def test_the_last_segment_that_is_gone_is_missed_by_an_anchor(rotated: Path) -> None:
    (anchor,) = proof(rotated).anchors
    segments(rotated)[-1].unlink()

    (found,) = findings(rotated, (anchor,))
    assert (found.what, found.last) == ("missing", anchor.seq)


def test_the_end_of_a_segment_that_is_cut_off_is_missed(rotated: Path) -> None:
    path = segments(rotated)[1]
    lines = spread(path)
    path.write_bytes(b"".join(lines[:-3]))
    last = msgspec.json.decode(lines[-1])["seq"]

    assert [(one.what, one.first, one.last) for one in findings(rotated)] == [("missing", last - 2, last)]


def test_two_segments_that_changed_names_are_found(rotated: Path) -> None:
    one, two, *_ = segments(rotated)
    (texts, more) = one.read_bytes(), two.read_bytes()
    one.write_bytes(more)
    two.write_bytes(texts)

    assert findings(rotated) != []


def test_a_wound_in_one_segment_does_not_spread_to_the_others(rotated: Path) -> None:
    path = segments(rotated)[1]
    lines = spread(path)
    path.write_bytes(b"".join([*lines[:7], edited(lines[7]), *lines[8:]]))

    (found,) = findings(rotated)
    assert (found.what, found.segment, found.line) == ("changed", 2, 8)


def test_bytes_behind_the_last_line_of_a_segment_are_found(rotated: Path) -> None:
    path = segments(rotated)[1]
    path.write_bytes(path.read_bytes() + b'{"kind":"end"')

    assert [(one.what, one.segment) for one in findings(rotated)] == [("torn", 2)]


def test_the_first_broken_record_is_named_in_one_sentence(rotated: Path) -> None:
    path = segments(rotated)[1]
    lines = spread(path)
    path.write_bytes(b"".join([*lines[:7], *lines[8:]]))
    first = proof(rotated).first
    seq = msgspec.json.decode(lines[7])["seq"]

    assert str(first) == f"{first.chain if first else ''} segment 2: record {seq} missing"


def test_keys_of_the_folder_are_those_of_its_state(rotated: Path) -> None:
    assert [key.id for key in load_public_keys(rotated)] == [
        msgspec.json.decode(spread(segments(rotated)[0])[0])["key"]
    ]


# Anything else


def test_any_byte_that_is_another_is_found(written: tuple[Path, Path]) -> None:
    state, path = written
    whole = path.read_bytes()
    chance = random.Random(5)
    for _ in range(300):
        place, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
        changed = bytearray(whole)
        changed[place] ^= bit
        path.write_bytes(changed)

        assert findings(state) != [], place


def test_any_cut_in_the_middle_is_found(written: tuple[Path, Path]) -> None:
    state, path = written
    whole = path.read_bytes()
    chance = random.Random(6)
    for _ in range(100):
        first = chance.randrange(len(whole) - 1)
        last = min(len(whole) - 1, first + chance.randrange(1, 2_000))
        path.write_bytes(whole[:first] + whole[last:])

        assert findings(state) != [], (first, last)


@pytest.mark.parametrize(
    "text",
    [b"", b"\n" * 50, b"[" * 100_000 + b"\n", b"\xff" * 5_000_000, b'{"kind":"open","prev":"","seq":1}\n', b"null\n"],
)
def test_a_file_of_anything_is_no_trouble(written: tuple[Path, Path], text: bytes) -> None:
    state, path = written
    (anchor,) = proof(state).anchors
    path.write_bytes(text)

    assert findings(state, (anchor,)) != []
    with audit_log(state) as log:
        log.append(end(1))


@given(
    st.lists(
        st.tuples(st.sampled_from(["edit", "delete", "swap", "repeat"]), st.integers(0, 200)), min_size=1, max_size=6
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_to_several_records_is_found(
    written: tuple[Path, Path], pristine: dict[Path, bytes], wounds: list[tuple[str, int]]
) -> None:
    state, path = written
    whole = pristine.setdefault(path, path.read_bytes())
    (anchor,) = [Link(path.name.partition(".000001")[0], digest(whole.splitlines()[-1]), len(whole.splitlines()))]
    lines = whole.splitlines(keepends=True)
    for what, number in wounds:
        place = number % max(1, len(lines) - 1)
        if what == "edit":
            lines[place] = edited(lines[place])
        elif what == "delete":
            del lines[place]
        elif what == "swap":
            lines[place], lines[place + 1] = lines[place + 1], lines[place]
        else:
            lines.insert(place, lines[place])
    path.write_bytes(b"".join(lines))

    assert bool(findings(state, (anchor,))) == (b"".join(lines) != whole)


@pytest.fixture
def pristine() -> dict[Path, bytes]:
    """The contents of files before anything was done to them."""
    return {}


def test_a_log_is_proven_while_it_is_written(tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        config = AuditConfig(segment_bytes=65_536, keep_bytes=300_000)
        with audit_log(tmp_path, config) as log:
            for call in range(1, 12_001):
                log.append(end(call))
        done.set()

    with audit_log(tmp_path):
        pass
    writing = threading.Thread(target=write)
    writing.start()
    rounds = 0
    while not done.is_set():
        assert findings(tmp_path) == []
        rounds += 1
    writing.join()

    assert rounds > 1


def test_several_threads_write_one_chain(tmp_path: Path) -> None:
    with audit_log(tmp_path, AuditConfig(segment_bytes=65_536)) as log:

        def write(first: int) -> None:
            for call in range(first, first + 500):
                log.append(end(call))
                if call % 50 == 0:
                    log.journal.sign()

        threads = [threading.Thread(target=write, args=(1 + 500 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert findings(tmp_path) == []
    assert sorted(line["call"] for line in lines_of(tmp_path) if line["kind"] == "end") == list(range(1, 2_001))
