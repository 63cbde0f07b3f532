"""Names of people and places through `narthex serve`: hidden wherever they stand, and nothing passes that nobody has
looked at, whatever happens to the process that looks."""

import base64
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from express_stage import Held, event, result_event, staged, wait_until
from hostile_client import Client
from hostile_peer import SSE_HEAD, Asked, Peer
from real_gateway import Answer
from redaction_house import House, events, house, notification, read, result, streamed, told

from names_model import made

PERSON, PLACE, MAIL = "José García", "Unter den Linden 5", "anna.schmidt@example.com"
SAID = f"{PERSON} ({MAIL}) lives at {PLACE}."
HIDDEN = "[person] ([email]) lives at [location]."
RULE = {"detect": ["email", "person", "location"], "direction": "both"}
ERAS = ("modern", "2025-11-25", "2024-11-05")
SECONDS_MAX = 30.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(made(tmp_path_factory.mktemp("names")))


@contextmanager
def named_house(home: Path, model: str, redaction: Any = RULE, **ner: Any) -> Iterator[House]:
    given = {"model": model, "entities": ["PERSON", "LOCATION"], "seconds": 10, **ner}
    with house(home, redaction, ner=given) as found:
        yield found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, model: str) -> Iterator[House]:
    with named_house(tmp_path_factory.mktemp("house"), model) as found:
        yield found


def refused(answer: Answer) -> str:
    """The words of a refusal, and that it is one."""
    found = answer.message["result"]

    assert found["isError"] is True
    assert found["_meta"]["dev.narthex/refusal"]["reason"] == "names_unknown"
    return str(found["content"][0]["text"])


CONTENT: dict[str, Any] = {
    "text": {"content": [{"type": "text", "text": SAID}]},
    "json in text": {"content": [{"type": "text", "text": json.dumps({"a": {PERSON: [PLACE]}})}]},
    "escaped": {"content": [{"type": "text", "text": f'"{PERSON}"\n\t\\ {PLACE} \U0001f642 {PERSON}'}]},
    "disguised": {"content": [{"type": "text", "text": f"\u2014 {PERSON} \u2014 {PLACE.replace(' ', chr(160))}"}]},
    "structured": {"content": [], "structuredContent": {PERSON: PLACE, "n": 1}},
    "resource text": {"content": [{"type": "resource", "resource": {"uri": "memo://x", "text": SAID}}]},
    "resource blob": {
        "content": [
            {"type": "resource", "resource": {"uri": "memo://x", "blob": base64.b64encode(SAID.encode()).decode()}}
        ]
    },
    "link": {"content": [{"type": "resource_link", "uri": "memo://x", "name": PERSON, "description": SAID}]},
    "meta": {"content": [], "_meta": {"com.example/note": SAID}},
    "error result": {"content": [{"type": "text", "text": SAID}], "isError": True},
    "unknown member": {"content": [], "com.example": {"a": [SAID]}},
}


@pytest.mark.parametrize("era", ["modern", "2025-11-25"])
@pytest.mark.parametrize("carrier", list(CONTENT))
def test_no_name_in_a_result_of_a_tool_arrives(home: House, carrier: str, era: str) -> None:
    client = home.client(era)
    home.says = CONTENT[carrier]
    words = told(client.call("search", {}))

    assert [name for name in (PERSON, PLACE, MAIL) if name in words] == []
    assert "[person]" in words
    assert "[location]" in words or PLACE not in str(CONTENT[carrier])


def test_everything_else_stays_as_it_was(home: House) -> None:
    client = home.client()
    home.says = {"content": [{"type": "text", "text": SAID}], "structuredContent": {"n": 1.50, "who": PERSON}}
    found = client.call("search", {}).message["result"]

    assert found["content"] == [{"type": "text", "text": HIDDEN}]
    assert found["structuredContent"] == {"n": 1.5, "who": "[person]"}


@pytest.mark.parametrize("era", ERAS)
def test_no_name_in_a_prompt_a_resource_or_an_error_arrives(home: House, era: str) -> None:
    client = home.client(era)
    home.says = {"description": SAID, "messages": [{"role": "user", "content": {"type": "text", "text": SAID}}]}
    prompt = client.ask("prompts/get", {"name": "greet"})
    home.says = {"contents": [{"uri": "memo://one", "text": SAID}]}
    resource = read(client, next(iter(home_uris(client))))
    home.says = failing
    error = client.ask("prompts/get", {"name": "greet"})

    for answer in (prompt, resource, error):
        assert HIDDEN in told(answer)
        assert PERSON not in told(answer)


def failing(peer: Peer, asked: Asked) -> None:
    error = {"code": -32000, "message": SAID, "data": {"where": SAID}}
    peer.body(json.dumps({"jsonrpc": "2.0", "id": asked.message["id"], "error": error}).encode())


def home_uris(client: Client) -> list[str]:
    return [one["uri"] for one in client.ask("resources/list", {}).message["result"]["resources"]]


def test_messages_in_mid_call_wait_for_nobody_and_are_withheld(home: House) -> None:
    client = home.client()
    home.says = streamed(
        notification("progress", progressToken="@ID@", progress=1, message=SAID),
        result(content=[{"type": "text", "text": SAID}]),
    )
    progress, done = events(client.call("search", {}, {"progressToken": "p"}))

    assert progress["params"] == {"progressToken": "p", "progress": 1, "message": "[withheld by the gateway]"}
    assert done["result"]["content"] == [{"type": "text", "text": HIDDEN}]


@pytest.mark.parametrize("standing", [True, False], ids=["on the stream of the session", "on the call's own"])
def test_a_question_waits_and_so_does_its_answer(tmp_path: Path, model: str, standing: bool) -> None:
    ner = {"model": model, "entities": ["PERSON", "LOCATION"], "seconds": 20}
    asking = {"message": f"{PERSON}?", "requestedSchema": {}}
    put = {"jsonrpc": "2.0", "id": 77, "method": "elicitation/create", "params": asking}

    def ask(peer: Peer, _: Asked) -> None:
        peer.say(SSE_HEAD)
        peer.chunk(event(put))

    def end(peer: Peer, asked: Asked) -> None:
        peer.chunk(result_event(asked, {"content": []}))
        peer.say(b"0\r\n\r\n")

    with staged(tmp_path, {"ner": ner, "redaction": RULE}) as stage, stage.gateway.connect() as listening:
        caller = stage.caller("2025-06-18", "asking" if standing else "legacy", {"elicitation": {}})
        wire = listening if standing else caller.wire
        held = stage.on_call = Held() if standing else Held(end, first=ask)
        if standing:
            listening.say(caller.standing())
            assert listening.head()[0] == 200
        caller.say(5)
        held.until_arrived()
        if standing:
            wait_until(lambda: bool(stage.standing), "the server has no stream of this session")
            stage.standing[-1].chunk(event(put))
        else:
            assert wire.head()[0] == 200
        while (question := json.loads(wire.event()[1] or b"{}")).get("method") != "elicitation/create":
            pass
        content = {"who": PERSON, "where": f"at {PLACE}"}
        reply = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": content}}
        assert caller.post(reply).status == 202
        answers: list[Any] = []

        def answered() -> bool:
            said = [one.message for one in stage.far.asked if one.verb == "POST" and isinstance(one.message, dict)]
            answers[:] = [one["result"] for one in said if one.get("id") == 77 and "result" in one]
            return bool(answers)

        wait_until(answered, "the server has no answer")
        held.go.set()
        caller.wire.answer() if standing else caller.wire.event()

    assert question["params"]["message"] == "[person]?"
    assert answers == [{"action": "accept", "content": {"who": "[person]", "where": "at [location]"}}]


def test_no_name_in_arguments_reaches_the_server(home: House) -> None:
    client = home.client()
    home.says = {"content": [{"type": "text", "text": "done"}]}
    for arguments, sent in (
        ({"q": SAID}, {"q": HIDDEN}),
        ({"q": {"a": [PERSON, 1.5, "fine"]}}, {"q": {"a": ["[person]", 1.5, "fine"]}}),
        ({"q": "nobody"}, {"q": "nobody"}),
    ):
        assert client.call("search", arguments).message["result"]["content"][0]["text"] == "done"
        assert home.last["arguments"] == sent


@pytest.mark.parametrize(
    ("action", "shown"),
    [("mask", "[person]"), ("drop", ""), ("hash", "[person#"), ("tokenise", "‹person:")],
)
def test_each_action_does_with_names_what_it_does_with_everything(
    tmp_path: Path, model: str, action: str, shown: str
) -> None:
    with named_house(tmp_path, model, {"detect": ["person"], "action": action}) as found:
        client = found.client()
        found.says = {"content": [{"type": "text", "text": f"<{PERSON}>"}]}
        text = client.call("search", {}).message["result"]["content"][0]["text"]

    assert text.startswith(f"<{shown}")
    assert PERSON not in text


def test_a_name_may_end_the_call_and_a_token_of_one_is_opened_where_it_may_be(tmp_path: Path, model: str) -> None:
    rules = {"send": {"redaction": [{"detect": ["email"], "opens": ["person"]}]}}
    redaction = {"detect": ["person", "location"], "action": "tokenise", "actions": {"location": "block"}}
    ner = {"model": model, "entities": ["PERSON", "LOCATION"], "seconds": 10}
    with house(tmp_path, redaction, rules=rules, ner=ner) as found:
        client = found.client()
        found.says = {"content": [{"type": "text", "text": PERSON}]}
        token = client.call("search", {}).message["result"]["content"][0]["text"]
        client.call("send", {"to": f"{token} @"})
        assert found.last["arguments"] == {"to": f"{PERSON} @"}
        found.says = {"content": [{"type": "text", "text": f"in {PLACE}"}]}
        blocked = client.call("search", {}).message["result"]

    assert blocked["isError"] is True
    assert "it holds 'location'" in blocked["content"][0]["text"]


def test_a_large_answer_is_looked_through_and_a_larger_one_is_withheld(home: House) -> None:
    client = home.client()
    home.says = {"content": [{"type": "text", "text": ("All is well. " * 7 + "\n") * 1_000 + PERSON}]}
    assert client.call("search", {}).message["result"]["content"][0]["text"].endswith("[person]")
    home.says = {"content": [{"type": "text", "text": "All is well. " * 30_000 + PERSON}]}
    words = refused(client.call("search", {}))

    assert "are looked through at one time" in words


# ---- whatever happens to the process


def recogniser_of(found: House) -> int:
    """Its process: a descendant of the gateway's."""
    (pid,) = until(lambda: recognisers_of(found))
    return int(pid)


def recognisers_of(found: House) -> list[int]:
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"narthex.recogniser" in words and descends(int(folder.name), found.gateway.child.pid):
                pids.append(int(folder.name))
        except OSError:
            continue  # it ended while we looked
    return pids


def descends(pid: int, from_pid: int) -> bool:
    while pid > 1:
        if pid == from_pid:
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def until(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS_MAX
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def metric(found: House, name: str) -> float:
    admin = json.loads(found.gateway.until('"admin"'))["admin"]
    with urllib.request.urlopen(f"{admin.removesuffix('/')}/metrics", timeout=SECONDS_MAX) as page:
        lines = page.read().decode().splitlines()
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name + " ")))


def test_a_killed_process_under_load_lets_no_name_through_and_is_back(tmp_path: Path, model: str) -> None:
    with named_house(tmp_path, model) as found:
        found.client()
        found.says = {"content": [{"type": "text", "text": SAID}]}
        until(lambda: metric(found, "narthex_ner_up") == 1)
        answers: list[Answer] = []
        stop = threading.Event()

        def ask() -> None:
            client = Client(found.gateway)
            while not stop.is_set():
                answers.append(client.call("search", {"q": SAID}))

        callers = [threading.Thread(target=ask) for _ in range(4)]
        for caller in callers:
            caller.start()
        try:
            for kills in (1, 2):
                before = len(answers)
                until(lambda before=before: len(answers) > before + 20)
                os.kill(recogniser_of(found), signal.SIGKILL)
                until(lambda kills=kills: metric(found, "narthex_ner_restarts_total") == kills)
                until(lambda: metric(found, "narthex_ner_up") == 1)
            before = len(answers)
            until(lambda: len(answers) > before + 20)
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        sent = [one.message["params"]["arguments"] for one in found.far.asked if one.method == "tools/call"]

    assert {answer.status for answer in answers} == {200}
    words = {told(answer).split("\n", 3)[-1] for answer in answers}
    assert [one for one in words if PERSON in one or PLACE in one] == []
    assert all(one == {"q": HIDDEN} for one in sent)
    shown = [answer for answer in answers if HIDDEN in told(answer)]
    others = [answer for answer in answers if HIDDEN not in told(answer)]
    assert len(shown) > 40
    assert all("has ended over it" in refused(one) or "not there at the moment" in refused(one) for one in others)


def test_a_stopped_process_costs_its_deadline_and_is_replaced(tmp_path: Path, model: str) -> None:
    with named_house(tmp_path, model, seconds=2) as found:
        client = found.client()
        found.says = {"content": [{"type": "text", "text": SAID}]}
        until(lambda: metric(found, "narthex_ner_up") == 1)
        os.kill(recogniser_of(found), signal.SIGSTOP)
        answer = client.call("search", {"q": SAID})

        assert "'search' was not called" in refused(answer)
        assert "has not answered in 2 s" in refused(answer)
        assert answer.seconds < 8
        assert [one for one in found.far.asked if one.method == "tools/call"] == []
        assert metric(found, 'narthex_ner_missed_total{fate="refused"}') == 1
        until(lambda: metric(found, "narthex_ner_up") == 1 and metric(found, "narthex_ner_restarts_total") == 1)
        assert HIDDEN in told(client.call("search", {}))
        assert "was silent for too long" in found.gateway.until("recogniser of names")


def test_where_the_operator_says_so_calls_pass_while_it_is_gone_and_are_counted(tmp_path: Path, model: str) -> None:
    with named_house(tmp_path, model, seconds=2, when_gone="allow") as found:
        client = found.client()
        found.says = {"content": [{"type": "text", "text": SAID}]}
        until(lambda: metric(found, "narthex_ner_up") == 1)
        os.kill(recogniser_of(found), signal.SIGSTOP)
        words = told(client.call("search", {}))

        assert f"{PERSON} ([email]) lives at {PLACE}." in words
        assert metric(found, 'narthex_ner_missed_total{fate="allowed"}') >= 1


def test_the_process_ends_with_the_gateway(tmp_path: Path, model: str) -> None:
    with named_house(tmp_path, model) as found:
        pid = recogniser_of(found)

    assert not Path(f"/proc/{pid}").exists()


def test_the_process_ends_with_a_gateway_that_is_killed(tmp_path: Path, model: str) -> None:
    with named_house(tmp_path, model) as found:
        pid = recogniser_of(found)
        found.gateway.child.kill()
        until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_house_without_it_starts_no_process(tmp_path: Path) -> None:
    with house(tmp_path, {"detect": ["email"]}) as found:
        found.client()

        assert recognisers_of(found) == []


def test_another_configuration_looks_for_other_names_and_none_slips_through_between(tmp_path: Path, model: str) -> None:
    with house(tmp_path, {"detect": ["email"]}) as found:
        client = found.client()
        found.says = {"content": [{"type": "text", "text": SAID}]}
        file = tmp_path / "narthex.json"
        config = json.loads(file.read_text())
        before = f"{PERSON} ([email]) lives at {PLACE}."
        assert before in told(client.call("search", {}))
        for entity, after in (("PERSON", f"[person] ([email]) lives at {PLACE}."), ("LOCATION", LOCATED)):
            config["ner"] = {"model": model, "entities": [entity], "seconds": 20}
            config["servers"][0]["redaction"] = {"detect": ["email", entity.lower()]}
            write(file, config)
            until(lambda before=before, after=after: as_after(client.call("search", {}), before, after))
            before = after


LOCATED = f"{PERSON} ([email]) lives at [location]."


def as_after(answer: Answer, before: str, after: str) -> bool:
    """Whether the new rule holds. Until then the old one does, or nothing is shown."""
    words = told(answer)
    if after not in words and before not in words:
        assert "names in it may not be shown" in refused(answer) or "was not called" in refused(answer)
        assert PERSON not in words
    return after in words


def write(file: Path, config: Any) -> None:
    """Whole, as editors do."""
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(config))
    beside.replace(file)
