"""Why would this caller be let in, or not: the filters themselves answer, and every line that requires is named."""

from typing import Any

import pytest
from policy_makers import EVERYTHING, compiled, offer, rules, server, texts, tool, who

from narthex.model.config import Config, EndpointConfig, ScopesByAnnotation
from narthex.model.identity import Principal
from narthex.policy import chain
from narthex.policy.cedar import Rules
from narthex.policy.entrance import ELSEWHERE
from narthex.relay.explain import described, explain

JIRA = offer("jira", tool("create_issue", _meta={"dev.narthex/required_scopes": ["jira:own"]}), "search")
PARTS: dict[str, Any] = {"capabilities": EVERYTHING}


def asked(
    principal: Principal,
    name: str = "create_issue",
    *,
    method: str = "tools/call",
    endpoint: str = "desk",
    text: str | None = None,
    default: Any = "allow",
    barred: str = "",
    **of_server: Any,
) -> dict[str, Any]:
    """The explanation of one call at /mcp/desk, over one server with these rules."""
    jira = server("jira", **of_server)
    desk = EndpointConfig(required_scopes=("desk",), scopes={"jira/create_*": ("jira:create",)})
    authentication = rules("mcp", default=default)
    judge = Rules(text) if text is not None else None
    made = compiled(jira, offers=(JIRA,), authentication=authentication, judge=judge, desk=desk)
    config = Config(servers=(jira,), endpoints={"desk": desk}, authentication=authentication)
    params = {"uri": name} if method == "resources/read" else {"name": name}
    return described(explain(config, made.endpoints[endpoint], principal, method, params, barred))


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["verdict"] for step in found["steps"]}


def test_every_filter_of_the_order_is_walked_through_and_speaks_for_itself() -> None:
    found = asked(who("mcp", "desk", "jira:create"))

    assert [step["name"] for step in found["steps"]] == ["gate", "names", *(name for name, _ in chain.ORDER)]
    assert all(len(step["about"]) > 20 for step in found["steps"])
    assert set(verdicts(found).values()) == {"passed"}
    assert (found["allowed"], found["decided_by"], found["told"], found["listed"]) == (True, None, None, True)


def test_the_first_no_is_the_answer_and_says_what_the_caller_is_told() -> None:
    found = asked(who("mcp", "desk"), text="forbid(principal, action, resource);")

    assert (found["allowed"], found["decided_by"], found["listed"]) == (False, "scopes", False)
    assert found["told"] == (
        "Permission denied: 'create_issue' requires the scope 'jira:create'; this session has 'desk' and 'mcp'."
    )
    assert found["missing_scopes"] == ["jira:create"]
    assert verdicts(found) == {
        "gate": "passed",
        "names": "passed",
        "stopped": "passed",
        "scopes": "denied",
        **{name: "not reached" for name, _ in chain.ORDER if name not in ("stopped", "scopes")},
    }


def test_every_line_that_requires_a_scope_is_named() -> None:
    rules_of_server: dict[str, Any] = {
        "required_scopes": ("jira:read",),
        "scopes": {"*_issue": ("jira:write",)},
        "trusted": True,
        "scopes_by_annotation": ScopesByAnnotation(other=("jira:other",)),
        "declared_scopes": "accept",
    }
    found = asked(who(), **rules_of_server)

    assert {one["where"]: one["scopes"] for one in found["required_by"]} == {
        "authentication.required_scopes": ["mcp"],
        "endpoints.desk.required_scopes": ["desk"],
        "servers.jira.required_scopes": ["jira:read"],
        "servers.jira.scopes['*_issue']": ["jira:write"],
        "endpoints.desk.scopes['jira/create_*']": ["jira:create"],
        "servers.jira.scopes_by_annotation.other": ["jira:other"],
        "declared by the server 'jira'": ["jira:own"],
    }
    assert found["required_scopes"] == sorted(
        ["mcp", "desk", "jira:read", "jira:write", "jira:create", "jira:other", "jira:own"]
    )


def test_the_gate_speaks_first() -> None:
    elsewhere = asked(who("mcp", "desk", endpoints=frozenset({"sales"})))
    poor = asked(who("mcp"))
    revoked = asked(who(), barred="The API key nx_abc was revoked.")
    bare = asked(who("other"))
    needs = "/mcp/desk requires the scopes 'desk', 'mcp'; you have the scope 'mcp'."

    assert (elsewhere["decided_by"], elsewhere["told"]) == ("gate", ELSEWHERE)
    assert (poor["decided_by"], poor["told"]) == ("gate", f"Permission denied: {needs}")
    assert bare["told"] == "Permission denied: this gateway requires the scope 'mcp'; you have the scope 'other'."
    assert (revoked["decided_by"], revoked["told"]) == ("gate", "The API key nx_abc was revoked.")


def test_an_operator_is_told_what_the_caller_is_not() -> None:
    hidden = asked(who("mcp", "desk"), required_scopes=("secret",), concealed=True)
    shut = asked(who("mcp", "desk"), "search", endpoint="", default="deny")

    assert (hidden["decided_by"], hidden["told"]) == ("names", "Unknown tool: 'create_issue'.")
    assert "concealed" in hidden["steps"][1]["why"]
    assert hidden["missing_scopes"] == ["jira:create", "secret"]
    assert (shut["decided_by"], shut["told"]) == ("names", "Unknown tool: 'search'.")
    assert "'authentication.scopes.default' is 'deny'" in shut["steps"][1]["why"]


def test_what_is_not_there_is_said_to_be_not_there() -> None:
    found = asked(who("mcp", "desk", "jira:create"), "create_isue")

    assert (found["decided_by"], found["server"], found["listed"]) == ("names", None, False)
    assert found["told"] == "Unknown tool: 'create_isue'. Did you mean 'create_issue'?"
    assert found["steps"][1]["why"] == f"There is no such thing at this endpoint. {found['told']}"


def test_rules_tell_the_operator_which_one_it_was() -> None:
    text = '@id("nobody today") @message("Closed today.") forbid(principal, action, resource);'
    found = asked(who("mcp", "desk", "jira:create"), text=text)
    step = next(step for step in found["steps"] if step["name"] == "policies")

    assert (found["decided_by"], found["told"]) == ("policies", "Permission denied: 'create_issue': Closed today.")
    assert step["why"] == f"{found['told']} (by nobody today)"


@pytest.mark.parametrize(("method", "name"), [("prompts/get", "greet"), ("resources/read", "memo://one")])
def test_prompts_and_resources_too(method: str, name: str) -> None:
    found = asked(who("mcp", "desk"), name, method=method, required_scopes=("jira:read",))
    let_in = asked(who("mcp", "desk", "jira:read"), name, method=method, required_scopes=("jira:read",))

    assert (found["decided_by"], found["missing_scopes"]) == ("scopes", ["jira:read"])
    assert let_in["allowed"]


SHELF = offer(
    "jira",
    "search",
    prompts=texts({"name": "greet", "_meta": {"dev.narthex/required_scopes": ["own:greet"]}}),
    resources=texts({"uri": "memo://one", "name": "one", "_meta": {"dev.narthex/required_scopes": ["own:one"]}}),
    resource_templates=texts(
        {"uriTemplate": "memo://{name}", "name": "memo", "_meta": {"dev.narthex/required_scopes": ["own:memo"]}}
    ),
    learnt={"search": ("repo", "unknown")},
)


def shelf_asked(principal: Principal, method: str, name: str, **of_server: Any) -> dict[str, Any]:
    jira = server("jira", declared_scopes="accept", **of_server)
    desk = EndpointConfig(prompt_scopes={"gr*": ("desk:greet",)}, resource_scopes={"jira/memo://*": ("desk:memo",)})
    made = compiled(jira, offers=(SHELF,), desk=desk)
    config = Config(servers=(jira,), endpoints={"desk": desk}, authentication=rules())
    params = {"uri": name} if method == "resources/read" else {"name": name}
    return described(explain(config, made.endpoints["desk"], principal, method, params))


def test_every_line_that_speaks_of_a_single_prompt_is_named() -> None:
    found = shelf_asked(who("desk:greet"), "prompts/get", "greet", prompt_scopes={"greet": ("jira:greet",)})

    assert (found["allowed"], found["decided_by"], found["listed"]) == (False, "scopes", False)
    assert {one["where"]: one["scopes"] for one in found["required_by"]} == {
        "servers.jira.prompt_scopes['greet']": ["jira:greet"],
        "endpoints.desk.prompt_scopes['gr*']": ["desk:greet"],
        "declared by the server 'jira'": ["own:greet"],
    }
    assert found["missing_scopes"] == ["jira:greet", "own:greet"]


def test_every_line_that_speaks_of_a_single_resource_is_named_listed_or_not() -> None:
    all_of_it = {"jira:memo", "desk:memo", "own:one", "own:memo"}
    listed = shelf_asked(who(*all_of_it), "resources/read", "memo://one", resource_scopes={"memo://*": ("jira:memo",)})
    unlisted = shelf_asked(who(), "resources/read", "memo://two", resource_scopes={"memo://*": ("jira:memo",)})

    assert (listed["allowed"], listed["listed"]) == (True, True)
    assert set(listed["required_scopes"]) == all_of_it
    assert (unlisted["decided_by"], unlisted["listed"]) == ("scopes", False)
    assert set(unlisted["required_scopes"]) == all_of_it - {"own:one"}
    assert [one["where"] for one in unlisted["required_by"]].count("declared by the server 'jira'") == 1


def test_what_a_server_asked_for_is_named_with_the_word_it_used() -> None:
    found = shelf_asked(who(), "tools/call", "search", challenge_scopes={"repo": ("git:write",)})

    where = "asked for by the server 'jira' (servers.jira.challenge_scopes['repo'])"
    assert found["required_by"] == [{"where": where, "scopes": ["git:write"]}]
    assert (found["decided_by"], found["missing_scopes"]) == ("scopes", ["git:write"])
    assert shelf_asked(who(), "tools/call", "search")["allowed"]


def test_what_cannot_be_read_of_a_declaration_is_told_to_the_operator() -> None:
    jira = server("jira", declared_scopes="accept")
    broken = {"uri": "memo://one", "name": "one", "_meta": {"dev.narthex/required_scopes": "x"}}
    endpoint = compiled(jira, offers=(offer("jira", resources=texts(broken)),)).endpoints[""]
    config = Config(servers=(jira,), authentication=rules())
    found = described(explain(config, endpoint, who(), "resources/read", {"uri": "memo://one"}))

    assert (found["decided_by"], found["told"]) == ("names", "Unknown resource: 'memo://one'.")
    assert "what its server declares for it cannot be read" in found["steps"][1]["why"]
    assert found["required_by"] == [{"where": "declared by the server 'jira'", "scopes": []}]
