"""The filter as the chain and `narthex explain` see it."""

from typing import Any

import msgspec
from policy_makers import compiled, offer, server, who

from narthex.model.call import Call
from narthex.model.outcome import Denial, Failure
from narthex.model.rules.redaction import Pattern, Redaction
from narthex.model.rules.rules import Rules
from narthex.policy import chain, redact
from narthex.policy.redaction.tail import Tail
from narthex.policy.redaction.writing import Pseudonyms
from narthex.relay.explain import explain
from narthex.relay.resolve import resolve
from narthex.relay.trial import trial

MAIL = "anna@example.com"


def a_call(redaction: Any, arguments: Any = None, **rules: Rules) -> Call:
    house = compiled(server("crm", redaction=redaction, rules=rules), offers=(offer("crm", "find"),))
    made = trial(house.endpoints[""], who(), "tools/call", {"name": "find", "arguments": arguments or {}})
    resolve(made)
    made.pseudonyms = Pseudonyms(b"k" * 32)
    return made


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def test_explain_says_what_is_done_and_which_rule_says_so() -> None:
    rule = Redaction(detect=("email", "secrets"), actions={"email": "tokenise"}, keep=("id", "name"))
    house = compiled(server("crm", redaction=rule), offers=(offer("crm", "find"),))
    found = explain(
        msgspec.structs.replace(_config(rule)),
        house.endpoints[""],
        who(),
        "tools/call",
        {"name": "find", "arguments": {}},
    )
    step = next(step for step in found.steps if step.name == "redact")

    assert step.verdict == "passed"
    assert step.why.startswith("Results: mask ")
    assert "tokenise 'email'" in step.why
    assert "only the members 'id' and 'name' pass" in step.why
    assert step.why.endswith("(servers.crm.redaction)")


def _config(rule: Redaction) -> Any:
    from narthex.model.config import Config

    return Config(servers=(server("crm", redaction=rule),))


def test_a_call_nobody_makes_is_not_refused_for_its_tokens() -> None:
    made = a_call(Redaction(opens=("email",)), {"to": "‹email:0000000000›"})
    made.trial = True

    assert not isinstance(chain.request(made), Denial)
    made.trial = False
    denied = chain.request(made)
    assert isinstance(denied, Denial)
    assert (denied.filter, denied.reason) == ("reveal", "unknown_token")


def test_the_most_specific_rule_holds_whole() -> None:
    made = a_call(Redaction(detect=("all",)), find=Rules(redaction=Redaction(detect=("card",))))

    assert redact.response(made, {"structuredContent": raw({"to": MAIL})})["structuredContent"] == raw({"to": MAIL})


def test_what_the_protocol_reads_is_left_alone() -> None:
    made = a_call(Redaction(detect=(), patterns=(Pattern(name="all", pattern=".+"),)))
    members = {"resultType": raw("complete"), "isError": raw(value=True), "content": raw([])}

    assert redact.response(made, members) == members


def test_without_a_rule_nothing_is_looked_at() -> None:
    made = a_call(None)
    members = {"content": raw([MAIL])}

    assert redact.response(made, members) is members
    assert not redact.looks(made)
    assert redact.passes(made, MAIL.encode())


def test_an_error_that_cannot_be_shown_says_that_much() -> None:
    made = a_call(Redaction(detect=("email",), action="block"))
    shown = redact.failure(made, Failure(-32000, f"no such {MAIL}", {"to": MAIL}))

    assert (shown.code, shown.data) == (-32000, None)
    assert MAIL not in shown.message


def test_what_a_token_stood_for_stays_hidden_in_every_answer() -> None:
    made = a_call(Redaction(detect=(), opens=("email",)))
    made.revealed = {MAIL: "‹email:7h2k9m4xq0›"}
    members = {
        "structuredContent": raw({"a": f"to {MAIL.upper()}!", MAIL: 1}),
        "content": raw([{"text": f'{{"a":"{MAIL}"}}'}]),
    }
    shown = redact.response(made, members)
    denied = redact.denied(made, Denial("x", "y", f"{MAIL} is bad", {"was": [MAIL]}))

    assert not isinstance(shown, Denial)
    assert MAIL not in str(shown).lower()
    assert denied.message == "‹email:7h2k9m4xq0› is bad"
    assert denied.data == {"was": ["‹email:7h2k9m4xq0›"]}
    assert redact.message(made, "notifications/progress", {"progress": 1, "message": MAIL}, Tail()) == {
        "progress": 1,
        "message": "‹email:7h2k9m4xq0›",
    }


def test_tokens_that_are_too_long_to_be_kept_are_masks() -> None:
    made = a_call(Redaction(detect=(), patterns=(Pattern(name="long", pattern="x+"),), action="tokenise"))
    shown = redact.response(made, {"content": raw(["x" * 5_000])})

    assert shown == {"content": msgspec.Raw(b'["[long]"]')}
    assert made.minted is None
