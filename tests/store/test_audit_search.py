"""Reading on over the ends of segments, looking for records, and writing them in the forms of others."""

import csv
import io
import threading
from pathlib import Path

import msgspec
from audit_support import audit_log, end, start

from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.compression import compress_ended
from narthex.store.audit.export import csv_heading, csv_row, ocsf
from narthex.store.audit.follow import ENDED, Follower, Place
from narthex.store.audit.names import chains
from narthex.store.audit.search import Filter, newest, search

SMALL = AuditConfig(segment_bytes=65_536, compress=False)


def numbers(items: list[tuple[str, bytes]]) -> list[int]:
    return [msgspec.json.decode(line)["seq"] for _chain, line in items]


def test_a_follower_reads_every_line_once_over_the_ends_of_segments(tmp_path: Path) -> None:
    read: list[int] = []
    done = threading.Event()
    with audit_log(tmp_path, SMALL) as log:
        follower = Follower(tmp_path / "audit")

        def follow() -> None:
            while True:
                last = done.is_set()
                items = follower.read(100)
                read.extend(numbers(items))
                if last and not items:
                    return

        following = threading.Thread(target=follow)
        following.start()
        for call in range(1, 3_001):
            log.append(end(call))
        log.journal.close()
        done.set()
        following.join()

    assert read == list(range(1, log.journal.chain.seq + 1))
    assert follower.places == {log.journal.chain.id: Place(log.journal.chain.segment, ENDED)}


def test_a_follower_goes_on_where_another_ended_also_in_a_compressed_segment(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as log:
        log.extend([end(call) for call in range(1, 101)])
        first = Follower(tmp_path / "audit")
        seen = numbers(first.read(40))
        log.extend([end(call) for call in range(1, 2_001)])
        log.append(end(1))
    compress_ended(tmp_path / "audit", lambda: False)
    places = msgspec.json.decode(msgspec.json.encode(first.places), type=dict[str, Place])

    second = Follower(tmp_path / "audit", places)
    while items := second.read(500):
        seen += numbers(items)

    assert seen == list(range(1, log.journal.chain.seq + 1))


def test_a_follower_can_begin_at_the_end_and_sees_new_chains(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1))
        follower = Follower(tmp_path / "audit")
        follower.skip()
        assert follower.read(10) == []
        log.append(end(2))
        assert len(follower.read(10)) == 1
        with audit_log(tmp_path) as other:
            other.append(end(3))
            assert [item.chain for item in follower.read(10)] == [other.journal.chain.id] * 2


def test_a_follower_tells_what_it_missed(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as log:
        log.append(end(1))
        follower = Follower(tmp_path / "audit")
        follower.read(10)
        for call in range(1, 1_001):
            log.append(end(call))
        (segments,) = chains(tmp_path / "audit").values()
        for segment in segments[:3]:
            segment.path.unlink()

        while follower.read(500):
            continue

    assert follower.missed == 2


def test_a_half_written_line_is_not_read(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        assert log.journal.file is not None
        path = log.journal.file.path
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    follower = Follower(tmp_path / "audit")
    assert numbers(follower.read(10)) == [1]
    path.write_bytes(whole)
    assert numbers(follower.read(10)) == [2]


def fill(state: Path) -> None:
    with audit_log(state, SMALL) as log:
        log.append(start(1))
        log.append(end(1, tool="crm__delete"))
        log.append(end(2, principal="bob@acme", decision="deny", outcome="denied", filter="scopes"))
        log.append(end(3, server="wiki", tool="wiki__find", endpoint="team"))
        log.append(AuditRecord(kind="act", action="key.created", target="nx_k3v9x2mp", principal="ana@acme"))


def calls(state: Path, **wanted: object) -> list[int]:
    found = search(state / "audit", Filter(**wanted))  # type: ignore[arg-type]
    return [msgspec.json.decode(match.line).get("call", 0) for match in found]


def test_records_are_found_by_who_what_where_and_how(tmp_path: Path) -> None:
    fill(tmp_path)

    assert calls(tmp_path) == [1, 1, 2, 3, 0]
    assert calls(tmp_path, principal="bob@acme") == [2]
    assert calls(tmp_path, principal="*@acme", decision="allow") == [1, 3]
    assert calls(tmp_path, tool="wiki__*") == [3]
    assert calls(tmp_path, server="crm", outcome="denied") == [2]
    assert calls(tmp_path, endpoint="team") == [3]
    assert calls(tmp_path, tenant="none") == []
    assert len(calls(tmp_path, everything=True)) == 7


def test_records_are_found_by_when(tmp_path: Path) -> None:
    fill(tmp_path)
    times = [match.at for match in search(tmp_path / "audit", Filter())]

    assert calls(tmp_path, since=times[2]) == [2, 3, 0]
    assert calls(tmp_path, until=times[2]) == [1, 1]


def test_the_newest_records_come_from_all_chains_in_their_order(tmp_path: Path) -> None:
    with audit_log(tmp_path, SMALL) as one, audit_log(tmp_path, SMALL) as two:
        for call in range(1, 601):
            (one if call % 2 else two).append(end(call))
        found = newest(tmp_path / "audit", Filter(), 25)

        assert [msgspec.json.decode(match.line)["call"] for match in found] == list(range(576, 601))
        assert newest(tmp_path / "audit", Filter(), 0) == []


def test_csv_is_a_row_for_each_record_and_no_formula(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1, tool='=cmd|"x"', note="a,b\nc", arguments=msgspec.Raw(b'{"a":[1]}')))
    text = csv_heading() + b"".join(csv_row(match.line) for match in search(tmp_path / "audit", Filter()))

    (row,) = csv.DictReader(io.StringIO(text.decode()))
    assert (row["tool"], row["note"], row["call"], row["arguments"]) == ('\'=cmd|"x"', "a,b\nc", "1", '{"a":[1]}')


def test_ocsf_has_what_the_schema_requires(tmp_path: Path) -> None:
    fill(tmp_path)

    events = [msgspec.json.decode(text) for match in search(tmp_path / "audit", Filter()) if (text := ocsf(match.line))]

    required = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
    assert [event["class_uid"] for event in events] == [6003, 6003, 6003, 3004]
    assert all(required <= event.keys() for event in events)
    assert all({"actor", "api", "src_endpoint"} <= event.keys() for event in events[:3])
    assert [event["type_uid"] == event["class_uid"] * 100 + event["activity_id"] for event in events] == [True] * 4
    assert [event["status_id"] for event in events] == [1, 2, 1, 1]
    assert events[3]["entity"] == {"name": "nx_k3v9x2mp", "type": "key"}
    assert (events[3]["activity_id"], events[0]["api"]["service"]["name"]) == (1, "crm")


def test_ocsf_keeps_the_remark_of_a_call(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(1, decision="deny", outcome="denied", filter="identity", note="from 192.0.2.7"))
        log.append(end(2, note="cached, truncated"))
    events = [msgspec.json.decode(ocsf(match.line)) for match in search(tmp_path / "audit", Filter())]

    assert [event["message"] for event in events] == ["from 192.0.2.7", "cached, truncated"]


def test_the_follower_waits_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()

    assert Follower(tmp_path / "audit").read(10) == []
