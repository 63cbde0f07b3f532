"""What a function may do in a call: wait, fail, report, ask, and what its value becomes."""

import asyncio
import base64
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from narthex import Audio, Context, File, Image, Library, Principal, ToolError
from narthex.libraries.asking import kept_max
from narthex.libraries.conversation import Conversation
from narthex.libraries.exchange import ALONE
from narthex.libraries.server import Server
from narthex.libraries.surroundings import Surroundings
from narthex.testing import CallFailed, call, connect

Tree = dict[str, Any]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
}


@dataclass
class Booking:
    guests: int
    vegetarian: bool = False


async def test_a_waiting_function_keeps_nobody_waiting() -> None:
    library, begun, free = Library("test"), threading.Event(), threading.Event()

    @library.tool
    def blocks() -> str:
        begun.set()
        assert free.wait(10)
        return "at last"

    @library.tool
    async def quick() -> str:
        return "quick"

    async with connect(library) as client:
        waiting = asyncio.create_task(client.call("blocks"))
        while not begun.is_set():
            await asyncio.sleep(0.001)

        assert (await client.call("quick")).text == "quick"
        free.set()
        assert (await waiting).text == "at last"


async def test_a_function_in_a_thread_can_find_out_that_nobody_waits() -> None:
    library, begun, ended = Library("test"), threading.Event(), threading.Event()

    @library.tool
    def counts(context: Context) -> str:
        begun.set()
        while not context.cancelled:
            time.sleep(0.001)
        ended.set()
        return "never seen"

    async with connect(library) as client:
        waiting = asyncio.create_task(client.call("counts"))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        assert await asyncio.to_thread(ended.wait, 10)


async def test_errors_for_the_model_arrive_and_all_others_have_a_number() -> None:
    library = Library("test")

    @library.tool
    def forgiving(amount: int) -> str:
        if amount > 10:
            raise ToolError("More than 10 cannot be sent. Try 10 or less.")
        raise ValueError(f"the password is hunter2 {amount}")

    async with connect(library) as client:
        told = await client.call("forgiving", amount=11)
        failed = await client.call("forgiving", amount=1)

        assert (told.text, told.is_error) == ("More than 10 cannot be sent. Try 10 or less.", True)
        assert failed.is_error
        assert "hunter2" not in failed.text
        number = failed.text.partition("(error ")[2][:8]
        assert len(number) == 8
        assert len(client.reports) == 1
        assert number in client.reports[0]
        assert "hunter2" in client.reports[0]
        assert "test_library_calls.py" in client.reports[0]


@pytest.mark.parametrize("raised", [SystemExit(3), StopIteration(), KeyboardInterrupt()])
def test_a_function_can_end_nothing_but_itself(raised: BaseException) -> None:
    library = Library("test")

    @library.tool
    def leaves() -> str:
        raise raised

    assert call(library, "leaves").is_error


async def test_an_exit_ends_no_more_than_its_function() -> None:
    """In the loop it would end the loop, and everything else that is served in it."""

    @asynccontextmanager
    async def opened(_: Surroundings) -> AsyncIterator[None]:
        sys.exit(4)
        yield

    library, badly = Library("test"), Library("badly", lifespan=opened)

    @library.tool
    async def leaves() -> str:
        sys.exit(3)

    @library.tool(on_loop=True)
    def leaves_at_once() -> str:
        sys.exit(3)

    @badly.tool
    def never() -> str:
        return "never"

    async with connect(library) as client:
        said = [(await client.call(name)).text or "" for name in ("leaves", "leaves_at_once")]
        reports = "".join(client.reports)
    async with connect(badly) as client:
        said.append((await client.call("never")).text or "")

    assert all(one.startswith("The tool failed") for one in said)
    assert reports.count("SystemExit(3) left the function") == 2


async def test_context_tells_who_what_and_how_far() -> None:
    library = Library("crm")

    @library.tool
    def report(context: Context) -> str:
        assert context.principal is not None
        for step in range(3):
            context.progress(step, 3, f"step {step}")
            time.sleep(0.02)
        context.info({"rows": 3})
        with pytest.raises(ValueError, match="loud"):
            context.log("loud", "x")
        return f"{context.principal.subject} {context.settings['region']} {context.secrets['KEY']} {context.secrets!r}"

    who = Principal("ana", "acme", frozenset({"crm"}), {"email": "ana@example.com"})
    given = {"region": "eu", "crm.region": "ch", "hr.region": "us"}
    async with connect(library, settings=given, secrets={"KEY": "k"}, principal=who) as client:
        result = await client.call("report")

        assert result.text == "ana ch k <Secrets KEY>"
        assert [news["progress"] for news in client.progress] == [0, 1, 2]
        assert [line["data"] for line in client.logs] == [{"rows": 3}]
        assert "example.com" not in repr(who)


async def test_a_flood_of_progress_from_a_thread_is_one_at_a_time() -> None:
    library = Library("test")

    @library.tool
    def floods(context: Context) -> str:
        for step in range(20_000):
            context.progress(step)
        return "done"

    async with connect(library) as client:
        assert (await client.call("floods")).text == "done"
        assert len(client.progress) < 20_000


async def test_calls_share_one_http_client() -> None:
    library, found = Library("test"), []

    @library.tool
    async def fetch(context: Context) -> None:
        found.append(context.http)

    async with connect(library) as client:
        await client.call("fetch")
        await client.call("fetch")

        assert found[0] is found[1]
        assert not found[0].is_closed
    assert found[0].is_closed


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        (None, []),
        ("text", ["text"]),
        ({"a": 1}, ["text"]),
        (Image(b"\x89PNG"), ["image"]),
        (Audio(b"RIFF", "audio/wav"), ["audio"]),
        (File("docs://a", "text"), ["resource"]),
        (["look:", Image(b"x", "image/jpeg")], ["text", "image"]),
        ({"type": "text", "text": "a"}, ["text"]),
        (b"bytes", ["resource"]),
    ],
    ids=str,
)
def test_values_without_a_promise_become_blocks(value: Any, kinds: list[str]) -> None:
    library = Library("test")
    library.tool(name="give")(lambda: value)

    assert [block["type"] for block in call(library, "give").content] == kinds


def test_a_picture_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    library = Library("test")
    library.tool(name="give")(lambda: Image(tmp_path / "a.jpg"))

    (block,) = call(library, "give").content

    assert block == {"type": "image", "data": base64.b64encode(b"\xff\xd8").decode(), "mimeType": "image/jpeg"}


async def test_what_json_cannot_say_is_a_fault_of_the_tool() -> None:
    library = Library("test")
    library.tool(name="give")(lambda: {"a": object()})
    async with connect(library) as client:
        result = await client.call("give")

        assert result.is_error
        assert "cannot be said in JSON" in client.reports[0]


def test_an_answer_that_breaks_its_promise_fails_the_test() -> None:
    library = Library("test")

    @library.tool
    def give() -> dict[str, int]:
        return {"a": "b"}  # type: ignore[dict-item]

    with pytest.raises(CallFailed, match="is not what its schema promises"):
        call(library, "give")


# Questions


QUESTIONS = Library("questions")


@QUESTIONS.tool
async def book(day: str, context: Context) -> str:
    """Book a table."""
    answer = await context.elicit(f"How many on {day}?", Booking)
    if not answer or answer.data is None:
        return f"nothing: {answer.action}"
    sure = await context.elicit("Sure?", bool)
    return f"{answer.data.guests} {answer.data.vegetarian} {sure.data}"


@QUESTIONS.tool
def choose(context: Context) -> str:
    wine: Any = Literal["red", "white"]
    return str(context.wait(context.elicit("Wine?", wine, optional=True)).data)


async def test_a_human_is_asked() -> None:
    answers = {"How many on Monday?": {"guests": 4}, "Sure?": True, "Wine?": "red"}
    async with connect(QUESTIONS, answers=answers) as client:
        assert (await client.call("book", day="Monday")).text == "4 False True"
        assert (await client.call("choose")).text == "red"


async def test_a_no_and_nobody_to_ask() -> None:
    async with connect(QUESTIONS, answers=lambda *_: None) as client:
        assert (await client.call("book", day="x")).text == "nothing: decline"
    async with connect(QUESTIONS) as client:
        assert "cannot be asked" in (await client.call("book", day="x")).text
        assert (await client.call("choose")).text == "None"


@pytest.mark.parametrize("answer", [{"guests": "many"}, {"gusts": 1}, "x", []])
async def test_an_answer_that_is_none_is_refused(answer: Any) -> None:
    async with connect(QUESTIONS, answers=lambda *_: answer) as client:
        result = await client.call("book", day="x")

        assert result.is_error
        assert "is not what was asked for" in result.text


class Modern:
    """A modern client, which is asked between requests."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def call(self, name: str, arguments: Tree, **further: Any) -> Tree:
        params = {"name": name, "arguments": arguments, **further, "_meta": META}
        message = {"id": 1, "method": "tools/call", "params": params}
        response, _ = await Conversation(self.server, lambda _: None).answer(message, lambda _: None, ALONE)
        return response

    async def answer(self, name: str, arguments: Tree, asked: Tree, content: Any) -> Tree:
        responses = {key: {"action": "accept", "content": content} for key in asked["result"]["inputRequests"]}
        state = asked["result"]["requestState"]
        return await self.call(name, arguments, requestState=state, inputResponses=responses)


async def test_a_modern_client_is_asked_between_requests() -> None:
    server = QUESTIONS.to_server()
    client, arguments = Modern(server), {"day": "Monday"}
    first = await client.call("book", arguments)
    second = await client.answer("book", arguments, first, {"guests": 2, "vegetarian": True})
    third = await client.answer("book", arguments, second, {"value": True})

    assert first["result"]["resultType"] == second["result"]["resultType"] == "input_required"
    (question,) = first["result"]["inputRequests"].values()
    assert question["params"]["message"] == "How many on Monday?"
    assert question["params"]["requestedSchema"]["required"] == ["guests"]
    assert third["result"]["content"][0]["text"] == "2 True True"
    assert server.kept == {}
    await server.aclose()


async def test_a_question_is_answered_once_and_for_the_same_call() -> None:
    server = QUESTIONS.to_server()
    client = Modern(server)
    first = await client.call("book", {"day": "Monday"})
    other = await client.answer("book", {"day": "Friday"}, first, {"guests": 2})
    again = await client.answer("book", {"day": "Monday"}, first, {"guests": 2})
    forged = await client.call("book", {"day": "Monday"}, requestState="x", inputResponses={})

    assert "another call" in other["error"]["message"]
    assert "no longer open" in again["error"]["message"]
    assert "no longer open" in forged["error"]["message"]
    await server.aclose()


async def test_so_many_questions_wait_and_none_after_the_end() -> None:
    server = QUESTIONS.to_server()
    client = Modern(server)
    for number in range(kept_max + 5):
        await client.call("book", {"day": str(number)})

    assert len(server.kept) == kept_max
    await server.aclose()
    assert server.kept == {}
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


# What a library keeps open


async def test_what_a_lifespan_opens_is_there_and_is_closed() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def opened(given: Surroundings) -> AsyncIterator[str]:
        told.append(f"open {given.settings['region']}")
        yield "a pool"
        told.append("closed")

    library = Library("test", lifespan=opened)

    @library.tool
    def state(context: Context) -> str:
        return str(context.state)

    async with connect(library, settings={"region": "eu"}) as client:
        assert told == []
        texts = await asyncio.gather(*(client.call("state") for _ in range(3)))

        assert [one.text for one in texts] == ["a pool"] * 3
        assert told == ["open eu"]
    assert told == ["open eu", "closed"]


async def test_a_lifespan_that_fails_is_tried_again() -> None:
    tries: list[int] = []

    @asynccontextmanager
    async def opened(given: Surroundings) -> AsyncIterator[int]:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no database")
        yield len(tries)

    library = Library("test", lifespan=opened)

    @library.tool
    async def state(context: Context) -> int:
        return int(context.state)

    async with connect(library) as client:
        failed = await client.call("state")
        worked = await client.call("state")

    assert failed.is_error
    assert worked.data == 2


async def test_a_thread_that_waits_for_an_answer_ends_with_its_call() -> None:
    library, begun, ended = Library("test", threads=1), threading.Event(), threading.Event()

    @library.tool
    def asks(context: Context) -> str:
        begun.set()
        try:
            return str(context.wait(asyncio.sleep(60)))
        finally:
            ended.set()

    async with connect(library) as client:
        waiting = asyncio.create_task(client.call("asks"))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        waiting.cancel()

        assert await asyncio.to_thread(ended.wait, 10)


async def test_what_is_read_is_nobody_elses_to_keep() -> None:
    library = Library("test")
    library.resource("mine://all")(lambda: "mine")
    async with connect(library) as client:
        read = await client.request("resources/read", uri="mine://all")
        listed = await client.request("resources/list")

    assert (read["ttlMs"], read["cacheScope"]) == (0, "private")
    assert listed["cacheScope"] == "public"
