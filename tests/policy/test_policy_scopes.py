"""Who may do what: requirements add up, what is hidden cannot be called, and a refusal says what is lacking."""

import time
from typing import Any

import msgspec
import pytest
from policy_makers import compiled, offer, rules, seen, server, tool, who

from narthex.limits import page_items_max, scopes_said_max, sights_per_endpoint_max
from narthex.model.call import Permit
from narthex.model.config import EndpointConfig, ScopesByAnnotation
from narthex.model.endpoint import Endpoint
from narthex.model.identity import LOCAL, Principal
from narthex.model.outcome import Denial
from narthex.policy import chain
from narthex.relay.lists import listed
from narthex.relay.resolve import resolve
from narthex.relay.sight import sight
from narthex.relay.trial import readable, trial
from narthex.wire.faults import PeerFault
from narthex.wire.seal import Sealer

JIRA = offer("jira", "search_issues", "create_issue", "update_issue", instructions="Ask before you create.")
DB = offer("db", "run_query", instructions="SQL only.")


def main(*servers: Any, **more: Any) -> Endpoint:
    made = compiled(*servers, offers=more.pop("offers", (JIRA, DB)), **more)
    assert made.problems == ()
    return made.endpoints[""]


def house() -> Endpoint:
    jira = server(
        "jira", required_scopes=("jira:read",), scopes={"create_*": ("jira:write",), "update_issue": ("jira:write",)}
    )
    return main(jira, server("db", required_scopes=("db:read",)))


def decide(endpoint: Endpoint, principal: Principal, method: str = "tools/call", **params: Any) -> Permit | Denial:
    call = trial(endpoint, principal, method, params)
    resolve(call)
    return chain.request(call)


def denial(endpoint: Endpoint, principal: Principal, method: str = "tools/call", **params: Any) -> Denial:
    found = decide(endpoint, principal, method, **params)
    assert isinstance(found, Denial)
    return found


# ---- the sentence


def test_the_refusal_says_which_scope_is_lacking_and_which_are_there() -> None:
    found = denial(house(), who("jira:read"), name="jira__create_issue")

    assert (found.filter, found.reason) == ("scopes", "insufficient_scope")
    assert found.message == (
        "Permission denied: 'jira__create_issue' requires the scope 'jira:write'; this session has 'jira:read'."
    )
    assert found.data == {"required_scopes": ["jira:read", "jira:write"], "granted_scopes": ["jira:read"]}
    assert found.scopes == {"jira:read", "jira:write"}


def test_the_sentence_of_the_design_word_for_word() -> None:
    jira = server("jira", required_scopes=("jira:read",), scopes={"create_issue": ("jira:write",)})
    found = denial(main(jira, offers=(JIRA,)), who("jira:read"), name="create_issue")

    assert found.message == (
        "Permission denied: 'create_issue' requires the scope 'jira:write'; this session has 'jira:read'."
    )


def test_several_scopes_are_all_said_and_none_is_said_too() -> None:
    assert denial(house(), who(), name="jira__update_issue").message == (
        "Permission denied: 'jira__update_issue' requires the scopes 'jira:read' and 'jira:write'; "
        "this session has no scopes."
    )


def test_a_sentence_stays_one_that_can_be_read() -> None:
    many = [f"s{number:03}" for number in range(scopes_said_max + 5)]
    found = denial(house(), who(*many), name="db__run_query")

    assert found.message.endswith(f"'s{scopes_said_max - 1:03}' and 5 more.")
    assert found.data["granted_scopes"] == many


# ---- what adds up


def test_everything_that_speaks_of_a_tool_adds_up() -> None:
    jira = server("jira", required_scopes=("s",), scopes={"create_*": ("t",), "*_issue": ("u",)})
    desk = EndpointConfig(servers=("jira",), required_scopes=("e",), scopes={"jira/create_issue": ("v",)})
    made = compiled(jira, offers=(JIRA,), authentication=rules("g"), desk=desk)

    assert made.endpoints["desk"].tools["create_issue"].needs == set("gestuv")
    assert made.endpoints["desk"].tools["search_issues"].needs == set("ges")
    assert made.endpoints["desk"].needs == set("ge")
    assert made.endpoints[""].tools["create_issue"].needs == set("gstu")
    assert made.endpoints[""].tools["update_issue"].needs == set("gsu")


def test_a_misspelt_pattern_is_told_because_it_protects_nothing() -> None:
    jira = server("jira", scopes={"crate_issue": ("x",)})
    made = compiled(jira, offers=(JIRA,), desk=EndpointConfig(scopes={"jira/delete_*": ("x",)}))

    assert made.problems == (
        "server 'jira': `scopes` names 'crate_issue', and the server offers no such tool.",
        "endpoint '/mcp/desk': `scopes` names 'jira/delete_*', and no tool here is called so: it protects nothing.",
    )


def test_another_rule_makes_another_endpoint_and_the_same_rules_the_same() -> None:
    jira = server("jira", scopes={"create_issue": ("x",)})
    first = compiled(jira, offers=(JIRA,))
    again = compiled(jira, offers=(JIRA,), previous=first)
    other = compiled(server("jira", scopes={"create_issue": ("y",)}), offers=(JIRA,), previous=again)
    gateway = compiled(jira, offers=(JIRA,), authentication=rules("g"), previous=again)

    assert again.endpoints[""] is first.endpoints[""]
    assert other.endpoints[""].tools["create_issue"].needs == {"y"}
    assert gateway.endpoints[""].tools["create_issue"].needs == {"g", "x"}


# ---- silence means no


def test_what_nothing_speaks_of_is_shut_if_the_operator_says_so() -> None:
    jira = server("jira", scopes={"search_*": (), "create_issue": ("jira:write",)})
    endpoint = main(jira, server("db"), authentication=rules("g", default="deny"))
    ana = who("g", "jira:write", "anything")

    assert seen(endpoint, ana) == ["jira__search_issues", "jira__create_issue"]
    assert seen(endpoint, ana, "prompts/list") == []
    assert seen(endpoint, ana, "resources/list") == []
    for name in ("jira__update_issue", "db__run_query"):
        with pytest.raises(PeerFault, match=f"Unknown tool: '{name}'"):
            decide(endpoint, ana, name=name)


def test_an_empty_list_is_a_word_too() -> None:
    endpoint = main(server("jira", required_scopes=()), server("db"), authentication=rules(default="deny"))

    assert seen(endpoint, who()) == ["jira__search_issues", "jira__create_issue", "jira__update_issue"]
    assert seen(endpoint, who(), "prompts/list") == ["jira__greet"]


def test_an_endpoint_speaks_of_all_it_shows() -> None:
    made = compiled(
        server("db"), offers=(DB,), authentication=rules(default="deny"), desk=EndpointConfig(required_scopes=("d",))
    )

    assert seen(made.endpoints["desk"], who("d")) == ["run_query"]
    assert seen(made.endpoints[""], who("d")) == []


@pytest.mark.parametrize("scopes", [("",), ("", "g"), ("\x00",)])
def test_no_invented_scope_opens_what_is_shut(scopes: tuple[str, ...]) -> None:
    endpoint = main(server("db"), offers=(DB,), authentication=rules(default="deny"))
    call = trial(endpoint, who(*scopes), "tools/call", {"name": "run_query"})
    call.tool, call.server, call.exposed = endpoint.tools["run_query"], "db", "run_query"
    found = chain.request(call)

    assert isinstance(found, Denial)
    assert (found.reason, found.scopes) == ("not_opened", frozenset())
    assert seen(endpoint, who(*scopes)) == []


# ---- what servers say of themselves


def annotated(name: str, *, read_only: bool) -> dict[str, Any]:
    return tool(name, annotations={"readOnlyHint": read_only})


def test_annotations_count_where_the_server_is_trusted() -> None:
    crm = offer("crm", annotated("find", read_only=True), annotated("drop", read_only=False), "plain")
    by = ScopesByAnnotation(other=("crm:write",))
    needs = main(server("crm", trusted=True, scopes_by_annotation=by), offers=(crm,)).tools
    doubted = main(server("crm", scopes_by_annotation=by), offers=(crm,)).tools

    assert [needs[name].needs for name in ("find", "drop", "plain")] == [set(), {"crm:write"}, {"crm:write"}]
    assert [one.needs for one in doubted.values()] == [{"crm:write"}] * 3


def declared(name: str, scopes: Any) -> dict[str, Any]:
    return tool(name, _meta={"dev.narthex/required_scopes": scopes})


def test_a_declaration_is_taken_only_where_it_is_accepted_and_only_narrows() -> None:
    crm = offer("crm", declared("a", ["x", "y"]), declared("b", []))
    ignoring = main(server("crm", required_scopes=("s",)), offers=(crm,))
    accepting = main(server("crm", required_scopes=("s",), declared_scopes="accept"), offers=(crm,))
    shut = main(server("crm", declared_scopes="accept"), offers=(crm,), authentication=rules(default="deny"))

    assert [one.needs for one in ignoring.tools.values()] == [{"s"}, {"s"}]
    assert [one.needs for one in accepting.tools.values()] == [{"s", "x", "y"}, {"s"}]
    assert seen(shut, who("x", "y")) == []
    assert "_meta" not in accepting.tools["a"].definition or "dev.narthex" not in str(accepting.tools["a"].definition)


@pytest.mark.parametrize("broken", ["x", [1], [""], ["a b"], ["x" * 300], {"a": 1}, [f"s{n}" for n in range(33)]])
def test_a_declaration_that_cannot_be_read_is_no_reason_to_require_less(broken: Any) -> None:
    crm = offer("crm", declared("a", broken), "b")
    made = compiled(server("crm", declared_scopes="accept"), offers=(crm,))

    assert list(made.endpoints[""].tools) == ["b"]
    assert "is left out: its _meta 'dev.narthex/required_scopes'" in made.problems[0]


# ---- one predicate


CALLERS = [(), ("jira:read",), ("jira:read", "jira:write"), ("db:read",), ("jira:read", "jira:write", "db:read")]


@pytest.mark.parametrize("scopes", CALLERS)
def test_what_is_listed_can_be_called_and_what_is_hidden_cannot(scopes: tuple[str, ...]) -> None:
    endpoint, ana = house(), who(*scopes)

    for name in endpoint.tools:
        assert isinstance(decide(endpoint, ana, name=name), Permit) == (name in seen(endpoint, ana))
    for name in endpoint.prompts:
        listed = name in seen(endpoint, ana, "prompts/list")
        ref = {"type": "ref/prompt", "name": name}
        assert isinstance(decide(endpoint, ana, "prompts/get", name=name), Permit) == listed
        assert isinstance(decide(endpoint, ana, "completion/complete", ref=ref), Permit) == listed
    for uri in endpoint.owners:
        listed = uri in seen(endpoint, ana, "resources/list")
        ref = {"type": "ref/resource", "uri": uri}
        for method in ("resources/read", "resources/subscribe"):
            assert isinstance(decide(endpoint, ana, method, uri=uri), Permit) == listed
        assert isinstance(decide(endpoint, ana, "completion/complete", ref=ref), Permit) == listed
        assert readable(endpoint, ana, uri) == listed
    templates = seen(endpoint, ana, "resources/templates/list")
    assert readable(endpoint, ana, "gw+db:memo://x") == ("gw+db:memo://{name}" in templates)


def test_without_rules_everybody_sees_the_very_same_lists() -> None:
    endpoint = main(server("jira"), server("db"))

    assert sight(endpoint, LOCAL).items("tools/list") is endpoint.lists["tools/list"]
    assert sight(endpoint, who("x")).items("tools/list") is endpoint.lists["tools/list"]


def test_nobody_hears_of_servers_they_meet_nothing_of() -> None:
    endpoint = house()

    assert "SQL only" not in (sight(endpoint, who("jira:read")).instructions or "")
    assert "Ask before" in (sight(endpoint, who("jira:read")).instructions or "")
    assert sight(endpoint, who()).instructions is None
    assert sight(endpoint, who("jira:read", "db:read")).instructions == endpoint.instructions


def test_a_similar_name_is_offered_only_of_what_is_seen() -> None:
    with pytest.raises(PeerFault, match="Did you mean 'jira__update_issue'") as told:
        decide(house(), who("jira:read", "jira:write"), name="updateissue")
    with pytest.raises(PeerFault) as untold:
        decide(house(), who("jira:read"), name="run_query")

    assert told.value.data["nearest"][0] == "jira__update_issue"
    assert str(untold.value) == "Unknown tool: 'run_query'."


def test_a_concealed_server_is_unknown_to_whoever_lacks_its_scopes() -> None:
    jira = server("jira", required_scopes=("jira:read",), scopes={"create_*": ("jira:write",)}, concealed=True)
    endpoint, without = main(jira, server("db")), main(server("other"), server("db"))
    bo = who("db:read")

    for method, params in (
        ("tools/call", {"name": "jira__create_issue"}),
        ("prompts/get", {"name": "jira__greet"}),
        ("resources/read", {"uri": "gw+jira:memo://one"}),
        ("resources/subscribe", {"uri": "gw+jira:memo://one"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "jira__greet"}}),
        ("completion/complete", {"ref": {"type": "ref/resource", "uri": "gw+jira:memo://{name}"}}),
    ):
        with pytest.raises(PeerFault) as hidden:
            decide(endpoint, bo, method, **params)
        with pytest.raises(PeerFault) as unknown:
            decide(without, bo, method, **params)
        assert (hidden.value.code, str(hidden.value)) == (unknown.value.code, str(unknown.value))
        assert (hidden.value.status, hidden.value.data) == (unknown.value.status, unknown.value.data)
    assert denial(endpoint, who("jira:read"), name="jira__create_issue").reason == "insufficient_scope"


# ---- kept sights


def test_equal_rights_share_one_sight_and_rights_that_do_not_matter_make_none() -> None:
    endpoint = house()
    lists = [sight(endpoint, who("jira:read", f"other{number}")).items("tools/list") for number in range(50)]

    assert all(one is lists[0] for one in lists)
    assert len(endpoint.sights) == 1


def test_the_kept_sights_are_bounded() -> None:
    names = [f"tool{number}" for number in range(sights_per_endpoint_max + 50)]
    endpoint = main(server("many", scopes={name: (name,) for name in names}), offers=(offer("many", *names),))

    for name in names:
        assert seen(endpoint, who(name)) == [name]
    assert len(endpoint.sights) == sights_per_endpoint_max


def test_a_listener_compares_what_it_sees_itself() -> None:
    jira = server("jira", scopes={"create_issue": ("w",)})
    before = main(jira, offers=(JIRA,))
    after = main(jira, offers=(offer("jira", "search_issues", tool("create_issue", title="New"), "update_issue"),))

    def moved(principal: Principal) -> bool:
        one, other = sight(before, principal), sight(after, principal)
        return one.fingerprint("tools/list") != other.fingerprint("tools/list")

    assert not moved(who())
    assert moved(who("w"))
    assert sight(before, who("w")).fingerprint("tools/list") == before.fingerprints["tools/list"]
    assert sight(before, who("w")).has_whole("jira")
    assert not sight(before, who()).has_whole("jira")


def test_two_thousand_tools_are_sifted_in_no_time() -> None:
    """The first page of somebody who was never seen before."""
    names = [f"{'write' if number % 4 == 0 else 'read'}_{number}" for number in range(2_000)]
    endpoint = main(server("many", scopes={"write_*": ("w",)}), offers=(offer("many", *names),))
    sealer, call = Sealer([bytes(32)]), trial(endpoint, who(), "tools/list", {})
    begun = time.process_time()
    found = listed(call, sealer, time.time()).members
    seconds = time.process_time() - begun

    assert len(msgspec.json.decode(found["tools"])) == page_items_max
    assert found["cacheScope"] in ("private", msgspec.Raw(b'"private"'))
    assert seconds < 0.01


def test_a_cursor_goes_on_where_it_was_for_its_holder_alone() -> None:
    names = [f"{'write' if number % 4 == 0 else 'read'}_{number}" for number in range(2_000)]
    endpoint = main(server("many", scopes={"write_*": ("w",)}), offers=(offer("many", *names),))
    sealer, bo = Sealer([bytes(32)]), Principal("bo")
    first = listed(trial(endpoint, bo, "tools/list", {}), sealer, time.time()).members
    rest = {"cursor": first["nextCursor"]}
    second = listed(trial(endpoint, bo, "tools/list", rest), sealer, time.time()).members
    shown = [one["name"] for page in (first, second) for one in msgspec.json.decode(page["tools"])]

    assert shown == [name for name in names if name.startswith("read_")]
    with pytest.raises(PeerFault, match="cursor"):
        listed(trial(endpoint, Principal("eve"), "tools/list", rest), sealer, time.time())
    # With more rights than when the cursor was given, it still leads to the place behind the same item.
    richer = Principal("bo", scopes=frozenset({"w"}))
    onwards = listed(trial(endpoint, richer, "tools/list", rest), sealer, time.time()).members
    assert msgspec.json.decode(onwards["tools"])[0]["name"] == names[names.index(shown[page_items_max - 1]) + 1]
