"""A gateway for one person on one machine: a call asks for a grant, a page gives it, and the call goes on."""

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from connect_kit import Browser, Modern, servers

from narthex.limits import connect_questions_max
from process_kit import Far, Gateway, gateway, until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, place: Far) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("house"), {"servers": servers(place)}) as found:
        yield found


@pytest.fixture
def house(running: Gateway, place: Far) -> Gateway:
    """With nobody connected."""
    place.order({})
    browser = Browser()
    page = browser.get(f"{running.url}/connect/far")
    if "disconnect" in page.ids:
        browser.submit(page, "connect-form", {"do": "disconnect"})
    place.order({})
    return running


@pytest.fixture
def client(house: Gateway) -> Iterator[Modern]:
    found = Modern(house.url)
    until(lambda: "whoami" in found.tools(), "the tools of the far server")
    yield found
    found.close()


def test_a_call_asks_for_a_grant_and_goes_on_once_it_is_there(house: Gateway, client: Modern, place: Far) -> None:
    asked = client.call("whoami")
    question = asked.question
    before = place.called("whoami")
    done = Browser("ana").connect(question["url"])
    again = client.again("whoami", asked)

    assert asked.result["resultType"] == "input_required"
    assert question["mode"] == "url"
    assert question["url"].startswith(f"{house.url}/connect/far?for=")
    assert "'far'" in question["message"]
    assert before == 0
    assert done.status == 200
    assert "connected" in done.ids["done"]
    assert again.text == "ana"
    assert [client.call("whoami").text for _ in range(3)] == ["ana"] * 3


def test_the_question_names_nobody_and_opens_nothing(house: Gateway, client: Modern) -> None:
    url = client.call("whoami").question["url"]
    page = Browser().get(url)

    assert "local" not in url
    assert page.ids["connect"] == "Connect"
    assert "disconnect" not in page.ids


def test_a_call_that_comes_back_early_is_held_until_the_grant_is_there(client: Modern) -> None:
    asked = client.call("whoami")
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(client.again("whoami", asked).text))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive(), found
    Browser("bo").connect(asked.question["url"])
    waiting.join(10)

    assert found == ["bo"]


def test_whoever_says_no_hears_what_that_means(client: Modern, place: Far) -> None:
    for action in ("decline", "cancel"):
        refused = client.again("whoami", client.call("whoami"), action)

        assert refused.result["isError"] is True
        assert "declined" in refused.text
    assert place.called("whoami") == 0


def test_a_client_that_only_comes_back_is_not_asked_for_ever(client: Modern) -> None:
    answer = client.call("whoami")
    asked = 0
    while "requestState" in answer.result:
        asked += 1
        answer = client.call("whoami", requestState=answer.result["requestState"])

    assert asked == connect_questions_max
    assert answer.result["isError"] is True
    assert "/connect/far" in answer.text


def test_what_one_call_was_asked_is_no_answer_of_another(client: Modern) -> None:
    asked = client.call("whoami")
    answers = {key: {"action": "accept"} for key in asked.result["inputRequests"]}
    state = asked.result["requestState"]
    other = client.post(
        "tools/call", {"name": "admin", "arguments": {}, "inputResponses": answers, "requestState": state}
    )

    assert other.body["error"]["data"]["reason"] == "request_state"


def test_a_prompt_is_asked_for_likewise(client: Modern) -> None:
    params = {"name": "greeting", "arguments": {}}
    asked = client.post("prompts/get", params)
    Browser("ana").connect(asked.question["url"])
    answers = {key: {"action": "accept"} for key in asked.result["inputRequests"]}
    again = client.post(
        "prompts/get", {**params, "inputResponses": answers, "requestState": asked.result["requestState"]}
    )

    assert again.result["messages"][0]["content"]["text"] == "Hello ana"


def test_a_client_that_opens_no_addresses_reads_where_to_go(house: Gateway, client: Modern) -> None:
    plain = Modern(house.url, opens_urls=False)
    told = plain.call("whoami")
    prompt = plain.post("prompts/get", {"name": "greeting", "arguments": {}})
    plain.close()
    refusal = told.result["_meta"]["dev.narthex/refusal"]

    assert told.status == 200
    assert told.result["isError"] is True
    assert refusal["url"] in told.text
    assert refusal["reason"] == "grant_needed"
    assert prompt.body["error"]["code"] == -32603
    assert prompt.body["error"]["data"]["reason"] == "grant_needed"
    assert prompt.body["error"]["data"]["url"].startswith(f"{house.url}/connect/far")
    assert "www-authenticate" not in {*told.headers, *prompt.headers}
    assert Browser("ana").connect(refusal["url"]).status == 200
    assert client.call("whoami").text == "ana"


def test_more_rights_are_asked_for_when_a_tool_needs_them(client: Modern, place: Far) -> None:
    Browser("ana").connect(client.call("whoami").question["url"])
    asked = client.call("admin")
    wanted = [one for one in place.see()["seen"] if one["path"] == "/authorize"]
    Browser("ana").connect(asked.question["url"])
    again = client.again("admin", asked)
    more = [one for one in place.see()["seen"] if one["path"] == "/authorize"][-1]["said"]["scope"].split()

    assert "more rights" in asked.question["message"]
    assert "admin" not in wanted[-1]["said"]["scope"].split()
    assert {"read", "admin"} <= set(more)
    assert again.text == "admin ana"


def test_what_was_connected_can_be_taken_back(house: Gateway, client: Modern, place: Far) -> None:
    browser = Browser("ana")
    page = browser.connect(f"{house.url}/connect/far")
    assert client.call("whoami").text == "ana"
    held = place.see()["refreshes"]
    gone = browser.submit(page, "connect-form", {"do": "disconnect"})

    assert "no longer connected" in gone.ids["done"]
    assert "disconnect" not in gone.ids
    assert "/revoke" in place.paths()
    assert len(place.see()["refreshes"]) == len(held) - 1
    assert client.call("whoami").result["resultType"] == "input_required"


def test_a_grant_that_its_issuer_ended_is_asked_for_anew(house: Gateway, client: Modern, place: Far) -> None:
    Browser("ana").connect(f"{house.url}/connect/far")
    assert [client.call("whoami").text for _ in range(3)] == ["ana"] * 3
    place.order("forget")
    asked = client.call("whoami")
    Browser("ana").connect(asked.question["url"])

    assert client.again("whoami", asked).text == "ana"


def test_the_list_shows_what_there_is(house: Gateway) -> None:
    browser = Browser("ana")
    before = browser.get(f"{house.url}/connect")
    browser.connect(f"{house.url}{before.seen.links['connect-far']}")
    after = browser.get(f"{house.url}/connect")

    assert before.ids["state-far"] == "Not connected"
    assert "A far place" in before.ids["server-far"]
    assert before.ids["connect-far"] == "Connect"
    assert after.ids["state-far"].startswith("Connected")
    assert after.ids["connect-far"] == "Change"


def test_whoever_says_no_at_the_far_end_has_connected_nothing(house: Gateway, client: Modern, place: Far) -> None:
    place.order({"deny": True})
    asked = client.call("whoami")
    page = Browser("ana").connect(asked.question["url"])

    assert page.status == 400
    assert page.ids["heading"] == "Nothing was connected"
    assert page.ids["problem"]
    assert "code" not in urlsplit(page.url).path


def test_the_log_says_which_address_to_open(tmp_path: Path, place: Far) -> None:
    with gateway(tmp_path, {"servers": servers(place)}) as found:
        line = found.until("waits to be connected")
        Browser("ana").connect(f"{found.url}/connect/far")

    assert f"{found.url}/connect/far" in line


def test_a_restart_in_between_changes_nothing(tmp_path: Path, place: Far) -> None:
    place.order({})
    config = {"servers": servers(place)}
    browser = Browser("ana")
    with gateway(tmp_path, config) as first:
        client = Modern(first.url)
        until(lambda: "whoami" in client.tools())
        asked = client.call("whoami")
        page = browser.get(asked.question["url"])
        going = browser.submit(page, "connect-form", {"do": "connect"}, follow=False)
        client.close()
        port = urlsplit(first.url).port
    with gateway(tmp_path, config, port=port or 0) as second:
        done = browser.get(going.seen.links["continue"])
        client = Modern(second.url)
        found = client.again("whoami", asked).text
        client.close()
    with gateway(tmp_path, config, port=port or 0) as third:
        client = Modern(third.url)
        later = client.call("whoami").text
        client.close()
        silent = not any("waits to be connected" in line for line in third.lines)

    assert "connected" in done.ids["done"]
    assert (found, later) == ("ana", "ana")
    assert silent
