"""Approvals at a running gateway: clients of every era, and a second person who decides while a call waits or later."""

import hashlib
import hmac
import http.client
import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
    decide,
    ledger,
    operator,
    pending,
    reason,
    refusal,
    text,
)
from operation_kit import Gateway, Tree, connect, exchange, http_server, in_background, serving, until

BY_CALLER: Tree = {"by": "caller", "reason": "It moves money.", "wait_seconds": 0}
BY_OPERATOR: Tree = {"by": "operator", "reason": "It moves money.", "wait_seconds": 0}
TOKEN = "the-token-of-whoever-decides"
ADMIN = {"listen": "http://127.0.0.1:0", "token": TOKEN}


@contextmanager
def house(folder: Path, approval: Tree | None, config: Tree | None = None, **rules: Any) -> Iterator[Gateway]:
    with serving(folder, bank(folder, approval, **rules), **(config or {})) as gateway:
        until(lambda: "transfer" in gateway.tools(), "the bank is there")
        yield gateway


def question(asked: Tree) -> Tree:
    (found,) = asked["result"]["inputRequests"].values()
    assert found["method"] == "elicitation/create"
    params: Tree = found["params"]
    return params


# ---- the caller's own user


def test_a_modern_client_is_asked_and_its_call_goes_once(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        client = Modern(gateway)
        asked = client.call(TO_ANA)
        before = ledger(tmp_path)
        done = client.answered(asked, TO_ANA)

        assert asked["result"]["resultType"] == "input_required"
        assert question(asked)["mode"] == "form"
        assert "It moves money." in question(asked)["message"]
        assert '"amount": 10' in question(asked)["message"]
        assert question(asked)["requestedSchema"]["properties"]["approve"]["type"] == "boolean"
        assert before == []
        assert text(done) == "done"
        assert ledger(tmp_path) == [TO_ANA]
        assert client.call(TO_ANA)["result"]["resultType"] == "input_required"


def test_older_clients_are_asked_within_their_call(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        for revision in ("2025-06-18", "2025-11-25"):
            asked, done = Legacy(gateway, revision, {"elicitation": {}}).call(TO_ANA)
            assert asked is not None
            assert asked["method"] == "elicitation/create"
            assert ("mode" in asked["params"]) == (revision == "2025-11-25")
            assert '"to": "ana"' in asked["params"]["message"]
            assert text(done) == "done"
        assert ledger(tmp_path) == [TO_ANA, TO_ANA]
        assert pending(gateway) == []


def test_a_call_that_is_taken_back_while_its_user_is_asked_is_not_made(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        client = Legacy(gateway, "2025-11-25", ASKS)
        with client.calling(TO_ANA) as messages:
            asked = next(messages)
            client.cancel()
            rest = list(messages)
        client.tell({"id": asked["id"], "result": YES})

        assert [one["method"] for one in rest if "method" in one] == ["notifications/cancelled"]
        assert ledger(tmp_path) == []


def test_whoever_cannot_be_asked_is_told_a_handle(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        answers = [
            Legacy(gateway, "2024-11-05", ASKS).call(TO_ANA),
            Legacy(gateway, "2025-03-26", ASKS).call(TO_ANA),
            Legacy(gateway, "2025-06-18", {}).call(TO_ANA),
            Legacy(gateway, "2025-11-25", {"elicitation": {"url": {}}}).call(TO_ANA),
            Legacy(gateway, "2025-11-25", ASKS).call(TO_ANA, accept="application/json"),
            (None, Modern(gateway, {}).call(TO_ANA)),
            (None, Modern(gateway, {"elicitation": {"url": {}}}).call(TO_ANA)),
        ]
        handles = {refusal(answer)["handle"] for _, answer in answers}
        (handle,) = handles
        operator(gateway, "approve", handle)
        done = Modern(gateway, {}).call(TO_ANA)

        assert [asked for asked, _ in answers if asked is not None] == []
        assert {reason(answer) for _, answer in answers} == {"approval_pending"}
        assert text(done) == "done"
        assert ledger(tmp_path) == [TO_ANA]


def test_a_server_that_asks_back_needs_no_second_yes_and_gets_no_second_call(tmp_path: Path) -> None:
    with house(tmp_path, BY_CALLER) as gateway:
        client = Modern(gateway)
        asked = client.call(TO_ANA, "withdraw")
        wanted = client.answered(asked, TO_ANA, tool="withdraw")
        code = {"action": "accept", "content": {"code": "1"}}
        done = client.answered(wanted, TO_ANA, code, "withdraw")
        again = client.answered(wanted, TO_ANA, code, "withdraw")

        assert question(wanted)["message"] == "The code?"
        assert text(done) == "done"
        assert reason(again) == "approval_used"
        assert ledger(tmp_path) == [TO_ANA]


# ---- a second person


def test_a_yes_lets_the_repeated_call_pass_once(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR) as gateway:
        client = Modern(gateway)
        answer = client.call(TO_ANA)
        told = refusal(answer)
        again = refusal(client.call(TO_ANA))
        shown = operator(gateway, "show", told["handle"][:6])
        table = operator(gateway, "list")
        operator(gateway, "approve", told["handle"])
        done, after = client.call(TO_ANA), client.call(TO_ANA)

        assert told["reason"] == "approval_pending"
        assert told["by"] == "operator"
        assert told["handle"] in text(answer)
        assert again["handle"] == told["handle"]
        assert '"amount": 10' in shown
        assert "It moves money." in shown
        assert "ana" not in table
        assert text(done) == "done"
        assert reason(after) == "approval_pending"
        assert refusal(after)["handle"] != told["handle"]
        assert ledger(tmp_path) == [TO_ANA]
        assert gateway.metric("narthex_denials_total", filter="approval") == 3


def test_a_no_is_an_answer_until_it_expires(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR) as gateway:
        client = Modern(gateway)
        handle = refusal(client.call(TO_ANA))["handle"]
        operator(gateway, "reject", handle)
        told = operator(gateway, "approve", handle, code=1)

        assert reason(client.call(TO_ANA)) == "approval_rejected"
        assert "rejected already" in told
        assert pending(gateway) == []
        assert ledger(tmp_path) == []


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("way", ["command line", "admin address"])
def test_a_call_waits_while_somebody_decides(tmp_path: Path, era: str, way: str) -> None:
    rule = {**BY_OPERATOR, "wait_seconds": 30}
    with house(tmp_path, rule, {"admin": ADMIN}) as gateway:
        for verb, outcome in (("approve", ""), ("reject", "approval_rejected")):
            arguments = {**TO_ANA, "amount": len(verb)}
            if era == "modern":
                call = in_background(lambda arguments=arguments: Modern(gateway).call(arguments))
            else:
                client = Legacy(gateway, "2025-11-25", ASKS)
                call = in_background(lambda arguments=arguments, client=client: client.call(arguments)[1])
            (waits,) = until(lambda: pending(gateway), "it is asked for")
            if way == "command line":
                operator(gateway, verb, waits["handle"])
            else:
                assert decide(gateway, waits["handle"], verb, TOKEN, by="ina")[0] == 200
            assert reason(call()) == outcome
        assert ledger(tmp_path) == [{**TO_ANA, "amount": len("approve")}]


def test_a_call_that_waited_in_vain_ends_as_pending(tmp_path: Path) -> None:
    with house(tmp_path, {**BY_OPERATOR, "wait_seconds": 1}) as gateway:
        assert reason(Modern(gateway).call(TO_ANA)) == "approval_pending"


def test_who_decides_on_the_admin_address_shows_the_token(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR, {"admin": ADMIN}) as gateway:
        handle = refusal(Modern(gateway).call(TO_ANA))["handle"]
        (listed,) = gateway.api("/api/approvals")["approvals"]
        without = decide(gateway, handle, "approve", None)[0]
        wrong = decide(gateway, handle, "approve", TOKEN + "x")[0]
        done, said = decide(gateway, handle, "approve", TOKEN, by="ina")
        again = decide(gateway, handle, "approve", TOKEN)[0]
        unknown = decide(gateway, "nothing", "approve", TOKEN)[0]

        assert listed["handle"] == handle
        assert "arguments" not in listed
        assert (without, wrong, done, again, unknown) == (401, 401, 200, 409, 404)
        assert (said["state"], said["by"], said["arguments"]) == ("approved", "ina", TO_ANA)
        assert text(Modern(gateway).call(TO_ANA)) == "done"


def test_without_a_token_nobody_decides_on_the_admin_address(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR) as gateway:
        handle = refusal(Modern(gateway).call(TO_ANA))["handle"]

        assert decide(gateway, handle, "approve", "")[0] == 403
        assert decide(gateway, handle, "approve", TOKEN)[0] == 403
        assert reason(Modern(gateway).call(TO_ANA)) == "approval_pending"


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        heard: list[tuple[Any, bytes]] = self.server.heard  # type: ignore[attr-defined]
        heard.append((self.headers, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(503 if len(heard) == 1 else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_webhook_is_told_signed_and_without_arguments(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as hook:
        hook.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=hook.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{hook.server_address[1]}/approvals?to=ina"
            webhook = {"url": address, "secret": TOKEN}
            with house(tmp_path, BY_OPERATOR, {"approvals": {"webhook": webhook}}) as gateway:
                told = [refusal(Modern(gateway).call(TO_ANA)) for _ in range(3)]
                heard = hook.heard  # type: ignore[attr-defined]
                until(lambda: len(heard) >= 2, "it is told again after it failed")
        finally:
            hook.shutdown()
            thread.join()
    headers, body = heard[1]
    signed = "sha256=" + hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()

    assert len(heard) == 2
    assert headers["x-narthex-signature"] == signed
    assert json.loads(body)["handle"] == told[0]["handle"]
    assert "arguments" not in json.loads(body)
    assert TOKEN not in gateway.log_text()


# ---- what it stands beside


def test_the_most_specific_place_says_who_is_asked_and_explain_tells_it_without_spending(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR, rules={"balance": {"approval": {"by": "nobody"}}}) as gateway:
        client = Modern(gateway)
        handle = refusal(client.call(TO_ANA))["handle"]
        operator(gateway, "approve", handle)
        told, other = explained(gateway, "transfer"), explained(gateway, "balance")

        assert text(client.call({}, "balance")).startswith("10")
        assert told["decided_by"] == "approval"
        assert told["rules"]["approval"] == "servers.bank.approval"
        assert "needs the approval of an operator" in told["told"]
        assert other["allowed"] is True
        assert "Nobody is asked" in next(one["why"] for one in other["steps"] if one["name"] == "approval")
        assert text(client.call(TO_ANA)) == "done"


def explained(gateway: Gateway, tool: str) -> Tree:
    connection = connect(gateway.admin)
    try:
        body = json.dumps({"scopes": [], "tool": tool, "arguments": TO_ANA if tool == "transfer" else {}})
        connection.request("POST", "/api/explain", body, {"Content-Type": "application/json"})
        answer: Tree = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def test_a_call_that_waits_for_a_yes_spends_no_quota_and_one_without_quota_no_yes(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR, rate_limit={"requests_per_hour": 1}) as gateway:
        client = Modern(gateway)
        handles = {refusal(client.call(TO_ANA))["handle"] for _ in range(3)}
        operator(gateway, "approve", *handles)
        done = client.call(TO_ANA)
        second = refusal(client.call(TO_ANA))["handle"]
        operator(gateway, "approve", second)
        limited = client.call(TO_ANA)
        (kept,) = [one for one in json.loads(operator(gateway, "list", "--all", "--json")) if one["handle"] == second]

        assert text(done) == "done"
        assert reason(limited) == "rate_limited"
        assert kept["state"] == "approved"
        assert ledger(tmp_path) == [TO_ANA]


def test_what_a_token_stands_for_is_approved_and_sent_and_not_shown(tmp_path: Path) -> None:
    redaction = {"detect": ["email"], "action": "tokenise", "opens": ["email"]}
    rules = {"balance": {"approval": {"by": "nobody"}}}
    with house(tmp_path, BY_CALLER, redaction=redaction, rules=rules) as gateway:
        client = Modern(gateway)
        token = text(client.call({}, "balance")).removeprefix("10 of ")
        arguments = {"to": token, "amount": 1}
        asked = client.call(arguments)
        done = client.answered(asked, arguments)
        handle = refusal(Modern(gateway, {}).call(arguments))["handle"]
        shown = operator(gateway, "show", handle)

        assert token in question(asked)["message"]
        assert "example.com" not in json.dumps(asked) + shown
        assert text(done) == "done"
        assert ledger(tmp_path) == [{"to": "ana@example.com", "amount": 1}]


def test_redacted_arguments_are_approved_as_they_are_sent(tmp_path: Path) -> None:
    redaction = {"direction": "arguments", "detect": ["email"], "action": "mask"}
    with house(tmp_path, BY_CALLER, redaction=redaction) as gateway:
        client = Modern(gateway)
        arguments = {"to": "ana@example.com", "amount": 1}
        asked = client.call(arguments)
        client.answered(asked, arguments)

        assert '"to": "[email]"' in question(asked)["message"]
        assert ledger(tmp_path) == [{"to": "[email]", "amount": 1}]


def test_the_express_way_leaves_it_alone(tmp_path: Path) -> None:
    with http_server() as (url, _):
        crm = {"name": "crm", "upstream": url, "rules": {"get_contact": {"approval": BY_OPERATOR}}}
        with serving(tmp_path, crm) as gateway:
            until(lambda: "get_contact" in gateway.tools(), "the server is there")
            connection = connect(gateway.url)
            try:
                params = {"name": "get_contact", "arguments": {"id": "c-1001"}}
                answers = [exchange(connection, gateway.url, "tools/call", params) for _ in range(5)]
            finally:
                connection.close()

            assert [reason(answer) for answer in answers] == ["approval_pending"] * 5


# ---- processes that end


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_yes_survives_the_process_and_so_does_its_use(tmp_path: Path, number: int) -> None:
    with house(tmp_path, BY_OPERATOR) as gateway:
        handle = refusal(Modern(gateway).call(TO_ANA))["handle"]
        operator(gateway, "approve", handle)
        gateway.stop(number)
        gateway.start()
        done = until(lambda: passes(gateway), "the bank is there again")
        gateway.stop(number)
        gateway.start()
        until(lambda: "transfer" in gateway.tools(), "the bank is there again")

        assert text(done) == "done"
        assert reason(Modern(gateway).call(TO_ANA)) == "approval_pending"
        assert ledger(tmp_path) == [TO_ANA]


def passes(gateway: Gateway) -> Tree | None:
    return Modern(gateway).call(TO_ANA) if "transfer" in gateway.tools() else None


def test_a_process_that_is_killed_while_a_call_waits_leaves_a_request_that_can_be_decided(tmp_path: Path) -> None:
    with house(tmp_path, {**BY_OPERATOR, "wait_seconds": 30}) as gateway:
        call = in_background(lambda: Modern(gateway).call(TO_ANA))
        (waits,) = until(lambda: pending(gateway), "it is asked for")
        gateway.stop(signal.SIGKILL)
        with pytest.raises((OSError, http.client.HTTPException)):
            call()
        operator(gateway, "approve", waits["handle"])
        gateway.start()
        done = until(lambda: passes(gateway), "the bank is there again")

        assert text(done) == "done"
        assert ledger(tmp_path) == [TO_ANA]


# ---- clients on pipes, and the record


def test_a_client_on_pipes_is_asked_too(tmp_path: Path) -> None:
    config = {"state": str(tmp_path / "state"), "servers": [bank(tmp_path, BY_CALLER, start="eager")]}
    (tmp_path / "narthex.yaml").write_text(json.dumps(config))
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    command = [sys.executable, "-m", "narthex", "stdio", str(tmp_path / "narthex.yaml")]
    with subprocess.Popen(command, **pipes) as child:

        def say(**message: Any) -> None:
            child.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            child.stdin.flush()

        def hear(wanted: str) -> Tree:
            while wanted not in (message := json.loads(child.stdout.readline())):
                pass
            return dict(message)

        try:
            who = {"protocolVersion": "2025-11-25", "capabilities": ASKS, "clientInfo": {"name": "t", "version": "1"}}
            say(id=1, method="initialize", params=who)
            hear("result")
            say(method="notifications/initialized")
            say(id=2, method="tools/call", params={"name": "transfer", "arguments": TO_ANA})
            while (asked := hear("id")).get("method") != "elicitation/create":
                pass
            before = ledger(tmp_path)
            say(id=asked["id"], result=YES)
            done = hear("result")
        finally:
            child.stdin.close()
            child.wait(20)

    assert before == []
    assert text(done) == "done"
    assert ledger(tmp_path) == [TO_ANA]


def test_what_was_asked_decided_and_used_is_on_record(tmp_path: Path) -> None:
    with house(tmp_path, BY_OPERATOR, {"admin": ADMIN}) as gateway:
        handle = refusal(Modern(gateway).call(TO_ANA))["handle"]
        decide(gateway, handle, "approve", TOKEN, by="ina")
        Modern(gateway).call(TO_ANA)
        gateway.stop()
        command = [sys.executable, "-m", "narthex", "audit", "export", str(gateway.file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        acts = [(one["action"], one["target"], one["note"]) for one in records if one["kind"] == "act"]

    assert [one for one in acts if one[0].startswith("approval.")] == [
        ("approval.asked", handle, "transfer of local"),
        ("approval.approved", handle, "transfer of local, by ina"),
        ("approval.used", handle, "transfer of local, approved by ina"),
    ]
