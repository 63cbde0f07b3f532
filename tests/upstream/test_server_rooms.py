"""Places at one server: so many at once, a short row, nobody lost, nobody counted twice."""

import asyncio

import pytest

from narthex.model.deadline import Deadline
from narthex.model.rules.resilience import Bulkhead
from narthex.model.settled import Sending
from narthex.upstream.rooms import Room, Rooms, Withheld


def later(seconds: float = 60.0) -> Deadline:
    return Deadline(asyncio.get_running_loop().time() + seconds)


async def begun(task: "asyncio.Task[None]", room: Room, waiting: int) -> None:
    async with asyncio.timeout(5):
        while room.waiting < waiting and not task.done():
            await asyncio.sleep(0)


async def test_so_many_at_once_then_a_row_then_a_refusal_that_says_so() -> None:
    room = Room("crm", Bulkhead(concurrent=2, waiting=1, wait_seconds=30))
    await room.enter(later())
    assert room.enter_at_once()
    third = asyncio.ensure_future(room.enter(later()))
    await begun(third, room, 1)

    with pytest.raises(Withheld) as full:
        await room.enter(later())
    assert full.value.denial.message == (
        "The server 'crm' is busy: 2 calls are under way, as many as may be at one time, and 1 wait for a place. "
        "Nothing was done. Retry in 30 seconds."
    )
    assert full.value.denial.data == {"concurrent": 2, "waiting": 1, "retry_after_ms": 30_000}
    assert (full.value.denial.reason, full.value.denial.code) == ("server_busy", None)
    room.leave()
    await third
    assert (room.inside, room.waiting, room.refused) == (2, 0, 1)
    room.leave()
    room.leave()
    assert room.inside == 0


async def test_who_waits_goes_in_the_order_in_which_they_came_and_before_who_comes_later() -> None:
    room = Room("crm", Bulkhead(concurrent=1, waiting=5, wait_seconds=30))
    order: list[int] = []

    async def call(number: int) -> None:
        await room.enter(later())
        order.append(number)

    await call(0)
    tasks = []
    for number in range(1, 4):
        tasks.append(asyncio.ensure_future(call(number)))
        await begun(tasks[-1], room, number)
    assert not room.enter_at_once()
    for _ in range(4):
        room.leave()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    assert (order, room.inside) == ([0, 1, 2, 3], 0)


async def test_who_waits_too_long_is_refused_and_leaves_the_row() -> None:
    room = Room("crm", Bulkhead(concurrent=1, waiting=5, wait_seconds=0.02))
    await room.enter(later())

    with pytest.raises(Withheld):
        await room.enter(later())
    room.leave()
    assert (room.inside, room.waiting) == (0, 0)


async def test_nobody_waits_beyond_their_own_deadline() -> None:
    room = Room("crm", Bulkhead(concurrent=1, waiting=5, wait_seconds=60))
    await room.enter(later())

    async with asyncio.timeout(5):
        with pytest.raises(Withheld):
            await room.enter(later(0.02))


async def test_who_leaves_the_row_is_skipped_and_who_leaves_with_the_place_in_hand_gives_it_back() -> None:
    room = Room("crm", Bulkhead(concurrent=1, waiting=5, wait_seconds=60))
    await room.enter(later())
    gone, next_one = (asyncio.ensure_future(room.enter(later())) for _ in range(2))
    await begun(next_one, room, 2)
    gone.cancel()
    await asyncio.wait({gone})
    assert room.waiting == 1
    room.leave()  # the place is given to the next one,
    next_one.cancel()  # who leaves in that very moment
    await asyncio.wait({next_one})

    assert (room.inside, room.waiting) == (0, 0)
    assert room.enter_at_once()


async def test_fewer_places_after_a_reload_empty_the_room_first() -> None:
    rooms = Rooms("crm")
    room = rooms.of(Sending(bulkhead=Bulkhead(concurrent=3), place="servers.crm.bulkhead"))
    for _ in range(3):
        await room.enter(later())
    assert rooms.of(Sending(bulkhead=Bulkhead(concurrent=1), place="servers.crm.bulkhead")) is room
    waiting = asyncio.ensure_future(room.enter(later()))
    await begun(waiting, room, 1)
    room.leave()
    room.leave()
    await asyncio.sleep(0)

    assert (room.inside, waiting.done()) == (1, False)
    room.leave()
    await waiting
    assert (rooms.inside, rooms.waiting) == (1, 0)


async def test_each_line_of_the_configuration_has_places_of_its_own() -> None:
    rooms, rule = Rooms("crm"), Bulkhead(concurrent=1)

    assert rooms.of(Sending(bulkhead=rule, place="a")).enter_at_once()
    assert rooms.of(Sending(bulkhead=rule, place="b")).enter_at_once()
    assert not rooms.of(Sending(bulkhead=rule, place="a")).enter_at_once()
    assert rooms.inside == 2
