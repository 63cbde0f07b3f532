"""The audit log is written: chained, signed, in the operating system before the writer goes on."""

import stat
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from audit_support import Heard, audit_log, end, lines, proof, start, until

from narthex.limits import audit_head_records, audit_line_bytes_max
from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.key import load_public_keys, read_public_key
from narthex.store.audit.names import chains, segment_path

SMALL = AuditConfig(segment_bytes=65_536, compress=False)


def test_a_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        seq = log.append(end(1))

        assert log.journal.file is not None
        last = log.journal.file.path.read_bytes().splitlines()[-1]
        assert (msgspec.json.decode(last)["seq"], msgspec.json.decode(last)["call"]) == (seq, 1)


def test_each_line_names_the_hash_of_the_line_before(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        for call in range(20):
            log.append(end(call))
        path = segment_path(tmp_path / "audit", log.journal.chain.id, 1)

    written = path.read_bytes().splitlines()
    hashes = ["0" * 64, *(sha256(line).hexdigest() for line in written[:-1])]
    assert [msgspec.json.decode(line)["prev"] for line in written] == hashes
    assert [msgspec.json.decode(line)["seq"] for line in written] == list(range(1, len(written) + 1))


def test_a_line_is_canonical(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1, note='größer "als" \n 1', arguments=msgspec.Raw(b'{"b":1,"a":[1,2]}'), cost=1.5))
        path = segment_path(tmp_path / "audit", log.journal.chain.id, 1)

    for line in path.read_bytes().splitlines():
        keys = list(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
        assert keys == sorted(keys)
        assert b'": ' not in line


def test_a_clean_end_is_a_signed_closing_record(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1))

    report = proof(tmp_path)
    assert report.sound
    assert [(chain.state, chain.signed == chain.last) for chain in report.chains] == [("closed", True)]
    assert lines(tmp_path)[-1]["kind"] == "close"
    assert [path.suffix for path in (tmp_path / "audit").iterdir()] == [".jsonl"]


def test_an_empty_log_proves_itself_too(tmp_path: Path) -> None:
    with audit_log(tmp_path):
        assert proof(tmp_path).chains[0].state == "written"

    assert proof(tmp_path).sound


def test_what_is_written_is_for_its_user_alone(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as log:
        log.extend([end(call) for call in range(1_000)])
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "audit").iterdir()}

    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "audit-key.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o700


def test_several_records_are_one_write_and_the_same_chain(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1))
        last = log.extend([end(call) for call in range(2, 10)])
        assert log.extend([]) == last

    assert [line["call"] for line in lines(tmp_path) if line["kind"] == "end"] == list(range(1, 10))
    assert proof(tmp_path).sound


def test_a_head_is_signed_every_so_many_records(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        for call in range(audit_head_records * 3):
            log.append(end(call))

    heads = [line["seq"] for line in lines(tmp_path) if line["kind"] == "head"]
    assert len(heads) >= 3
    assert proof(tmp_path).chains[0].signed == proof(tmp_path).chains[0].last


def test_a_segment_ends_at_its_size_and_the_next_begins_with_its_hash(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as log:
        for call in range(1_500):
            log.append(end(call))

    (segments,) = chains(tmp_path / "audit").values()
    assert len(segments) >= 5
    for one, after in pairwise(segments):
        whole = one.path.read_bytes().splitlines()
        opening = msgspec.json.decode(after.path.read_bytes().splitlines()[0])
        assert msgspec.json.decode(whole[-1])["kind"] == "seal"
        assert opening["prev"] == sha256(whole[-1]).hexdigest()
        assert one.path.stat().st_size < 70_000
    assert proof(tmp_path).sound


def test_a_segment_ends_at_its_age(tmp_path: Path) -> None:
    with audit_log(tmp_path, AuditConfig(segment_seconds=0.001, compress=False)) as log:
        for call in range(3):
            before = log.journal.chain.segment
            log.append(end(call))
            until(lambda: log.append(end(9)) and log.journal.chain.segment > before)  # noqa: B023 - used up here

    assert proof(tmp_path).sound


def test_a_batch_larger_than_a_segment_is_whole(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as log:
        log.extend([end(call) for call in range(1, 2_000)])
        log.append(end(2_000))

    assert [line["call"] for line in lines(tmp_path) if line["kind"] == "end"] == list(range(1, 2_001))
    assert proof(tmp_path).sound


def test_a_call_that_is_open_at_the_end_is_closed_as_unknown(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(start(1))
        log.append(start(2))
        log.append(end(1))

    last = [line for line in lines(tmp_path) if line["kind"] == "end"][-1]
    assert (last["call"], last["outcome"], last["tool"]) == (2, "unknown", "crm__delete")


def test_nothing_is_appended_to_a_closed_log(tmp_path: Path) -> None:
    with audit_log(tmp_path, AuditConfig(when_broken="count")) as log:
        log.append(end(1))
    log.close()

    with pytest.raises(AuditUnavailable, match="closed"):
        log.append(end(2))


def test_a_record_that_is_too_long_is_shortened(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1, arguments=msgspec.Raw(b'"' + b"a" * audit_line_bytes_max + b'"'), digest="d"))
        log.extend([end(2, note="n" * audit_line_bytes_max)])

    one, two = (line for line in lines(tmp_path) if line["kind"] == "end")
    assert ("arguments" in one, one["digest"]) == (False, "d")
    assert len(str(two["note"])) < 2_000
    assert proof(tmp_path).sound


def test_an_administrative_decision_is_a_record(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(AuditRecord(kind="act", action="key.created", target="nx_k3v9x2mp", principal="ana@acme"))

    (act,) = (line for line in lines(tmp_path) if line["kind"] == "act")
    assert (act["action"], act["target"]) == ("key.created", "nx_k3v9x2mp")


def test_arguments_have_the_same_digest_in_any_order_and_another_in_another_house(tmp_path: Path) -> None:
    with audit_log(tmp_path / "a") as log, audit_log(tmp_path / "b") as other:
        digest = log.digest.of({"id": 17, "name": "Ana"})

        assert digest == log.digest.of_json(b'{"name": "Ana", "id": 17}')
        assert digest != other.digest.of({"id": 17, "name": "Ana"})
        assert digest != log.digest.of({"id": 18, "name": "Ana"})


def test_the_log_survives_a_restart_as_another_chain_that_names_the_first(tmp_path: Path) -> None:
    for _ in range(3):
        with audit_log(tmp_path) as log:
            log.append(end(1))

    report = proof(tmp_path)
    openings = [line for line in lines(tmp_path) if line["kind"] == "open"]
    assert report.sound
    assert [len(opening.get("after", ())) for opening in openings] == [0, 1, 2]  # type: ignore[arg-type]


def test_the_public_key_proves_the_log_elsewhere(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1))
    (key,) = load_public_keys(tmp_path)

    assert read_public_key(key.pem().encode()).id == key.id
    assert "PRIVATE" not in key.pem()


def test_no_file_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with audit_log(tmp_path, SMALL) as log:
            log.extend([end(call) for call in range(1_000)])

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_log_says_nothing_when_all_is_well(tmp_path: Path) -> None:
    heard = Heard()
    with audit_log(tmp_path, SMALL, heard) as log:
        log.extend([end(call) for call in range(1_000)])

    assert heard == []


def test_a_record_that_cannot_be_written_as_it_is_is_written_as_well_as_can_be(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1, tool="half \ud800", code=1 << 70))
        log.extend([end(2, tool="half \ud800", bytes_in=1 << 70), end(3, note="\n\u2028\x00")])

    one, two, three = (line for line in lines(tmp_path) if line["kind"] == "end")
    assert (one["tool"], two["tool"], three["note"]) == ("half \\ud800", "half \\ud800", "\n\u2028\x00")
    assert "code" not in one
    assert proof(tmp_path).sound


@pytest.mark.parametrize(
    ("arguments", "written"),
    [(b'{"b": [1,\n2],\n"a": "x"}', {"a": "x", "b": [1, 2]}), (b"{no json", None), (b'"' + b"a" * 20_000 + b'"', None)],
)
def test_redacted_arguments_are_on_one_line_or_left_out(tmp_path: Path, arguments: bytes, written: object) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1, arguments=msgspec.Raw(arguments)))

    (line,) = (line for line in lines(tmp_path) if line["kind"] == "end")
    assert line.get("arguments") == written
    assert proof(tmp_path).sound
