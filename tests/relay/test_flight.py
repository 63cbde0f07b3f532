"""A flight as the connection to the server sees it: like a future, whatever breaks in the landing."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.deadline import Deadline
from narthex.relay.express import Express, Flight
from narthex.relay.turn import Turn
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.link.ask import Ask, Begun
from narthex.wire.sse import SseEvent

RECORD = AuditRecord(kind="start", call=1)
REPLY = HttpReply(200, {}, b"application/json", b"{}")


class House:
    """All that stands around one flight, and what it was told. `verdict` is what the answer turns out to be."""

    def __init__(self, verdict: bytes | Exception | None) -> None:
        self.verdict = verdict
        self.told: list[str] = []
        self.rest: Coroutine[Any, Any, Any] | None = None
        self.begun_with: Begun | None = None
        self.breaks_at_landing = False
        self.relay, self.call, self.facts, self.recorder, self.ledger = self, self, self, self, self
        self.noted = 0
        self.aloft = 1
        self.turn = Turn(self)  # type: ignore[arg-type]

    # as the ledger and the recorder
    full = False

    def write(self, records: list[AuditRecord]) -> None:
        if self.full:
            raise AuditUnavailable
        self.told.append(f"written {len(records)}")

    def note(self, *_: object) -> None:
        self.noted += 1

    # as `Express`, the relay and the permit
    id = 1
    lost = Express.lost

    def answer(self, *_: object) -> tuple[bytes, str] | None:
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return None if self.verdict is None else (self.verdict, "ok")

    def ask_of(self, _: object) -> Ask:
        return Ask("tools/call", {}, Deadline(0.0))

    async def refused(self, _: object) -> None:
        self.told.append("refused")

    async def finish(self, *_: object) -> None:
        if self.begun_with is None:
            self.told.append("sent anew")
            return
        await self.begun_with.wait()

    # as the link and the connection
    def next_id(self) -> int:
        return 1

    def begun(self, ask: Ask, request_id: int, withdraw: Any) -> Begun:
        future = asyncio.get_running_loop().create_future()
        self.begun_with = Begun(ask, self, request_id, None, future, withdraw)  # type: ignore[arg-type]
        return self.begun_with

    http = property(lambda self: self)
    closed = False
    deadline = Deadline(0.0)

    def begin(self, message: bytes, *_: object) -> None:
        self.told.append(f"sent {message.decode()}")

    def release(self, _: object) -> None:
        self.told.append("released")

    def leave(self, _: object) -> None:
        self.told.append("its place left")

    def withdraw(self, _: object) -> None:
        self.told.append("withdrawn")

    # as the ground, and as the link for what has landed
    def landed(self, what: bytes | int) -> None:
        self.told.append("counted off" if what == 1 else "answered")
        if what != 1 and self.breaks_at_landing:
            raise ZeroDivisionError

    def failed(self, fault: BaseException) -> None:
        self.told.append(type(fault).__name__)

    def diverted(self, rest: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        return asyncio.ensure_future(rest)

    def flight(self) -> Flight:
        around: Any = self
        return Flight(around, around, around, around, around, around)


async def test_a_usual_answer_lands() -> None:
    house = House(b"answer")
    flight = house.flight()
    assert not flight.done()
    flight.set_result(REPLY)

    assert flight.done()
    assert house.told == ["answered", "counted off"]


@pytest.mark.parametrize("at_landing", [False, True], ids=["reading", "landing"])
async def test_a_fault_of_ours_leaves_nothing_at_the_link(at_landing: bool) -> None:
    house = House(b"answer" if at_landing else ZeroDivisionError())
    house.breaks_at_landing = at_landing
    flight = house.flight()
    flight.set_result(REPLY)

    assert flight.done()
    assert house.told[-2:] == ["ZeroDivisionError", "counted off"]
    assert house.noted == 1


async def test_an_event_that_lands_is_enough() -> None:
    house = House(b"answer")

    assert house.flight().event(SseEvent(data=b"{}")) is True
    assert house.told == ["answered", "counted off"]


async def test_what_was_given_up_takes_no_answer_any_more_even_before_it_has_withdrawn() -> None:
    house = House(None)
    flight = house.flight()
    flight.cancel()
    assert house.begun_with is not None
    for _ in range(3):
        if house.begun_with.reply.done():
            break
        await asyncio.sleep(0)

    assert house.begun_with.reply.cancelled()
    assert house.told == []  # its task has not run yet
    assert flight.done()
    await asyncio.sleep(0)
    assert house.told == ["withdrawn"]


def waiting(house: House) -> Flight:
    """One that is sent once its start is written down."""
    flight = house.flight()
    flight.message = b"it"
    house.turn.depart(flight, RECORD)
    return flight


async def test_it_is_sent_once_it_is_written_down() -> None:
    house = House(b"answer")
    waiting(house)
    assert house.told == []
    await asyncio.sleep(0)

    assert house.told == ["written 1", "sent it"]


async def test_what_is_given_up_before_it_is_sent_is_sent_and_cancelled() -> None:
    """Its start may be written already: so the server hears of it, and of its end."""
    house = House(None)
    flight = waiting(house)
    flight.cancel()
    assert house.told == ["written 1", "sent it"]
    assert house.begun_with is not None
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert house.told[-1] == "withdrawn"


async def test_what_is_given_up_while_its_end_is_written_down_has_ended() -> None:
    house = House(b"answer")
    flight = house.flight()
    flight.set_result(REPLY)
    flight.cancel()

    assert house.begun_with is None
    assert house.told == ["answered", "counted off"]


async def test_a_connection_that_ends_before_it_is_sent_leaves_it_to_the_general_way() -> None:
    house = House(b"answer")
    flight = waiting(house)
    house.closed = True
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert house.told == ["written 1", "counted off", "its place left", "sent anew"]
    assert flight.done()


async def test_what_cannot_be_written_down_is_refused_and_never_sent() -> None:
    house = House(b"answer")
    house.full = True
    flight = waiting(house)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert house.told == ["counted off", "released", "refused"]
    assert flight.done()


async def test_a_connection_that_ended_is_not_given_back_by_what_is_not_sent() -> None:
    house = House(b"answer")
    house.full = house.closed = True
    waiting(house)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert house.told == ["counted off", "refused"]


async def test_an_unusual_answer_is_waited_for_by_a_task() -> None:
    house = House(None)
    flight = house.flight()
    flight.set_result(REPLY)
    assert house.begun_with is not None

    assert await house.begun_with.wait() is REPLY
    assert flight.done()
    await asyncio.sleep(0)  # so that the task of the flight has its answer too
    assert house.told == []
