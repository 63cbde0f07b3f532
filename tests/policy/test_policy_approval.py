"""The filter of approvals: what a yes is bound to, whether it fits, and which answers are one."""

from typing import Any

import pytest
from policy_makers import compiled, offer, server, tool, who

from narthex.model.approvals import Consent
from narthex.model.call import Call, Permit
from narthex.model.config import Config, EndpointConfig
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.rules.approval import Approval
from narthex.model.rules.redaction import Redaction
from narthex.model.rules.rules import Rules
from narthex.policy import approval, chain
from narthex.relay.explain import described, explain
from narthex.relay.resolve import resolve
from narthex.relay.trial import trial

NAMES = [name for name, _ in chain.ORDER]
RULE = Approval(by="caller")
YES = {"action": "accept", "content": {"approve": True}}
Tree = dict[str, Any]


def call(
    arguments: Tree | None = None,
    rule: Approval | None = RULE,
    principal: Principal | None = None,
    definition: Tree | None = None,
    name: str = "pay",
    endpoint: str = "",
    **params: Any,
) -> Call:
    """Resolved, and not judged yet."""
    bank = server("bank", approval=rule, rules={"free": Rules(approval=Approval(by="nobody"))})
    has = offer("bank", definition or tool("pay"), tool("give"), tool("free"))
    world = compiled(bank, offers=(has,), other=EndpointConfig())
    arguments = {"to": "ana"} if arguments is None else arguments
    made = trial(
        world.endpoints[endpoint], principal or who(), "tools/call", {"name": name, "arguments": arguments, **params}
    )
    resolve(made)
    return made


def digest(**how: Any) -> bytes:
    return approval.bound(call(**how))


def test_somebody_is_asked_after_all_that_may_refuse_or_change_and_before_what_spends() -> None:
    before = ("scopes", "policies", "reveal", "schema", "mirrored", "redact")

    assert max(NAMES.index(name) for name in before) < NAMES.index("approval") < NAMES.index("rate")


def test_a_call_without_a_yes_is_refused_and_says_whose_it_needs() -> None:
    denial = chain.request(call())

    assert isinstance(denial, Denial)
    assert (denial.filter, denial.reason, denial.data, denial.note) == (
        "approval",
        "approval_required",
        {"by": "caller"},
        "servers.bank.approval",
    )
    assert denial.code is None


def test_a_yes_that_fits_lets_it_pass_and_one_that_does_not_is_void() -> None:
    made, other = call(), call({"to": "eve"})
    made.consent = other.consent = Consent(approval.bound(made), 0.0)
    refused = chain.request(other)

    assert isinstance(chain.request(made), Permit)
    assert isinstance(refused, Denial)
    assert refused.reason == "approval_void"


def test_nobody_is_asked_where_nothing_is_said_or_it_is_taken_back() -> None:
    taken_back = call(name="free")

    assert isinstance(chain.request(call(rule=None)), Permit)
    assert isinstance(chain.request(taken_back), Permit)
    assert approval.standing(taken_back) == "Nobody is asked (servers.bank.rules['free'].approval)."


OTHERS: list[Tree] = [
    {"arguments": {"to": "ana", "amount": 1}},
    {"arguments": {"to": "an\u0061\u0301"}},
    {"arguments": {"to": "ana "}},
    {"arguments": {"to": ["ana"]}},
    {"arguments": {"to": None}},
    {"arguments": {}},
    {"name": "give"},
    {"endpoint": "other"},
    {"principal": who(tenant="acme")},
    {"principal": who(issuer="https://other.example")},
    {"principal": Principal("eve", how="key")},
    {"rule": Approval(by="operator")},
    {"rule": Approval(by="caller", reason="why")},
    {"rule": Approval(by="caller", show="redacted")},
    {"definition": tool("pay", description="Something else.")},
    {"definition": tool("pay", annotations={"readOnlyHint": True})},
    {"task": {"ttl": 1}},
]


@pytest.mark.parametrize("how", OTHERS, ids=lambda how: str(how)[:40])
def test_whatever_differs_makes_it_another_call(how: Tree) -> None:
    assert digest(**how) != digest()


SAME: list[tuple[Tree, Tree]] = [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"a": 10}, {"a": 10.0}),
    ({"a": 1e3}, {"a": 1000}),
]
NOT_THE_SAME: list[tuple[Any, Any]] = [
    (1, True),
    (0, False),
    (1, "1"),
    (0, None),
    ("", None),
    (9007199254740993, 9007199254740992),
    (0.1, 0.10000000000000002),
    ("e\u0301", "\u00e9"),
    ("a\u200b", "a"),
    ("\u0430", "a"),
    ([], {}),
    ([1, 2], [2, 1]),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=str)
def test_the_same_json_in_another_spelling_is_the_same_call(one: Tree, other: Tree) -> None:
    assert digest(arguments=one) == digest(arguments=other)


@pytest.mark.parametrize(("one", "other"), NOT_THE_SAME, ids=str)
def test_values_that_some_reader_tells_apart_are_not(one: Any, other: Any) -> None:
    assert digest(arguments={"a": one}) != digest(arguments={"a": other})


def test_what_brings_an_answer_is_not_part_of_what_is_approved() -> None:
    assert digest(inputResponses={"x": YES}, requestState="y", _meta={"z": 1}) == digest()


def test_what_cannot_be_written_cannot_be_approved() -> None:
    with pytest.raises(ValueError, match="infinity"):
        digest(arguments={"a": float("inf")})


def test_what_is_approved_is_what_redaction_leaves() -> None:
    plain, masked = call({"to": "ana@example.com"}), call({"to": "ana@example.com"})
    masked.settled = type(masked.settled)(
        Rules(redaction=Redaction(direction="arguments", detect=("email",))), {"redaction": "redaction"}, approval=RULE
    )
    chain.request(masked)

    assert masked.private["arguments"] == {"to": "[email]"}
    assert approval.bound(masked) != approval.bound(plain)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (YES, ""),
        ({**YES, "_meta": {}}, ""),
        ({"action": "decline"}, "approval_declined"),
        ({"action": "decline", "content": {"approve": True}}, "approval_declined"),
        ({"action": "accept", "content": {"approve": False}}, "approval_declined"),
        ({"action": "cancel", "content": {"approve": True}}, "approval_cancelled"),
        ({"action": "accept", "content": {"approve": 1}}, "approval_unreadable"),
        ({"action": "accept", "content": {"approve": "true"}}, "approval_unreadable"),
        ({"action": "accept", "content": {"approve": True, "x": 1}}, "approval_unreadable"),
        ({"action": "accept", "content": True}, "approval_unreadable"),
        ({"action": ["accept"], "content": {"approve": True}}, "approval_unreadable"),
        (None, "approval_unreadable"),
        ([], "approval_unreadable"),
        ("accept", "approval_unreadable"),
    ],
    ids=str,
)
def test_one_form_is_a_yes(answer: Any, reason: str) -> None:
    denial = approval.refused(call(), answer)

    assert (denial.reason if denial is not None else "") == reason


def test_explain_says_whose_yes_it_needs() -> None:
    made = call(rule=Approval(by="operator"))
    config = Config(servers=(server("bank"),))
    found = described(explain(config, made.endpoint, made.principal, made.method, made.params))

    assert found["decided_by"] == "approval"
    assert "needs the approval of an operator" in found["told"]
    assert found["rules"] == {"approval": "servers.bank.approval"}
