"""Clients of older revisions: asked within their call where they can be, told where to go where they cannot."""

from collections.abc import Iterator
from typing import Any

import pytest
from connect_kit import Browser, Legacy, Modern, far, servers

from process_kit import Far, Gateway, gateway, until

URLS = {"elicitation": {"url": {}, "form": {}}}
CALL = {"name": "whoami", "arguments": {}}


@pytest.fixture(scope="module", params=["modern", "legacy"])
def place(request: pytest.FixtureRequest) -> Iterator[Far]:
    with far() as found:
        found.always = {"legacy": True} if request.param == "legacy" else {}
        found.order({})
        yield found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, place: Far) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("house"), {"servers": servers(place)}) as found:
        client = Modern(found.url)
        until(lambda: "whoami" in client.tools())
        client.close()
        yield found


@pytest.fixture
def house(running: Gateway, place: Far) -> Gateway:
    """With nobody connected."""
    browser = Browser()
    page = browser.get(f"{running.url}/connect/far")
    if "disconnect" in page.ids:
        browser.submit(page, "connect-form", {"do": "disconnect"})
    place.order({})
    return running


def question_in(events: Any) -> dict[str, Any]:
    asked: dict[str, Any] = next(events).body
    assert asked["method"] == "elicitation/create"
    assert asked["params"]["mode"] == "url"
    return asked


def test_the_call_waits_while_its_user_connects(house: Gateway) -> None:
    client = Legacy(house.url, "2025-11-25", URLS)
    with client.stream("tools/call", CALL) as events:
        asked = question_in(events)
        client.reply(asked, {"action": "accept"})
        done = Browser("ana").connect(asked["params"]["url"])
        told, answer = next(events), next(events)

    assert "connected" in done.ids["done"]
    assert told.body == {
        "jsonrpc": "2.0",
        "method": "notifications/elicitation/complete",
        "params": {"elicitationId": asked["params"]["elicitationId"]},
    }
    assert answer.text == "ana"
    assert client.call("whoami").text == "ana"


def test_a_grant_that_comes_before_the_answer_withdraws_the_question(house: Gateway) -> None:
    client = Legacy(house.url, "2025-11-25", URLS)
    with client.stream("tools/call", CALL) as events:
        asked = question_in(events)
        Browser("bo").connect(asked["params"]["url"])
        *between, answer = events

    assert answer.text == "bo"
    assert {one.body["method"] for one in between} == {
        "notifications/cancelled",
        "notifications/elicitation/complete",
    }


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_whoever_says_no_hears_what_that_means(house: Gateway, place: Far, action: str) -> None:
    client = Legacy(house.url, "2025-11-25", URLS)
    with client.stream("tools/call", CALL) as events:
        client.reply(question_in(events), {"action": action})
        *_, answer = events

    assert answer.result["isError"] is True
    assert "declined" in answer.text
    assert place.called("whoami") == 0


def test_a_client_that_cannot_be_asked_in_its_call_is_told_by_an_error(house: Gateway) -> None:
    client = Legacy(house.url, "2025-11-25", URLS)
    with client.listen() as heard:
        with client.stream("tools/call", CALL, accept="application/json") as events:
            (answer,) = events
        error = answer.body["error"]
        (wanted,) = error["data"]["elicitations"]
        Browser("ana").connect(wanted["url"])
        told = heard.get(timeout=10)
        while told["method"] != "notifications/elicitation/complete":
            told = heard.get(timeout=10)

    assert error["code"] == -32042
    assert wanted["mode"] == "url"
    assert wanted["message"]
    assert told["params"] == {"elicitationId": wanted["elicitationId"]}
    assert client.call("whoami").text == "ana"


def test_a_client_that_answers_with_an_error_is_told_by_an_error(house: Gateway) -> None:
    client = Legacy(house.url, "2025-11-25", URLS)
    with client.stream("tools/call", CALL) as events:
        asked = question_in(events)
        client.send({"id": asked["id"], "error": {"code": -32602, "message": "no such mode"}})
        *_, answer = events

    assert answer.body["error"]["code"] == -32042


@pytest.mark.parametrize(
    ("revision", "capabilities"),
    [
        ("2025-11-25", {}),
        ("2025-11-25", {"elicitation": {"form": {}}}),
        ("2025-06-18", {"elicitation": {}}),
        ("2025-06-18", URLS),
        ("2025-03-26", {}),
        ("2024-11-05", {}),
    ],
)
def test_other_clients_read_where_to_go(house: Gateway, revision: str, capabilities: dict[str, Any]) -> None:
    client = Legacy(house.url, revision, capabilities)
    told = client.call("whoami")
    url = told.result["_meta"]["dev.narthex/refusal"]["url"]
    Browser("ana").connect(url)

    assert told.result["isError"] is True
    assert url in told.text
    assert "www-authenticate" not in told.headers
    assert client.call("whoami").text == "ana"


def test_a_call_that_is_taken_back_asks_no_more(house: Gateway, place: Far) -> None:
    client = Legacy(house.url, "2025-11-25", URLS)
    with client.stream("tools/call", CALL) as events:
        asked = question_in(events)
        cancelled = {"requestId": client._id, "reason": "never mind"}
        client.send({"method": "notifications/cancelled", "params": cancelled})
        rest = [one.body for one in events]
    Browser("ana").connect(asked["params"]["url"])

    assert [one["method"] for one in rest if "method" in one] == ["notifications/cancelled"]
    assert place.called("whoami") == 0


def test_more_rights_are_asked_for_within_the_call(house: Gateway) -> None:
    client = Legacy(house.url, "2025-11-25", URLS)
    Browser("ana").connect(f"{house.url}/connect/far")
    assert client.call("whoami").text == "ana"
    with client.stream("tools/call", {"name": "admin", "arguments": {}}) as events:
        asked = question_in(events)
        client.reply(asked, {"action": "accept"})
        Browser("ana").connect(asked["params"]["url"])
        *_, answer = events

    assert "more rights" in asked["params"]["message"]
    assert answer.text == "admin ana"
