"""What one turn of the event loop writes down: one write for all, and nothing leaves before it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from narthex.limits import audit_together_calls_min
from narthex.model.audit_config import AuditConfig
from narthex.model.call import Call
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.relay.ledger import Ledger
from narthex.relay.record import Recorder
from narthex.relay.turn import Turn
from narthex.store.audit.file import open_new
from narthex.store.audit.log import AuditLog
from narthex.telemetry.event import CallEvent

NOTHING: Any = None


class Field:
    """Where one answer goes. `breaks`: its connection does not take it."""

    def __init__(self, book: "Book", *, breaks: bool = False) -> None:
        self.book, self.breaks = book, breaks
        self.written = -1  # bytes of the log when the answer came
        self.answer: bytes | None = None
        self.fault: BaseException | None = None

    def landed(self, answer: bytes) -> None:
        self.answer, self.written = answer, self.book.bytes()
        if self.breaks:
            raise ZeroDivisionError

    def failed(self, fault: BaseException) -> None:
        self.fault = fault


class Plane:
    """A call that is to be sent."""

    def __init__(self, book: "Book", *, breaks: bool = False) -> None:
        self.book, self.breaks = book, breaks
        self.written = -1  # bytes of the log when it left
        self.stayed = False
        self.fault: BaseException | None = None

    def depart(self) -> None:
        self.written = self.book.bytes()
        if self.breaks:
            raise ZeroDivisionError

    def stay(self) -> None:
        self.stayed = True

    def broke(self, fault: BaseException) -> None:
        self.fault = fault


class Book:
    """A real log in a folder, a ledger and a recorder before it, and what is told of calls."""

    def __init__(self, folder: Path, log: AuditLog | None) -> None:
        self.folder, self.log = folder, log
        self.told: list[CallEvent] = []
        ledger = Ledger(AuditConfig())
        ledger.log = log
        self.recorder = Recorder(NOTHING, ledger, self.told.append)
        self.turn = Turn(self.recorder)

    def bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.folder / "audit").glob("*.jsonl"))

    def fill(self) -> None:
        """From now on every write to the open segment fails: the disk is full."""
        assert self.log is not None
        assert self.log.journal.file is not None
        device = os.open("/dev/full", os.O_WRONLY)
        os.dup2(device, self.log.journal.file.fd, inheritable=False)
        os.close(device)

    def made(self, tool: Any = None) -> Call:
        who, desk = Principal("ana", how="key"), Desk()
        return Call(7, "tools/call", {"arguments": {}}, desk, who, "", {}, NOTHING, NOTHING, server="crm", tool=tool)  # type: ignore[arg-type]

    def call(self) -> Call:
        call = self.made()
        assert self.recorder.begin(call) is None
        return call

    def fly(self, count: int) -> list[tuple[Call, Field]]:
        return [(self.call(), Field(self)) for _ in range(count)]

    def depart(self, count: int) -> list[Plane]:
        """Calls that may change something are sent, all in this turn."""
        planes = [Plane(self) for _ in range(count)]
        planes[1].breaks = True
        for plane in planes:
            record = self.turn.begin(self.made(Changing()))
            assert not isinstance(record, Denial)
            self.turn.depart(plane, record)
        return planes

    def land(self, flown: list[tuple[Call, Field]]) -> None:
        for call, field in flown:
            self.turn.land(call, b"{}", "ok", field)


class Desk:
    name = ""


class Changing:
    """A tool that is not declared read-only."""

    read_only = False


@contextmanager
def book(folder: Path, opener: Any = open_new) -> Iterator[Book]:
    log = AuditLog.open(folder, AuditConfig(), lambda _level, _sentence: None, opener)
    try:
        yield Book(folder, log)
    finally:
        log.close()


async def turn() -> None:
    """One turn of the event loop, at the end of which everything of it is done."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


async def test_ends_of_one_turn_are_written_before_any_of_them_is_answered(tmp_path: Path) -> None:
    with book(tmp_path) as here:
        flown = here.fly(2 * audit_together_calls_min)
        before = here.bytes()
        here.land(flown[:audit_together_calls_min])
        assert here.bytes() == before
        assert [field.answer for _, field in flown if field.answer is not None] == []
        await turn()
        assert here.log is not None
        after = here.bytes()

    together = flown[:audit_together_calls_min]
    assert {(field.answer, field.written) for _, field in together} == {(b"{}", after)}
    assert [(one.serial, one.outcome) for one in here.told] == [(call.serial, "ok") for call, _ in together]


async def test_calls_of_one_turn_are_written_before_any_of_them_is_sent(tmp_path: Path) -> None:
    with book(tmp_path) as here:
        here.fly(audit_together_calls_min)
        before = here.bytes()
        planes = here.depart(10)
        assert here.bytes() == before
        assert {plane.written for plane in planes} == {-1}
        await turn()
        after = here.bytes()

    assert after > before
    assert {plane.written for plane in planes} == {after}
    assert [place for place, plane in enumerate(planes) if plane.fault is not None] == [1]


async def test_where_few_are_in_the_air_nobody_waits_for_the_others(tmp_path: Path) -> None:
    with book(tmp_path) as here:
        flown = here.fly(audit_together_calls_min - 1)
        for call, field in flown:
            before = here.bytes()
            here.land([(call, field)])
            assert field.answer == b"{}"
            assert field.written > before


async def test_without_a_log_nobody_waits(tmp_path: Path) -> None:
    here = Book(tmp_path, None)
    flown = here.fly(2 * audit_together_calls_min)
    here.land(flown)

    assert [field.answer for _, field in flown] == [b"{}"] * len(flown)
    assert len(here.told) == len(flown)


async def test_one_that_cannot_be_answered_keeps_no_other_from_its_answer(tmp_path: Path) -> None:
    with book(tmp_path) as here:
        flown = here.fly(2 * audit_together_calls_min)
        flown[1][1].breaks = True
        here.land(flown)
        await turn()

    assert [field.answer for _, field in flown] == [b"{}"] * len(flown)
    assert [place for place, (_, field) in enumerate(flown) if field.fault is not None] == [1]


async def test_whatever_breaks_in_writing_nobody_waits_for_ever(tmp_path: Path) -> None:
    full = False

    def opened(path: Path) -> int:
        if full:
            raise ZeroDivisionError
        return open_new(path)

    with book(tmp_path, opened) as here:
        flown = here.fly(2 * audit_together_calls_min)
        full = True
        here.fill()
        planes = here.depart(10)
        here.land(flown)
        await turn()
        full = False

    assert {(plane.stayed, plane.written) for plane in planes} == {(True, -1)}
    assert {type(field.fault) for _, field in flown} == {ZeroDivisionError}
    assert {field.answer for _, field in flown} == {None}


async def test_answers_that_cannot_be_written_down_are_withheld(tmp_path: Path) -> None:
    """The disk is full: no call is sent, none of the answers goes out, and each is told of as what it was."""
    full = False

    def opened(path: Path) -> int:
        return os.open("/dev/full", os.O_WRONLY) if full else open_new(path)

    with book(tmp_path, opened) as here:
        flown = here.fly(2 * audit_together_calls_min)
        full = True
        here.fill()
        planes = here.depart(10)
        here.land(flown)
        await turn()
        assert isinstance(here.turn.begin(here.made(Changing())), Denial)

    assert {(plane.stayed, plane.written) for plane in planes} == {(True, -1)}
    assert [(one.outcome, one.reason) for one in here.told] == [("error", "audit_unavailable")] * len(flown)
    for _, field in flown:
        assert field.answer is not None
        assert b'"reason":"audit_unavailable"' in field.answer
        assert b'"outcome":"unknown"' in field.answer
