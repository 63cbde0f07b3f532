"""Row R11 of the matrix and H6: servers that ask back in mid-call, where both ends are of one era.

Modern to modern the question is the answer (`input_required`), its state sealed by the gateway. Older to older it is
a request on the call's own stream. What crosses the eras is refused in words, until the bridges H1 and H2 are built.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import far_offers as offers
import pytest
from story_cells import LEGACY_BACKS, MODERN_BACKS, Far, Fronts
from story_clients import ASKABLE, Client, Flight, LegacyHttp, ModernHttp, Refused, Stdio, answered
from story_hall import FarSide, Hall, config_for, servers

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
KINDS = ["elicitation", "sampling", "roots"]
ASKING = [back for back in LEGACY_BACKS if back != "loose"]  # without a session a server knows nobody to ask


def given(requests: Tree) -> Tree:
    """The user's answers to all questions of one round."""
    return {key: answered(one["method"], one["params"]) for key, one in requests.items()}


async def refusal(client: Client, name: str, arguments: Tree, result: Tree, **more: Any) -> Tree:
    params = {"name": name, "arguments": arguments, "inputResponses": given(result["inputRequests"]), **more}
    return (await client.call("tools/call", params)).error


@pytest.mark.parametrize("back", MODERN_BACKS)
@pytest.mark.parametrize("front", ["modern", "stdio-modern"])
async def test_a_modern_question_passes_whole_and_its_state_is_ours(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 25, 27: three kinds at once, three rounds; keys and questions unchanged."""
    client = await opened(fronts.client(front, back), ASKABLE)
    params: Tree = {"name": "ask", "arguments": {"kinds": KINDS, "rounds": 3}}
    for number in range(3):
        result = (await client.call("tools/call", params)).result
        assert result["resultType"] == "input_required"
        assert result["inputRequests"] == {
            f"{kind} {number}": json.loads(json.dumps(offers.QUESTIONS[kind]), parse_float=_decimal) for kind in KINDS
        }
        assert "far-state" not in result["requestState"]
        assert "ttlMs" not in result
        assert result["x-far"]["huge"] == offers.HUGE
        params = {**params, "inputResponses": given(result["inputRequests"]), "requestState": result["requestState"]}
    last = await client.call("tools/call", params)

    assert last.result["resultType"] == "complete"
    assert json.loads(last.text) == params["inputResponses"]


def _decimal(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)


@pytest.mark.parametrize("back", MODERN_BACKS)
@pytest.mark.parametrize(
    ("method", "params", "member"),
    [("prompts/get", {"name": "ask"}, "messages"), ("resources/read", {"uri": "far://ask"}, "contents")],
)
async def test_prompts_and_resources_may_ask_too(
    hall: Hall, opened: Opened, back: str, method: str, params: Tree, member: str
) -> None:
    """Checklist 29: an answer that was helped along is not cached."""
    client = await opened(ModernHttp(hall.endpoint(back)), ASKABLE)
    result = (await client.call(method, params)).result
    more = {"inputResponses": given(result["inputRequests"]), "requestState": result["requestState"]}
    last = (await client.call(method, {**params, **more})).result

    assert last[member]
    assert last.get("ttlMs", 0) == 0


async def test_a_state_that_was_touched_or_moved_is_refused_before_the_server_hears_of_it(
    far: FarSide, hall: Hall, opened: Opened
) -> None:
    """Checklist 26."""
    client = await opened(ModernHttp(hall.endpoint("modern")), ASKABLE)
    other = await opened(ModernHttp(hall.endpoint("")), ASKABLE)
    arguments: Tree = {"kinds": ["elicitation"], "mark": "sealed"}
    result = (await client.tool("ask", arguments)).result
    state = result["requestState"]
    far.control("modern", "clear")
    flips = [state[:place] + ("A" if state[place] != "A" else "B") + state[place + 1 :] for place in (0, 9, 40, -3)]
    for forged in [*flips, state[:-1], state + "A", "", "far-state", offers.ODD]:
        assert (await refusal(client, "ask", arguments, result, requestState=forged))["code"] == -32602
    for odd in (7, {"a": 1}, [state], True):
        assert (await refusal(client, "ask", arguments, result, requestState=odd))["code"] == -32602
    moved = [
        (client, "ask", {**arguments, "mark": "another"}),
        (client, "ask", {**arguments, "rounds": 2}),
        (client, "echo", arguments),
        (other, "modern__ask", arguments),
    ]
    for who, name, changed in moved:
        assert (await refusal(who, name, changed, result, requestState=state))["code"] == -32602
    prompt = await client.call("prompts/get", {"name": "ask", "requestState": state})
    assert prompt.error["code"] == -32602

    assert [one for one in far.control("modern")["seen"] if "requestState" in str(one["message"])] == []


async def test_a_state_opens_again_for_the_same_call_however_its_arguments_are_written(
    hall: Hall, opened: Opened
) -> None:
    """H6: honest clients write 1 and 1.0, and keys in another order. Single use is the server's business."""
    client = await opened(ModernHttp(hall.endpoint("modern")), ASKABLE)
    result = (await client.tool("ask", {"kinds": ["roots"], "a": 1, "b": {"c": 2.0, "d": None}})).result
    again = {"b": {"d": None, "c": 2}, "a": 1.0, "kinds": ["roots"]}
    more = {"inputResponses": given(result["inputRequests"]), "requestState": result["requestState"]}
    for _ in range(2):
        last = await client.call("tools/call", {"name": "ask", "arguments": again, **more, "_meta": {"x": 1}})
        assert last.result["resultType"] == "complete"


async def test_a_server_is_told_only_what_this_client_can_be_asked(hall: Hall, opened: Opened) -> None:
    """Checklist 28: per request, not per client."""
    client = await opened(ModernHttp(hall.endpoint("modern")))
    nothing = await client.tool("ask", {"kinds": KINDS})
    one = await client.tool("ask", {"kinds": KINDS}, caps={"sampling": {}, "extensions": {"x": {}}, "tasks": {}})

    assert nothing.result["isError"] is True
    assert list(one.result["inputRequests"]) == ["sampling 0"]


@pytest.mark.parametrize("back", MODERN_BACKS)
async def test_an_undeclared_question_never_reaches_a_client(hall: Hall, opened: Opened, back: str) -> None:
    """Checklist 28: whatever a server does with what it was told."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    for caps in ({}, {"elicitation": {"form": {}}, "sampling": {}}, {"roots": {}}):
        error = (await client.tool("ask", {"kinds": KINDS, "unasked": True}, caps=caps)).error
        assert error["code"] == -32603
        assert "did not declare" in error["message"]


# ---- older to older


@pytest.mark.parametrize(
    ("front", "back"),
    [
        *itertools.product(["2025-03-26", "2025-06-18", "2025-11-25", "sse"], [*ASKING, "asker"]),
        *itertools.product(["stdio-2025-11-25"], ["november", "oldpipe", "asker"]),  # each starts a gateway
    ],
)
async def test_an_older_question_reaches_the_older_client_and_comes_back(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 44: on the call's stream; the answer comes by another connection; every field arrives."""
    client = await opened(fronts.client(front, back), ASKABLE)
    if back == "asker" and isinstance(client, LegacyHttp):
        await client.stream()  # this server asks on the stream of the session, and so do we then
    called = await client.tool("ask", {"kinds": KINDS})

    assert json.loads(called.text) == {
        kind: {"result": answered(offers.QUESTIONS[kind]["method"], {})} for kind in KINDS
    }
    assert [one["method"] for one in client.asked] == [offers.QUESTIONS[kind]["method"] for kind in KINDS]
    for question, kind in zip(client.asked, KINDS, strict=True):
        wanted = json.loads(json.dumps(offers.QUESTIONS[kind]["params"]), parse_float=_decimal)
        assert question["params"] == wanted


@pytest.mark.parametrize("back", ASKING)
async def test_a_client_may_decline_or_fail(hall: Hall, fronts: Fronts, opened: Opened, back: str) -> None:
    """Checklist 45."""
    client = await opened(fronts.client("2025-11-25", back), ASKABLE)
    client.answers = lambda method, params: (
        {"action": "decline"} if method == "elicitation/create" else Refused(-1, "the user said no ünï")
    )
    called = await client.tool("ask", {"kinds": KINDS})

    assert json.loads(called.text) == {
        "elicitation": {"result": {"action": "decline"}},
        "sampling": {"error": {"code": -1, "message": "the user said no ünï"}},
        "roots": {"error": {"code": -1, "message": "the user said no ünï"}},
    }


@pytest.mark.parametrize("back", ASKING)
async def test_a_client_that_said_nothing_is_never_asked(hall: Hall, fronts: Fronts, opened: Opened, back: str) -> None:
    """Checklist 46."""
    client = await opened(fronts.client("2025-11-25", back), {"roots": {}})
    called = await client.tool("ask", {"kinds": KINDS})

    assert list(json.loads(called.text)) == ["roots"]
    assert [one["method"] for one in client.asked] == ["roots/list"]


@pytest.mark.parametrize("back", ASKING)
async def test_two_clients_are_asked_at_once_and_never_mixed_up(
    hall: Hall, fronts: Fronts, opened: Opened, back: str
) -> None:
    """Checklist 34: also where the server is one pipe."""
    clients = [await opened(fronts.client("2025-11-25", back), ASKABLE) for _ in range(2)]
    both_asked = asyncio.Barrier(2)

    def answering(name: str) -> Any:
        async def answer() -> Tree:
            await both_asked.wait()
            return {"action": "accept", "content": {"name": name}}

        return lambda method, params: answer()

    for name, client in zip("ab", clients, strict=True):
        client.answers = answering(name)
    calls = await asyncio.gather(*(client.tool("ask", {"kinds": ["elicitation"]}) for client in clients))

    assert [json.loads(call.text)["elicitation"]["result"]["content"]["name"] for call in calls] == ["a", "b"]


@pytest.mark.parametrize("back", ASKING)
async def test_a_question_is_withdrawn_when_its_call_is_cancelled(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, back: str
) -> None:
    """R10, cell E: cancellation passes in both directions."""
    client = await opened(fronts.client("2025-11-25", back), ASKABLE)
    never: asyncio.Future[Tree] = asyncio.get_running_loop().create_future()

    async def wait() -> Tree:
        return await never

    client.answers = lambda method, params: wait()
    flight = await client.start_tool("ask", {"kinds": ["elicitation"]})
    await client.until(lambda: client.asked)
    await flight.leave()
    await Far(far, hall, back).until(
        lambda state: any(one["message"].get("method") == "notifications/cancelled" for one in state["seen"])
    )
    never.cancel()

    assert (await client.tool("echo")).result["content"]


def withdrawn(client: Client, flight: Flight) -> list[Any]:
    """The questions that the client was told to forget, wherever it was told."""
    heard = [*flight.heard, *client.news]
    return [one["params"]["requestId"] for one in heard if one["method"] == "notifications/cancelled"]


def never_answering(client: Client) -> "asyncio.Future[Tree]":
    """The user thinks until this is done."""
    answer: asyncio.Future[Tree] = asyncio.get_running_loop().create_future()

    async def think() -> Tree:
        return await answer

    client.answers = lambda method, params: think()
    return answer


async def heard_of_it(client: Client, flight: Flight) -> None:
    """The question was withdrawn where it was put: on the stream of the call, or on the session's own."""
    async with asyncio.timeout(5):
        while withdrawn(client, flight) != [one["id"] for one in client.asked]:
            await asyncio.sleep(0.01)


WITHDRAWING = [("2025-03-26", "june"), ("2025-11-25", "asker"), ("stdio-2025-06-18", "june")]
WITHDRAWING += [(front, back) for front in ("2025-11-25", "sse") for back in ("november", "oldpipe", "old")]


async def asked_by(far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str) -> Client:
    client = await opened(fronts.client(front, back), ASKABLE)
    if back == "asker" and isinstance(client, LegacyHttp):
        await client.stream()
    await Far(far, hall, back).control("clear")
    return client


@pytest.mark.parametrize(("front", "back"), WITHDRAWING)
async def test_a_question_ends_with_its_cancelled_call(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """The user is not left alone with it; a late answer is heard by nobody."""
    client = await asked_by(far, hall, fronts, opened, front, back)
    answer = never_answering(client)
    flight = await client.start_tool("ask", {"kinds": ["elicitation"]})
    await client.until(lambda: client.asked)
    await flight.leave()
    await heard_of_it(client, flight)
    answer.set_result({"action": "accept", "content": {"name": "too late"}})
    assert (await client.tool("echo")).result["content"]
    state = await Far(far, hall, back).until(
        lambda state: [one for one in state["seen"] if one["message"].get("method") == "notifications/cancelled"]
    )

    assert "too late" not in json.dumps(state["replies"])


@pytest.mark.parametrize(("front", "back"), WITHDRAWING)
async def test_a_question_ends_with_its_answered_call(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """The server did not wait for it: the client is told before the answer, and the server gets a refusal."""
    client = await asked_by(far, hall, fronts, opened, front, back)
    answer = never_answering(client)
    flight = await client.start_tool("ask", {"kinds": ["elicitation"], "hasty": True})
    await flight.answer()
    if client.asked:  # else the call was over before the question could be put
        await heard_of_it(client, flight)
    if not front.startswith("stdio"):
        state = await Far(far, hall, back).until(lambda state: state["replies"])
        assert [one["result"] for one in state["replies"]] == [{"action": "cancel"}]
    answer.cancel()
    assert (await client.tool("echo")).result["content"]


@pytest.fixture(scope="module")
def impatient(far: FarSide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """A gateway on which no call lasts longer than a second."""
    home = tmp_path_factory.mktemp("impatient")
    listed = servers(far, home / "children", ("november", "asker", "old"), ("oldpipe",))
    limits = {"call_seconds_absolute_max": 1.0, "call_seconds_max": 1.0}
    found = Hall(home, {**config_for(home, listed), "limits": limits})
    yield found
    found.end()


@pytest.mark.parametrize("back", ["november", "asker", "old", "oldpipe"])
async def test_a_question_ends_with_the_time_of_its_call(
    far: FarSide, impatient: Hall, opened: Opened, back: str
) -> None:
    client = await opened(LegacyHttp(impatient.endpoint(back), "2025-11-25"), ASKABLE)
    await client.stream()  # type: ignore[attr-defined]
    answer = never_answering(client)
    flight = await client.start_tool("ask", {"kinds": ["elicitation"]})
    error = (await flight.answer()).error
    await heard_of_it(client, flight)

    assert error["data"]["reason"] == "upstream_timeout"
    answer.set_result({"action": "decline"})
    assert (await client.tool("echo")).result["content"]


async def test_whoever_closes_his_input_is_not_waited_for_with_a_question(fronts: Fronts) -> None:
    """`narthex stdio`: the call goes on without an answer, and the process ends."""
    client = fronts.client("stdio-2025-06-18", "november")
    assert isinstance(client, Stdio)
    await client.open(ASKABLE)
    never_answering(client)
    flight = await client.start_tool("ask", {"kinds": ["elicitation"]})
    await client.until(lambda: client.asked)
    assert client.child is not None
    assert client.child.stdin is not None
    client.child.stdin.close()
    said = (await flight.answer()).text
    async with asyncio.timeout(10):
        await client.child.wait()
    await client.close()

    assert "error" in json.loads(said)["elicitation"]


# ---- what crosses the eras


@pytest.mark.parametrize("back", [*LEGACY_BACKS, "asker"])
async def test_an_older_server_is_not_led_to_ask_a_modern_client(hall: Hall, opened: Opened, back: str) -> None:
    """H1 is not built: no capability is declared, and the server says so itself."""
    client = await opened(ModernHttp(hall.endpoint(back)), ASKABLE)
    called = await client.tool("ask", {"kinds": KINDS})

    assert called.result["isError"] is True
    assert json.loads(called.text) == {"cannot ask": KINDS}


@pytest.mark.parametrize("back", ["june", "november", "oldpipe", "old", "asker"])
async def test_a_server_that_asks_uninvited_is_told_that_nobody_answers(hall: Hall, opened: Opened, back: str) -> None:
    """R11: elicitation has a word for it, the others get an error; the call goes on at once."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    called = await client.tool("ask", {"kinds": KINDS, "unasked": True})
    answers = json.loads(called.text)

    assert answers["elicitation"] == {"result": {"action": "cancel"}}
    assert answers["sampling"]["error"]["code"] == answers["roots"]["error"]["code"] == -1


@pytest.mark.parametrize("back", MODERN_BACKS)
@pytest.mark.parametrize("front", ["2025-03-26", "2025-11-25", "sse"])
async def test_a_modern_server_that_asks_uninvited_is_refused_in_words(
    fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """H2 is not built: `input_required` never leaves towards an older client."""
    client = await opened(fronts.client(front, back), ASKABLE)
    tool = (await client.tool("ask", {"kinds": KINDS, "unasked": True})).result
    text = tool["content"][0]["text"]

    assert tool["isError"] is True
    assert "asks for input" in text
    assert client.revision in text
    assert "resultType" not in tool
    assert client.asked == []


@pytest.mark.parametrize("back", MODERN_BACKS)
@pytest.mark.parametrize("front", ["2025-03-26", "2025-11-25", "sse"])
async def test_a_modern_server_is_not_led_to_ask_an_older_client(
    fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """H2 is not built: no capability is declared, and the server says so itself."""
    client = await opened(fronts.client(front, back), ASKABLE)
    called = await client.tool("ask", {"kinds": KINDS})

    assert called.result["isError"] is True
    assert json.loads(called.text) == {"cannot ask": KINDS}
    assert client.asked == []


async def test_where_both_ends_share_an_older_revision_the_question_passes(fronts: Fronts, opened: Opened) -> None:
    """A server of both eras is spoken to in the client's."""
    client = await opened(fronts.client("2025-11-25", "bothpipe"), ASKABLE)
    called = await client.tool("ask", {"kinds": ["elicitation"]})

    assert json.loads(called.text)["elicitation"]["result"]["action"] == "accept"
