"""Approvals on disk: one request for a call, one decision about it, one use of a yes, in whichever process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from narthex.limits import approval_kept_seconds
from narthex.model.approvals import Request
from narthex.store.approvals import ApprovalFault, ApprovalStore
from narthex.store.database import Database

NOW = 1_800_000_000.0


@pytest.fixture
def store(database: Database) -> ApprovalStore:
    return ApprovalStore(database, per_caller_max=3)


def request(handle: str = "a1", digest: bytes = b"d", **more: Any) -> Request:
    said: dict[str, Any] = {
        "handle": handle,
        "digest": digest,
        "holder": b"h",
        "state": "pending",
        "subject": "ana",
        "tenant": "",
        "endpoint": "",
        "server": "bank",
        "tool": "pay",
        "arguments": b"{}",
        "reason": "",
        "by": "operator",
        "created": NOW,
        "expires": NOW + 60,
        "valid_seconds": 60.0,
    }
    return Request(**{**said, **more})


def test_one_request_stands_for_a_call_until_it_is_over(store: ApprovalStore) -> None:
    first = store.open(request())
    again = store.open(request("a2", created=NOW + 59, expires=NOW + 119))
    later = store.open(request("a3", created=NOW + 60, expires=NOW + 120))

    assert [one.handle for one in (first, again, later)] == ["a1", "a1", "a3"]
    assert [one.handle for one in store.listed(every=True, now=NOW)] == ["a3"]


def test_a_yes_is_used_once_for_what_it_was_given(store: ApprovalStore) -> None:
    store.open(request())
    early = store.use("a1", b"d", NOW)
    decided = store.decide("a1", "approved", "ina", NOW + 30)
    wrong = store.use("a1", b"other", NOW + 31)
    late = store.use("a1", b"d", NOW + 90)
    used = [store.use("a1", b"d", NOW + 89) for _ in range(2)]

    assert (decided.state, decided.decided_by, decided.expires) == ("approved", "ina", NOW + 90)
    assert (early, wrong, late, used) == (False, False, False, [True, False])
    assert store.states(["a1", "x"])["a1"].state == "used"
    assert store.open(request("a2", created=NOW + 90, expires=NOW + 150)).handle == "a2"


def test_a_no_is_never_used(store: ApprovalStore) -> None:
    store.open(request())
    store.decide("a1", "rejected", "ina", NOW)

    assert store.use("a1", b"d", NOW) is False
    assert store.open(request("a2")).state == "rejected"


def test_it_is_decided_once_and_in_time(store: ApprovalStore) -> None:
    store.open(request())
    with pytest.raises(ApprovalFault, match="expired"):
        store.decide("a1", "approved", "ina", NOW + 60)
    store.decide("a1", "approved", "ina", NOW)
    with pytest.raises(ApprovalFault, match="approved already by ina"):
        store.decide("a1", "rejected", "bo", NOW)
    with pytest.raises(ApprovalFault, match="There is no approval"):
        store.decide("a", "approved", "ina", NOW)


def test_a_beginning_of_a_handle_is_enough_to_look_and_no_sign_in_it_stands_for_others(store: ApprovalStore) -> None:
    store.open(request("abc1", b"1"))
    store.open(request("abd2", b"2"))

    assert store.find("abc").handle == "abc1"
    with pytest.raises(ApprovalFault, match="Several"):
        store.find("ab")
    for wild in ("a%", "a_c1", "%"):
        with pytest.raises(ApprovalFault, match="There is no"):
            store.find(wild)


def test_one_caller_does_not_fill_the_desk(store: ApprovalStore) -> None:
    for number in range(3):
        store.open(request(f"a{number}", bytes([number])))
    with pytest.raises(ApprovalFault, match="3 calls of this caller"):
        store.open(request("a9", b"9"))
    store.decide("a0", "approved", "ina", NOW)

    assert store.open(request("a9", b"9")).handle == "a9"
    assert store.open(request("b1", b"b", holder=b"other")).handle == "b1"


def test_a_ticket_is_used_once_and_forgotten_when_it_is_no_longer_good(store: ApprovalStore) -> None:
    assert [store.use_ticket("t", NOW + 60, NOW) for _ in range(2)] == [True, False]
    assert store.use_ticket("u", NOW + 200, NOW + 60) is True
    assert store.use_ticket("t", NOW + 60, NOW + 61) is True  # what it came with does not open any more


def test_what_became_of_it_is_shown_for_a_while(store: ApprovalStore) -> None:
    store.open(request())
    store.decide("a1", "approved", "ina", NOW)
    store.use("a1", b"d", NOW)
    soon, late = NOW + approval_kept_seconds - 1, NOW + approval_kept_seconds + 1
    store.open(request("b", b"b", created=soon, expires=soon + 60))
    kept = [one.handle for one in store.listed(every=True, now=soon)]
    store.open(request("c", b"c", created=late, expires=late + 60))

    assert kept == ["a1", "b"]
    assert [one.handle for one in store.listed(every=True, now=late)] == ["b", "c"]
    assert [one.handle for one in store.listed(every=False, now=soon)] == ["b", "c"]


def test_a_request_says_nothing_of_its_arguments_in_its_repr() -> None:
    assert "secret" not in repr(request(arguments=b'{"a":"secret"}'))
    assert msgspec.structs.asdict(request())["state"] == "pending"


RACER = """
import sys
from pathlib import Path
from narthex.store.approvals import ApprovalStore
from narthex.store.database import Database
store = ApprovalStore(Database(Path(sys.argv[1])))
print("ready", flush=True)
for line in sys.stdin:
    handle = line.strip()
    used = store.use(handle, handle.encode(), float(sys.argv[2])) + store.use_ticket("t" + handle, 9e12, 1.0)
    print(used, flush=True)
"""


def test_processes_that_race_for_one_yes_use_it_once(tmp_path: Path, database: Database) -> None:
    store = ApprovalStore(database, per_caller_max=100)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", RACER, str(tmp_path), str(NOW)]
    racers = [subprocess.Popen(command, **pipes) for _ in range(4)]  # type: ignore[call-overload]
    try:
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 4
        for number in range(20):
            handle = f"h{number}"
            store.open(request(handle, handle.encode()))
            store.decide(handle, "approved", "ina", NOW)
            for racer in racers:
                racer.stdin.write(f"{handle}\n")
                racer.stdin.flush()
            assert sum(int(racer.stdout.readline()) for racer in racers) == 2  # one yes, one ticket
    finally:
        for racer in racers:
            racer.stdin.close()
            racer.wait(20)
            racer.stdout.close()
