"""Schemas are compiled when a tool is first called, beside the loop, once, and only so many of them are kept."""

import asyncio
import gc
import json
import resource
import time
from typing import Any

import msgspec
import pytest

from narthex.limits import compiled_schemas_bytes_max
from narthex.model.call import Call
from narthex.model.endpoint import Endpoint, Tool
from narthex.model.identity import LOCAL
from narthex.model.rules.validation import Validation
from narthex.model.settled import Settled
from narthex.policy.validation.checked import Checked, Unchecked
from narthex.relay.checking import Checking
from narthex.relay.trial import trial

Tree = dict[str, Any]
AT_ONCE = 0.05  # what nobody may be held up for


def tool(name: str, schema: Tree, output: Tree | None = None) -> Tool:
    more = {"outputSchema": output} if output is not None else {}
    return Tool(name, "crm", name, msgspec.json.encode({"name": name, "inputSchema": schema, **more}))


def call(one: Tool, **rule: Any) -> Call:
    settled = Settled(validation=Validation(**rule))
    endpoint = Endpoint(
        "",
        ("crm",),
        False,
        {one.public: one},
        {},
        {},
        {},
        {},
        {},
        {},
        {},
        {},
        b"{}",
        None,
    )
    made = trial(endpoint, LOCAL, "tools/call", {"name": one.public})
    made.tool, made.settled = one, settled
    return made


INTEGER: Tree = {"type": "object", "properties": {"a": {"type": "integer"}}}


def checking(told: list[str] | None = None, bytes_max: int = compiled_schemas_bytes_max) -> Checking:
    return Checking((told if told is not None else []).append, bytes_max)


async def test_the_first_call_waits_and_the_next_does_not() -> None:
    house, first = checking(), call(tool("search", INTEGER))

    assert not house.ready(first)
    await house.fetch(first)
    second = call(tool("search", INTEGER))
    assert house.ready(second)
    assert isinstance(second.input_schema, Checked)
    assert second.input_schema is first.input_schema
    assert second.output_schema is None


async def test_what_is_off_is_not_compiled() -> None:
    house, made = checking(), call(tool("search", INTEGER), arguments="off")

    assert house.ready(made)
    assert (made.input_schema, made.output_schema, len(house)) == (None, None, 0)


async def test_an_output_schema_is_compiled_where_results_are_checked() -> None:
    house, made = checking(), call(tool("search", INTEGER, INTEGER), results="warn")
    await house.fetch(made)

    assert isinstance(made.output_schema, Checked)


async def test_many_at_once_compile_it_once() -> None:
    house = checking()
    calls = [call(tool("search", INTEGER)) for _ in range(50)]
    await asyncio.gather(*(house.fetch(one) for one in calls))

    assert len({id(one.input_schema) for one in calls}) == 1
    assert len(house) == 1


async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    house = checking()
    task = asyncio.create_task(house.fetch(call(tool("search", INTEGER))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = call(tool("search", INTEGER))
    await asyncio.wait_for(house.fetch(again), 5)

    assert isinstance(again.input_schema, Checked)


async def test_an_operator_is_told_once() -> None:
    told: list[str] = []
    house = checking(told)
    for _ in range(3):
        made = call(tool("search", {"type": "object", "pattern": "("}))
        await house.fetch(made)

    assert isinstance(made.input_schema, Unchecked)
    assert told == [
        (
            "The arguments of 'search' of server 'crm' are not checked: of its inputSchema, "
            "the pattern '(' is too large, or not one that can be read."
        )
    ]


async def test_only_so_many_are_kept_and_none_is_missed() -> None:
    house = checking(bytes_max=100_000)
    for number in range(40):
        made = call(tool(f"t{number}", {**INTEGER, "title": f"t{number}"}))
        await house.fetch(made)
        assert isinstance(made.input_schema, Checked)
        assert house.bytes <= 100_000
    assert 0 < len(house) < 40


async def test_both_schemas_are_given_even_where_only_one_can_be_kept() -> None:
    house, made = checking(bytes_max=1), call(tool("search", INTEGER, {"title": "out"}), results="warn")
    await asyncio.wait_for(house.fetch(made), 5)

    assert isinstance(made.input_schema, Checked)
    assert isinstance(made.output_schema, Checked)


def test_two_thousand_tools_stay_within_what_was_promised() -> None:
    """What is kept is bounded in bytes as we reckon them, and those are what the system says, about."""
    properties = {f"p{n}": {"type": "string", "description": "what it is for"} for n in range(9)}
    tools = [tool(f"t{n}", {"type": "object", "properties": {**properties, f"q{n}": {}}}) for n in range(2_000)]
    house = checking()
    gc.collect()
    before = resident()
    for one in tools:
        house.look(call(one))
    grown = resident() - before

    assert house.bytes <= compiled_schemas_bytes_max
    assert len(house) > 500
    assert grown < 2 * compiled_schemas_bytes_max


def resident() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - one number
        return int(file.read().split()[1]) * resource.getpagesize()


def large() -> Tree:
    """As large as one may be, with all that takes time to compile."""
    names = {f"p{n}": {"type": "string", "pattern": f"^[a-z]{{1,{n + 2}}}$", "enum": ["x" * 40]} for n in range(150)}
    more = {f"q{n}": {"anyOf": [{"const": f"{n}-{k}"} for k in range(8)]} for n in range(180)}
    schema = {
        "type": "object",
        "properties": {**names, **more},
        "enum": [{"a": "y" * 100, "n": n} for n in range(1_500)],
    }
    assert 200_000 < len(json.dumps(schema)) < 256 * 1024
    return schema


async def longest_turn(house: Checking, made: Call) -> float:
    """How long nobody else got a turn while it was compiled."""
    task = asyncio.create_task(house.fetch(made))
    longest, last = 0.0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    await task
    assert isinstance(made.input_schema, Checked)
    return longest


async def test_the_loop_goes_on_while_a_large_one_is_compiled() -> None:
    """The best of a few times: the machine does other things too."""
    schema = large()
    turns = [await longest_turn(checking(), call(tool("search", schema))) for _ in range(5)]

    assert min(turns) < AT_ONCE


async def test_what_a_large_request_costs_is_worked_out_beside_the_loop() -> None:
    house = checking()
    made = call(tool("search", {"type": "object", "items": {}, "properties": {"a": {"items": INTEGER}}}))
    made.params = {"name": "search", "arguments": {"a": [{"a": 1}] * 40_000}}
    made.bytes_in = 1_000_000
    await house.fetch(made)

    assert made.weighed is True
