"""Rules in Cedar: only a plain "allow" lets a call pass, and nobody becomes somebody else by their arguments."""

import time
from typing import Any

import pytest
from policy_makers import compiled, offer, rules, seen, server, tool, who

from narthex.limits import policy_context_bytes_max, policy_depth_max
from narthex.model.call import Permit
from narthex.model.config import EndpointConfig
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.policy import chain
from narthex.policy.cedar import Rules
from narthex.policy.cedar_values import Unfit, cedar_value
from narthex.relay.resolve import resolve
from narthex.relay.sight import sight
from narthex.relay.trial import readable, trial

ALL = "permit(principal, action, resource);"
CRM = offer("crm", tool("find", annotations={"readOnlyHint": True}), "pay", "drop")
BANK = """
@id("everybody") permit(principal, action, resource);
@id("small sums") @message("Payments over 1000 need a manager.")
forbid(principal, action == Action::"tools/call", resource == Tool::"crm/pay")
when { context.arguments has amount && context.arguments.amount > 1000 }
unless { principal.roles.contains("manager") };
@id("no drops") forbid(principal, action, resource == Tool::"crm/drop") unless { principal.tenant == "acme" };
"""


def house(text: str, roles: str | None = "groups", **more: Any) -> Endpoint:
    return compiled(server("crm", **more), offers=(CRM,), judge=Rules(text, roles)).endpoints[""]


def decide(endpoint: Endpoint, principal: Principal, method: str = "tools/call", **params: Any) -> Permit | Denial:
    call = trial(endpoint, principal, method, params)
    resolve(call)
    return chain.request(call)


def pays(text: str, arguments: Any, principal: Principal | None = None) -> Permit | Denial:
    return decide(house(text), principal or who(), name="pay", arguments=arguments)


def reason(found: Permit | Denial) -> str:
    return found.reason if isinstance(found, Denial) else "permit"


# ---- what a rule may say


def test_a_rule_reads_arguments_and_roles_and_its_sentence_reaches_the_model() -> None:
    manager = who(claims={"groups": ["staff", "manager"]})
    refused = pays(BANK, {"amount": 5000})

    assert isinstance(refused, Denial)
    assert (refused.filter, refused.reason, refused.code) == ("policies", "policy", None)
    assert refused.message == "Permission denied: 'pay': Payments over 1000 need a manager."
    assert refused.note == "by small sums"
    assert reason(pays(BANK, {"amount": 5000}, manager)) == "permit"
    assert reason(pays(BANK, {"amount": 10})) == "permit"
    assert reason(pays(BANK, {})) == "permit"
    assert reason(pays(BANK, None)) == "permit"


# What holds for one call of one caller, and not for another of another.
CONDITIONS = [
    'principal.subject == "ana"',
    'principal.tenant == "acme"',
    'principal.scopes.contains("crm:read")',
    'principal.how == "jwt"',
    'principal.issuer == "https://i"',
    'principal.client == "app"',
    "principal.claims.level > 3",
    'principal.claims has team && principal.claims.team == "blue"',
    'principal.roles.contains("staff")',
    'resource == Tool::"crm/find"',
    'resource in Endpoint::"desk"',
    'resource.server == "crm" && resource.name == "find" && resource.public == "find" && resource.endpoint == "desk"',
    "resource.read_only",
    'context.arguments.deep.list.contains(2) && context.endpoint == "desk"',
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_rules_can_know(condition: str) -> None:
    judge = Rules(f"permit(principal, action, resource) when {{ {condition} }};", "groups")
    made = compiled(server("crm", trusted=True), offers=(CRM,), judge=judge, desk=EndpointConfig()).endpoints
    claims = {"level": 4, "team": "blue", "groups": "staff other"}
    ana = who("crm:read", how="jwt", tenant="acme", issuer="https://i", client="app", claims=claims)

    assert reason(decide(made["desk"], ana, name="find", arguments={"deep": {"list": [1, 2]}})) == "permit"
    assert reason(decide(made[""], Principal("bob"), name="pay", arguments={})) in ("policy", "policy_error")


def test_prompts_and_resources_are_judged_too_in_every_way_to_reach_them() -> None:
    endpoint = house(
        f'{ALL} forbid(principal, action, resource == Resource::"crm/memo://one");'
        'forbid(principal, action, resource == Prompt::"crm/greet");'
    )
    uri, prompt = {"type": "ref/resource", "uri": "memo://one"}, {"type": "ref/prompt", "name": "greet"}

    assert reason(decide(endpoint, who(), "resources/read", uri="memo://one")) == "policy"
    assert reason(decide(endpoint, who(), "resources/subscribe", uri="memo://one")) == "policy"
    assert reason(decide(endpoint, who(), "completion/complete", ref=uri)) == "policy"
    assert reason(decide(endpoint, who(), "prompts/get", name="greet")) == "policy"
    assert reason(decide(endpoint, who(), "completion/complete", ref=prompt)) == "policy"
    assert not readable(endpoint, who(), "memo://one")
    assert readable(endpoint, who(), "memo://two")
    assert seen(endpoint, who(), "resources/list", judged=True) == []
    assert seen(endpoint, who(), "prompts/list", judged=True) == []
    assert seen(endpoint, who(), "resources/templates/list", judged=True) == ["memo://{name}"]


def test_a_server_that_is_not_trusted_cannot_call_its_tools_harmless() -> None:
    text = "permit(principal, action, resource) when { resource.read_only };"

    assert reason(decide(house(text), who(), name="find")) == "policy"
    assert reason(decide(house(text, trusted=True), who(), name="find")) == "permit"
    assert reason(decide(house(text, trusted=True), who(), name="pay")) == "policy"


# ---- whatever is not a plain yes is a no


def test_without_a_rule_that_permits_nothing_is_permitted() -> None:
    assert reason(pays("", {})) == "policy"
    assert reason(pays('permit(principal, action, resource) when { principal.tenant == "x" };', {})) == "policy"


def test_rules_never_open_what_scopes_shut() -> None:
    made = compiled(server("crm", required_scopes=("x",)), offers=(CRM,), judge=Rules(ALL))

    assert reason(decide(made.endpoints[""], who(), name="pay")) == "insufficient_scope"


@pytest.mark.parametrize("amount", ["5", 1.5, [5], {"a": 1}, True, "5000"])
def test_an_error_in_any_rule_denies(amount: Any) -> None:
    """Cedar skips a rule that fails: a caller could make the rule that forbids fail, and be let in by another."""
    found = pays(BANK, {"amount": amount})

    assert isinstance(found, Denial)
    assert found.reason == "policy_error"
    assert "type error" in found.note
    assert "type error" not in found.message


def test_what_counts_is_the_number_not_its_spelling() -> None:
    assert reason(pays(BANK, {"amount": 5000.0})) == "policy"
    assert reason(pays(BANK, {"amount": 5.0})) == "permit"
    assert reason(pays(BANK, {"amount": -0.0})) == "permit"
    assert reason(pays(BANK, {"amount": None})) == "permit"


@pytest.mark.parametrize("amount", [2**63, -(2**63) - 1, 10**40, 1e300])
def test_a_number_beyond_sixty_four_bits_is_denied(amount: Any) -> None:
    assert reason(pays(BANK, {"amount": amount})) == "policy_unreadable"


# ---- nobody becomes somebody else


FRIEND = 'permit(principal, action, resource) when { context.arguments.who == Caller::"friend" };'
INSIDE = "permit(principal, action, resource) when { context.arguments.ip.isLoopback() };"
ATTACKS = [
    (FRIEND, {"who": {"__entity": {"type": "Caller", "id": "friend"}}}),
    (INSIDE, {"ip": {"__extn": {"fn": "ip", "arg": "127.0.0.1"}}}),
    (INSIDE, {"ip": {"__expr": 'ip("127.0.0.1")'}}),
    (INSIDE, {"list": [{"deep": {"__extn": {"fn": "ip", "arg": "127.0.0.1"}}}], "ip": "127.0.0.1"}),
]


@pytest.mark.parametrize(("text", "arguments"), ATTACKS)
def test_arguments_cannot_name_entities_or_call_functions(text: str, arguments: Any) -> None:
    found = pays(text, arguments)

    assert isinstance(found, Denial)
    assert found.reason == "policy_unreadable"
    assert "a member named '__e" in found.message


def test_claims_cannot_either() -> None:
    text = 'permit(principal, action, resource) when { principal.claims.boss == Caller::"friend" };'
    claims = {"boss": {"__entity": {"type": "Caller", "id": "friend"}}}

    assert reason(pays(text, {}, who(claims=claims))) == "policy_unreadable"
    assert seen(house(text), who(claims=claims), judged=True) == []


def test_callers_have_ids_that_nobody_can_choose() -> None:
    text = 'permit(principal == Caller::"ana", action, resource);'

    assert reason(pays(text, {})) == "policy"


def test_two_callers_of_one_name_are_two() -> None:
    judge = Rules('permit(principal, action, resource) when { principal.tenant == "acme" };')
    endpoint = compiled(server("crm"), offers=(CRM,), judge=judge).endpoints[""]

    assert reason(decide(endpoint, who(tenant="acme"), name="pay")) == "permit"
    assert reason(decide(endpoint, who(tenant="other"), name="pay")) == "policy"


@pytest.mark.parametrize("uri", ['memo://"', "memo://\\", "memo://a\nb", "memo://é\U0001f600", "memo://\x00"])
def test_odd_names_stay_names(uri: str) -> None:
    text = f'{ALL} forbid(principal, action, resource == Resource::"crm/memo://one");'

    assert reason(decide(house(text), who(), "resources/read", uri=uri)) in ("permit", "policy_error")
    assert readable(house(text), who(), 'memo://a"b')


# ---- values


def test_values_become_what_cedar_has() -> None:
    value = {"a": 1, "b": [1.0, 2.5], "c": None, "d": {"e": True, "f": "x"}}

    assert cedar_value(value) == {"a": 1, "b": [1, "2.5"], "d": {"e": True, "f": "x"}}


@pytest.mark.parametrize("value", [[None], {"__extn": 1}, [{"__entity": 1}], 2**63, object()])
def test_what_cedar_has_not_is_unfit(value: Any) -> None:
    with pytest.raises(Unfit):
        cedar_value(value)


def test_nesting_is_bounded() -> None:
    value: Any = 1
    for _ in range(policy_depth_max):
        value = [value]

    assert cedar_value(value)
    with pytest.raises(Unfit, match="levels"):
        cedar_value([value])


def test_the_size_of_arguments_is_bounded_where_rules_read_them() -> None:
    large = {"amount": 1, "text": "x" * policy_context_bytes_max}

    assert reason(pays(BANK, large)) == "policy_unreadable"
    assert reason(pays(ALL, large)) == "permit"


# ---- lists


def test_what_no_arguments_would_open_is_not_listed() -> None:
    endpoint = house(BANK)

    assert seen(endpoint, who(), judged=True) == ["find", "pay"]
    assert seen(endpoint, who(tenant="acme"), judged=True) == ["find", "pay", "drop"]
    assert seen(endpoint, who(), judged=True) == ["find", "pay"]


def test_news_of_a_judged_endpoint_do_not_betray_by_their_time() -> None:
    assert not sight(house(ALL), who()).has_whole("crm")


# ---- price and form


def test_other_rules_make_another_endpoint_and_equal_ones_the_same() -> None:
    first = compiled(server("crm"), offers=(CRM,), judge=Rules(ALL))
    same = compiled(server("crm"), offers=(CRM,), judge=Rules(ALL), previous=first)
    other = compiled(server("crm"), offers=(CRM,), judge=Rules(BANK), previous=first)

    assert same.endpoints[""] is first.endpoints[""]
    assert other.endpoints[""] is not first.endpoints[""]


def test_what_is_no_cedar_is_told() -> None:
    with pytest.raises(ValueError, match="unexpected token"):
        Rules("permit(principal action, resource);")


def test_a_decision_costs_little() -> None:
    endpoint, ana = house(BANK), who()
    call = trial(endpoint, ana, "tools/call", {"name": "pay", "arguments": {"amount": 5}})
    resolve(call)
    assert type(chain.request(call)) is Permit
    begun = time.perf_counter()
    for _ in range(100):
        chain.request(call)

    assert (time.perf_counter() - begun) / 100 < 0.001


def test_an_endpoint_without_rules_asks_nobody() -> None:
    endpoint = compiled(server("crm"), offers=(CRM,), authentication=rules()).endpoints[""]

    assert endpoint.judge is None
    assert endpoint.lists["tools/list"].things == ()
