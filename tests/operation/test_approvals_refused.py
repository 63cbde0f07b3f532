"""Everything that is no yes, or is one for something else: what a model, a thief or a hasty program could try."""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from approval_kit import (
    ASKS,
    TO_ANA,
    YES,
    Legacy,
    Modern,
    bank,
    key_of,
    ledger,
    operator,
    reason,
    refusal,
    text,
)
from operation_kit import Gateway, Tree, serving, until

BY_CALLER: Tree = {"by": "caller", "wait_seconds": 0}
BY_OPERATOR: Tree = {"by": "operator", "wait_seconds": 0}
KEYS: Tree = {"authentication": {"type": "keys"}}


@contextmanager
def house(folder: Path, approval: Tree, config: Tree | None = None, **rules: Any) -> Iterator[Gateway]:
    with serving(folder, bank(folder, approval, **rules), **(config or {})) as gateway:
        key = key_of(gateway, "looker") if config is not None and "authentication" in config else None
        client = Modern(gateway, key=key)
        until(lambda: has_transfer(client), "the bank is there")
        yield gateway


def has_transfer(client: Modern) -> bool:
    return any(one["name"] == "transfer" for one in client.ask("tools/list", {}).get("result", {}).get("tools", []))


def error(answer: Tree) -> Any:
    return answer["error"]["data"]["reason"]


def asked_anew(answer: Tree) -> bool:
    return bool(answer["result"]["resultType"] == "input_required")


NO_ANSWERS: list[tuple[Any, str]] = [
    ({"action": "decline"}, "approval_declined"),
    ({"action": "accept", "content": {"approve": False}}, "approval_declined"),
    ({"action": "cancel"}, "approval_cancelled"),
    ({"action": "accept"}, "approval_unreadable"),
    ({"action": "accept", "content": {}}, "approval_unreadable"),
    ({"action": "accept", "content": None}, "approval_unreadable"),
    ({"action": "accept", "content": {"approve": "true"}}, "approval_unreadable"),
    ({"action": "accept", "content": {"approve": 1}}, "approval_unreadable"),
    ({"action": "accept", "content": {"approve": 0}}, "approval_unreadable"),
    ({"action": "accept", "content": {"approve": [True]}}, "approval_unreadable"),
    ({"action": "accept", "content": {"approve": True, "amount": 1000}}, "approval_unreadable"),
    ({"action": "accept", "content": [["approve", True]]}, "approval_unreadable"),
    ({"action": "ACCEPT", "content": {"approve": True}}, "approval_unreadable"),
    ({"approve": True}, "approval_unreadable"),
    ({}, "approval_unreadable"),
]


def test_only_one_form_of_answer_is_a_yes_and_no_question_is_answered_twice(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        client = Modern(gateway)
        told = []
        for said, _ in [*NO_ANSWERS, ("yes", ""), (True, "")]:
            asked = client.call(TO_ANA)
            told.append(reason(client.answered(asked, TO_ANA, said)))
            assert reason(client.answered(asked, TO_ANA, YES)) == "approval_used"

        assert told[: len(NO_ANSWERS)] == [expected for _, expected in NO_ANSWERS]
        assert told[len(NO_ANSWERS) :] == ["approval_unreadable"] * 2
        assert ledger(tmp_path) == []


def test_the_same_holds_within_a_session(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        client = Legacy(gateway, "2025-11-25", ASKS)
        told = [reason(client.call(TO_ANA, said)[1]) for said, _ in NO_ANSWERS]

        assert told == [expected for _, expected in NO_ANSWERS]
        assert ledger(tmp_path) == []


def test_a_user_who_does_not_answer_has_not_said_yes(tmp_path: Path) -> None:
    with house(tmp_path, {**BY_CALLER, "expires_seconds": 1}) as gateway:
        client = Legacy(gateway, "2025-11-25", ASKS)
        with client.calling(TO_ANA) as messages:
            asked, *_, answer = messages
        client.tell({"id": asked["id"], "result": YES})

        assert reason(answer) == "approval_unanswered"
        assert ledger(tmp_path) == []


@pytest.mark.parametrize("rule", [BY_CALLER, BY_OPERATOR], ids=["caller", "operator"])
def test_nothing_that_a_model_can_write_is_consent(tmp_path: Path, rule: Tree) -> None:
    with house(tmp_path, rule) as gateway:
        client = Modern(gateway)
        sealed = "n1." + "A" * 200
        answers = [
            client.call({**TO_ANA, "approve": True, "approved": True, "confirm": "yes"}),
            client.call(TO_ANA, approve=True, approved=True, approval={"by": "operator"}),
            client.call(TO_ANA, inputResponses={"gw.approval": YES}),
            client.call({**TO_ANA, "inputResponses": {"gw.approval": YES}}),
            client.call(TO_ANA, task={"approve": True}),
        ]
        forged = [
            client.call(TO_ANA, inputResponses={"gw.approval": YES}, requestState=state)
            for state in (sealed, "", "gw.approval", {"approve": True}, True, 1)
        ]

        assert [one for one in answers if not asked_anew(one) and reason(one) != "approval_pending"] == []
        assert {error(one) for one in forged} == {"request_state"}
        assert ledger(tmp_path) == []


def test_the_state_of_one_question_answers_no_other(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER, {"endpoints": {"one": {}}}) as gateway:
        client = Modern(gateway)
        asked = client.call(TO_ANA)
        other = [
            client.answered(asked, {**TO_ANA, "amount": 1000}),
            client.answered(asked, TO_ANA, tool="withdraw"),
            Modern(gateway, path="/mcp/one").answered(asked, TO_ANA),
            client.answered(asked, {**TO_ANA, "note": "x"}),
        ]

        assert {error(one) for one in other} == {"request_state"}
        assert ledger(tmp_path) == []
        assert text(client.answered(asked, TO_ANA)) == "done"
        assert reason(client.answered(asked, TO_ANA)) == "approval_used"
        assert ledger(tmp_path) == [TO_ANA]


def test_a_replayed_state_is_known_after_a_restart(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        client = Modern(gateway)
        asked = client.call(TO_ANA)
        assert text(client.answered(asked, TO_ANA)) == "done"
        gateway.stop()
        gateway.start()
        client = Modern(gateway)
        until(lambda: has_transfer(client), "the bank is there again")

        assert reason(client.answered(asked, TO_ANA)) == "approval_used"
        assert ledger(tmp_path) == [TO_ANA]


@pytest.mark.parametrize("rule", [BY_CALLER, BY_OPERATOR], ids=["caller", "operator"])
def test_what_was_approved_for_one_caller_is_nothing_for_another(tmp_path: Path, rule: Tree) -> None:
    with house(tmp_path, rule, KEYS) as gateway:
        ana, eve = (Modern(gateway, key=key_of(gateway, name)) for name in ("ana", "eve"))
        until(lambda: has_transfer(ana) and has_transfer(eve), "the keys are known")
        first = ana.call(TO_ANA)
        if rule is BY_CALLER:
            assert error(eve.answered(first, TO_ANA)) == "request_state"
            done = ana.answered(first, TO_ANA)
        else:
            operator(gateway, "approve", refusal(first)["handle"])
            assert reason(eve.call(TO_ANA)) == "approval_pending"
            done = ana.call(TO_ANA)

        assert text(done) == "done"
        assert ledger(tmp_path) == [TO_ANA]


COMPOSED = unicodedata.normalize("NFC", "Jose\u0301")
OTHER_SPELLINGS: list[Tree] = [
    {"to": unicodedata.normalize("NFD", COMPOSED), "amount": 10},
    {"to": COMPOSED + "\u200b", "amount": 10},
    {"to": COMPOSED + " ", "amount": 10},
    {"to": "J\u043es\u00e9", "amount": 10},
    {"to": COMPOSED.upper(), "amount": 10},
    {"to": COMPOSED, "amount": 10.000001},
    {"to": COMPOSED, "amount": 100},
    {"to": COMPOSED, "amount": 9007199254740993},
    {"to": COMPOSED, "amount": 10, "": None},
    {"to": COMPOSED, "amount": 10, "To": COMPOSED},
    {"to": COMPOSED},
]


def test_arguments_that_are_written_otherwise_are_others(tmp_path: Path) -> None:
    approved = {"to": COMPOSED, "amount": 10}
    with house(tmp_path, BY_OPERATOR) as gateway:
        client = Modern(gateway)
        operator(gateway, "approve", refusal(client.call(approved))["handle"])
        told = [reason(client.call(one)) for one in OTHER_SPELLINGS]
        done = client.call({"amount": 10.0, "to": COMPOSED})  # the same JSON in another order and another spelling

        assert told == ["approval_pending"] * len(OTHER_SPELLINGS)
        assert text(done) == "done"
        assert ledger(tmp_path) == [approved]


def test_a_yes_is_not_good_after_it_expired(tmp_path: Path) -> None:
    with house(tmp_path, {**BY_OPERATOR, "expires_seconds": 2}) as gateway:
        client = Modern(gateway)
        first = refusal(client.call(TO_ANA))["handle"]
        operator(gateway, "approve", first)
        until(lambda: '"expired"' in operator(gateway, "show", first, "--json"), "it expires")
        second = refusal(client.call(TO_ANA))["handle"]
        until(lambda: '"expired"' in operator(gateway, "show", second, "--json"), "it expires")
        late = operator(gateway, "approve", second, code=1)

        assert second != first
        assert "expired" in late
        assert ledger(tmp_path) == []


def test_a_question_is_not_answered_after_it_expired(tmp_path: Path) -> None:
    with house(tmp_path, {**BY_CALLER, "expires_seconds": 1}) as gateway:
        client = Modern(gateway)
        asked = client.call(TO_ANA)
        marker = refusal(Modern(gateway, {}).call(TO_ANA))["handle"]  # asked after it, so it expires after it
        until(lambda: '"expired"' in operator(gateway, "show", marker, "--json"), "both expire")

        assert error(client.answered(asked, TO_ANA)) == "request_state"
        assert ledger(tmp_path) == []


@pytest.mark.parametrize("change", ["rule", "definition"])
def test_a_yes_to_another_rule_or_another_definition_is_void(tmp_path: Path, change: str) -> None:
    with house(tmp_path, BY_CALLER, start="eager") as gateway:
        client, mute = Modern(gateway), Modern(gateway, {})
        asked = client.call(TO_ANA)
        handle = refusal(mute.call(TO_ANA))["handle"]
        operator(gateway, "approve", handle)
        gateway.stop()
        if change == "rule":
            gateway.write(servers=[bank(tmp_path, {**BY_CALLER, "reason": "It moves other people's money."})])
        else:
            (tmp_path / "definition").write_text("Moves money, and your house keys.")
        gateway.start()
        client, mute = Modern(gateway), Modern(gateway, {})
        wanted = "house keys" if change == "definition" else "Moves money"
        until(lambda: wanted in str(client.ask("tools/list", {})), "the bank is there again")

        assert reason(client.answered(asked, TO_ANA)) == "approval_void"
        assert refusal(mute.call(TO_ANA))["handle"] != handle
        assert ledger(tmp_path) == []


def test_two_processes_that_race_for_one_yes_make_one_call(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as stack:
        state = {"state": str(tmp_path / "state")}
        entry = bank(tmp_path, BY_OPERATOR)
        gateways = [stack.enter_context(serving(folder, entry, **state)) for folder in folders]
        for gateway in gateways:
            gateway.folder = tmp_path
            client = Modern(gateway)
            until(lambda client=client: has_transfer(client), "the bank is there")
        for round_ in range(5):
            arguments = {**TO_ANA, "amount": round_}
            handles = {refusal(Modern(gateway).call(arguments))["handle"] for gateway in gateways}
            operator(gateways[0], "approve", *handles)
            told = race([gateway for gateway in gateways for _ in range(8)], arguments)

            assert told.count("") == 1
            assert set(told) <= {"", "approval_used", "approval_pending"}
            assert ledger(tmp_path).count(arguments) == 1


def race(gateways: list[Gateway], arguments: Tree) -> list[str]:
    """The reason each call is told, all of them at once; "" for one that was made."""
    start, told = threading.Barrier(len(gateways)), []

    def one(gateway: Gateway) -> None:
        start.wait(20)
        told.append(reason(Modern(gateway).call(arguments)))

    threads = [threading.Thread(target=one, args=(gateway,)) for gateway in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    return told


@pytest.mark.parametrize("rule", [BY_CALLER, BY_OPERATOR], ids=["caller", "operator"])
def test_a_store_that_is_broken_lets_nothing_through(tmp_path: Path, rule: Tree) -> None:
    with house(tmp_path, rule) as gateway:
        client = Modern(gateway)
        first = client.call(TO_ANA)
        for name in ("state.db", "state.db-wal", "state.db-shm"):
            (tmp_path / "state" / name).unlink(missing_ok=True)
        (tmp_path / "state" / "state.db").write_bytes(b"no database" * 1_000)
        answer = client.answered(first, TO_ANA) if rule is BY_CALLER else client.call(TO_ANA)

        assert reason(answer) == "approvals_unavailable"
        assert str(tmp_path) not in str(answer)
        assert ledger(tmp_path) == []


def test_a_caller_who_asks_for_everything_is_told_to_wait(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR) as gateway:
        client = Modern(gateway)
        told = [reason(client.call({**TO_ANA, "amount": number})) for number in range(25)]

        assert told == ["approval_pending"] * 20 + ["approvals_too_many"] * 5


def test_nobody_is_asked_about_what_they_cannot_read(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        client = Modern(gateway)
        long = client.call({"to": "a" * 20_000})
        hidden = client.call({"to": 'ana\u202e\u200b\n  "amount": 1'})
        (question,) = hidden["result"]["inputRequests"].values()

        assert reason(long) == "approval_too_long"
        assert r"ana\u{202e}\u{200b}\n  \"amount\": 1" in question["params"]["message"]
        assert ledger(tmp_path) == []
