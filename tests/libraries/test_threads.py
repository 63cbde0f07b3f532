"""Functions in threads: each has an end and is told of it, however they are given and however long they take."""

import asyncio
import random
import threading
from functools import partial
from time import monotonic
from time import sleep as block
from typing import Any

import pytest

from narthex.libraries.threads import Threads, waiting_max


async def test_a_function_that_waits_for_the_next_one_is_not_waited_for() -> None:
    """Both are given in one turn, and one thread is awake: the other has its own a moment later."""
    threads, met = Threads("test", 2), threading.Event()
    await threads.run(int)
    both = asyncio.gather(threads.run(lambda: met.wait(10)), threads.run(met.set))

    assert await asyncio.wait_for(both, 20) == [True, None]


async def test_functions_in_threads_are_as_many_as_the_library_says() -> None:
    threads, free, at_work = Threads("test", 3), threading.Event(), set[int]()

    def work() -> int:
        at_work.add(threading.get_ident())
        assert free.wait(10)
        return 1

    running = [asyncio.create_task(threads.run(work)) for _ in range(10)]
    async with asyncio.timeout(10):
        while len(at_work) < 3:
            await asyncio.sleep(0.001)
    free.set()

    assert await asyncio.gather(*running) == [1] * 10
    assert len(at_work) == 3


async def test_what_has_not_begun_never_does_once_it_is_cancelled() -> None:
    threads, free, done = Threads("test", 1), threading.Event(), []
    first = asyncio.create_task(threads.run(lambda: free.wait(10)))
    second = asyncio.create_task(threads.run(lambda: done.append(2)))
    await asyncio.sleep(0)
    second.cancel()
    free.set()
    await first
    await threads.run(lambda: done.append(3))

    assert done == [3]


def test_a_loop_that_stands_still_keeps_no_function_of_another_waiting() -> None:
    first, second, free = asyncio.new_event_loop(), asyncio.new_event_loop(), threading.Event()

    async def leave_something(threads: Threads) -> list[asyncio.Task[Any]]:
        begun = threading.Event()

        def blocks() -> None:
            begun.set()
            free.wait(20)

        left = [asyncio.create_task(threads.run(blocks))]
        while not begun.is_set():
            await asyncio.sleep(0)
        left.append(asyncio.create_task(threads.run(int)))
        await asyncio.sleep(0)
        return left  # and nobody looks after a moment

    left = []
    try:
        for _ in range(20):
            threads = Threads("test", 4)
            left += first.run_until_complete(leave_something(threads))
            assert second.run_until_complete(asyncio.wait_for(threads.run(int), 10)) == 0
    finally:
        free.set()
        first.run_until_complete(asyncio.gather(*left))
        first.close()
        second.close()


async def test_threads_that_the_system_did_not_have_are_not_counted() -> None:
    threads, done = Threads("test", 1), list[int]()
    usual = threading.stack_size(1 << 46)  # more than there is
    try:
        with pytest.raises(RuntimeError, match="thread"):
            await threads.run(lambda: done.append(1))
    finally:
        threading.stack_size(usual)
    await asyncio.wait_for(threads.run(lambda: done.append(2)), 10)

    assert done == [2]


async def test_functions_that_nobody_waits_for_take_no_place_in_the_queue() -> None:
    threads, free = Threads("test", 1), threading.Event()
    first = asyncio.create_task(threads.run(lambda: free.wait(10)))
    given_up = [asyncio.create_task(threads.run(int)) for _ in range(waiting_max)]
    await asyncio.sleep(0)
    for one in given_up:
        one.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    last = asyncio.create_task(threads.run(int))
    await asyncio.sleep(0)
    free.set()

    assert (await first, await last) == (True, 0)


async def test_what_is_over_is_told_while_another_works_on() -> None:
    """The quick ones are told together, and never wait for the one in between that lasts."""
    threads, free = Threads("test", 4), threading.Event()
    await threads.run(int)
    for place in range(6):
        free.clear()
        quick = [threads.run(int) for _ in range(6)]
        given = [*quick[:place], threads.run(lambda: free.wait(10)), *quick[place:]]
        tasks = [asyncio.ensure_future(one) for one in given]
        lasting = tasks.pop(place)
        assert await asyncio.wait_for(asyncio.gather(*tasks), 5) == [0] * 6
        assert not lasting.done()
        free.set()
        assert await lasting


async def test_what_is_over_is_told_though_only_one_thread_is_there() -> None:
    threads, begun, free, further = Threads("test", 1), threading.Event(), threading.Event(), threading.Event()

    def first() -> bool:
        begun.set()
        return free.wait(10)

    for _ in range(20):
        for event in (begun, free, further):
            event.clear()
        both = [asyncio.ensure_future(threads.run(one)) for one in (first, lambda: further.wait(10))]
        async with asyncio.timeout(10):
            while not begun.is_set() or (desk := threads._desk()) is None or desk.looks:
                await asyncio.sleep(0.001)  # there is no thread for the second, so nobody looks again and again
        free.set()
        assert await asyncio.wait_for(both[0], 5)
        further.set()
        assert await both[1]


async def test_whatever_comes_in_whatever_order_each_is_told_of_its_own() -> None:
    threads, seed, until = Threads("test", 4), random.Random(7), monotonic() + 3
    told = 0

    def work(number: int, seconds: float) -> int:
        if seconds:
            block(seconds)
        if number % 7 == 0:
            raise LookupError(number)
        return number

    async def caller(own: random.Random) -> None:
        nonlocal told
        while monotonic() < until:
            number = own.randrange(10**9)
            asked = threads.run(partial(work, number, own.choice((0, 0, 0, 0, 0.0001, 0.0004, 0.003))))
            task = asyncio.ensure_future(asked)
            if own.random() < 0.1:
                await asyncio.sleep(own.choice((0, 0.0002)))
                task.cancel()
            (found,) = await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)
            assert found == number or isinstance(found, asyncio.CancelledError) or found.args == (number,)
            told += 1

    await asyncio.gather(*(caller(random.Random(seed.random())) for _ in range(24)))

    assert told > 1_000
