"""Servers that answer wrongly: one clear outcome for the client, nothing of the server's pages, nobody else harmed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from catalogue_answers import ANSWERS, MESSAGES, OK, TIMEOUT, Bytes, Said
from hostile_client import Client, outcome_of
from hostile_peer import SECRET, Asked, Hostile, Peer, hostile, legacy, modern, packed, piped
from real_gateway import Answer, Gateway, assert_tells_nothing, gateway
from recording_upstream import recording

MIB = 1024 * 1024
SILENCE = 1.0
SLACK = 1.0
BYTES_PER_SECOND_MIN = 10 * MIB  # of a flood: to be read through, while everybody else is served
CREDENTIAL = "Bearer upstream-credential"
LIMITS = {
    "result_bytes_max": MIB,
    "sse_event_bytes_max": 2 * MIB,
    "sse_stream_bytes_max": 8 * MIB,
    "line_bytes_max": MIB,
    "call_seconds_max": SILENCE,
    "garbage_lines_max": 1_000,
}
SAID = {row.id: row for row in MESSAGES}
PIPED = [row for row in MESSAGES if len(row.payload) < MIB // 2]
RAW = {row.id: row for row in ANSWERS}


def payload(asked: Asked) -> bytes:
    return SAID[asked.message["params"]["arguments"]["row"]].payload.replace(b"@ID@", asked.id)


def in_json(peer: Peer, asked: Asked) -> None:
    peer.body(payload(asked))


def in_events(peer: Peer, asked: Asked) -> None:
    peer.events(b"data: " + payload(asked) + b"\n\n")


class Stage:
    """The gateway with a server of every kind behind it, one good one among them."""

    def __init__(self, running: Gateway, bad: Hostile, canary: Hostile) -> None:
        self.gateway, self.bad, self.canary = running, bad, canary
        self.faults = 0
        self.clients = {era: Client(running, era) for era in ("modern", "2025-03-26", "2025-11-25")}

    def raw(self, peer: Peer, asked: Asked) -> None:
        row = RAW[asked.message["params"]["arguments"]["row"]]
        canary = self.canary.url("/elsewhere").encode()
        peer.leave_with(row.raw.replace(b"@ID@", asked.id.ljust(4)).replace(b"@CANARY@", canary))

    def check_others(self) -> None:
        answer = self.clients["modern"].call("good__echo", {})

        assert outcome_of(answer.message) == OK
        assert answer.seconds < SLACK
        assert self.gateway.alive
        before, self.faults = self.faults, len(self.gateway.faults())
        assert self.gateway.faults()[before:] == []


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with recording() as good, hostile() as bad, hostile() as canary:
        found: dict[str, Stage] = {}

        def raw(peer: Peer, asked: Asked) -> None:
            found["stage"].raw(peer, asked)

        bad.scripts = {
            "/mj": modern(in_json),
            "/ms": modern(in_events),
            "/lj": legacy(in_json),
            "/ls": legacy(in_events),
            "/raw": modern(raw),
            "/rawl": legacy(raw),
        }
        canary.scripts = {"/elsewhere": in_json}
        http = [
            {"name": path[1:], "upstream": bad.url(path), "headers": {"Authorization": CREDENTIAL}}
            for path in bad.scripts
        ]
        pipes = [{"name": f"p{era[0]}", "command": piped(era)} for era in ("modern", "legacy")]
        config: dict[str, Any] = {
            "servers": [*http, *pipes, {"name": "good", "upstream": good.url("/rec")}],
            "limits": LIMITS,
            "breaker": {"failures": 100_000},  # every row but one in each list is a failure, and all have to be asked
        }
        with gateway(config, tmp_path_factory.mktemp("answers")) as running:
            Client(running).until_listed("good__echo", *(f"{one['name']}__do" for one in (*http, *pipes)))
            found["stage"] = Stage(running, bad, canary)
            yield found["stage"]


def test_the_catalogue_is_large_and_its_rows_are_told_apart() -> None:
    names = [row.id for row in (*MESSAGES, *ANSWERS)]

    assert len(names) >= 150
    assert sorted({name for name in names if names.count(name) > 1}) == []


def check(answer: Answer, outcome: str, stage: Stage, sent: int = 0) -> None:
    message = answer.message

    assert message.keys() == {"jsonrpc", "id", "result" if "result" in message else "error"}
    assert (message["jsonrpc"], message["id"]) == ("2.0", 7)
    assert outcome_of(message) == outcome, message
    assert answer.status == (400 if message.get("error", {}).get("code") == -32021 and answer.status == 400 else 200)
    assert answer.seconds < SLACK + (SILENCE if outcome == "upstream_timeout" else 0) + sent / BYTES_PER_SECOND_MIN
    assert SECRET not in answer.body
    assert b"upstream-credential" not in answer.body
    assert_tells_nothing(answer.body)
    stage.check_others()


def of_era(row: Said, outcome: str, era: str) -> str:
    return row.old if row.old is not None and era != "modern" else outcome


@pytest.mark.parametrize("era", ["modern", "2025-03-26"])
@pytest.mark.parametrize("carrier", ["mj", "lj"])
@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.id)
def test_a_message_as_a_json_body(row: Said, carrier: str, era: str, stage: Stage) -> None:
    check(stage.clients[era].call(f"{carrier}__do", {"row": row.id}), of_era(row, row.json, era), stage)


@pytest.mark.parametrize("era", ["modern", "2025-11-25"])
@pytest.mark.parametrize("carrier", ["ms", "ls"])
@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.id)
def test_a_message_as_an_event(row: Said, carrier: str, era: str, stage: Stage) -> None:
    check(stage.clients[era].call(f"{carrier}__do", {"row": row.id}), of_era(row, row.sse, era), stage)


@pytest.fixture(scope="module")
def unanswered(stage: Stage) -> dict[tuple[str, str], Answer]:
    """The calls that end by timeout, made side by side: one after the other they would take a minute."""
    wanted = [(carrier, row) for carrier in ("pm", "pl") for row in PIPED if row.pipe == TIMEOUT]

    def make(one: tuple[str, Said]) -> Answer:
        return stage.clients["modern"].call(f"{one[0]}__do", {"say": packed(one[1].payload)})

    with ThreadPoolExecutor(len(wanted)) as threads:
        answers = list(threads.map(make, wanted))
    return {(carrier, row.id): answer for (carrier, row), answer in zip(wanted, answers, strict=True)}


@pytest.mark.parametrize("carrier", ["pm", "pl"])
@pytest.mark.parametrize("row", PIPED, ids=lambda row: row.id)
def test_a_message_on_a_pipe(row: Said, carrier: str, stage: Stage, unanswered: dict[tuple[str, str], Answer]) -> None:
    answer = unanswered.get((carrier, row.id))
    if answer is None:
        answer = stage.clients["modern"].call(f"{carrier}__do", {"say": packed(row.payload)})
    check(answer, row.pipe, stage)


@pytest.mark.parametrize("carrier", ["raw", "rawl"])
@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row.id)
def test_an_answer_as_bytes(row: Bytes, carrier: str, stage: Stage) -> None:
    outcome = row.session if carrier == "rawl" and row.session else row.outcome
    check(stage.clients["modern"].call(f"{carrier}__do", {"row": row.id}), outcome, stage, len(row.raw))


def test_nobody_was_sent_elsewhere(stage: Stage) -> None:
    """Last: no redirect was followed, and only those who are to see our credential saw it."""
    assert stage.canary.asked == []
    assert {asked.headers.get("authorization") for asked in stage.bad.asked} == {CREDENTIAL}
