"""Endpoints: who is shown where, under which name, in which order, and never two under one name."""

import time
from typing import Any

import msgspec
import pytest
from catalog_makers import built, house, main, offer, prompt, resource, server, template, tool, values
from hypothesis import given, settings
from hypothesis import strategies as st

from narthex import __version__
from narthex.catalog.compile import compile_endpoints
from narthex.limits import Limits, instructions_chars_max
from narthex.model.config import Config, EndpointConfig, ServerConfig, ToolChange
from narthex.model.endpoint import Endpoint
from narthex.model.offer import Offer

CRM = offer("crm", "find", "create", "export.all")
ERP = offer("erp", "find", "book")


def names(endpoint: Endpoint) -> list[str]:
    shown = [value["name"] for value in values(endpoint, "tools/list")]
    assert shown == list(endpoint.tools)
    return shown


def custom(*offers: Offer, **wanted: Any) -> tuple[list[str], tuple[str, ...]]:
    compiled = built(*offers, endpoints={"sales": EndpointConfig(**wanted)})
    return names(compiled.endpoints["sales"]), compiled.problems


# ---- names and order


def test_one_server_keeps_its_names_and_several_are_told_apart() -> None:
    assert names(main(CRM)) == ["find", "create", "export.all"]
    both = names(main(ERP, CRM))
    assert both[:4] == ["erp__find", "erp__book", "crm__find", "crm__create"]
    assert both[4].startswith("crm__export_all_")
    assert main(ERP, CRM).prefixed


def test_a_tool_leads_to_its_server_under_its_own_name() -> None:
    tool = main(ERP, CRM).tools["crm__find"]

    assert (tool.server, tool.private, tool.public, tool.definition["name"]) == (
        "crm",
        "find",
        "crm__find",
        "crm__find",
    )


def test_a_server_that_has_not_answered_yet_already_counts_for_the_names() -> None:
    compiled = compile_endpoints(house(CRM, ERP), {"crm": CRM})

    assert names(compiled.endpoints[""])[:1] == ["crm__find"]
    assert compiled.endpoints[""].servers == ("crm", "erp")
    assert compiled.endpoints[""].degraded == ("erp",)


def test_a_disabled_server_is_not_there_at_all() -> None:
    compiled = built(CRM, ERP, servers=(server("crm"), server("erp", enabled=False)))

    assert names(compiled.endpoints[""]) == ["find", "create", "export.all"]
    assert compiled.endpoints[""].degraded == ()


def test_nothing_configured_is_an_empty_endpoint() -> None:
    endpoint = main()

    assert endpoint.tools == {}
    assert endpoint.servers == ()
    assert endpoint.lists["tools/list"].modern == ()


tool_names = st.text("aB_.-é ", min_size=1, max_size=70)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["a", "a__b", "B", "b_"]), st.sets(tool_names, max_size=6), max_size=4))
def test_public_names_are_unique_stable_and_complete(offered: dict[str, set[str]]) -> None:
    offers = [offer(name, *sorted(tools)) for name, tools in offered.items()]
    compiled, again = built(*offers), built(*offers)

    shown = names(compiled.endpoints[""])
    assert shown == names(again.endpoints[""])
    assert compiled.problems == again.problems
    led_to = [(tool.server, tool.private) for tool in compiled.endpoints[""].tools.values()]
    everything = {(whose, private) for whose, tools in offered.items() for private in tools}
    assert len(set(led_to)) == len(led_to) == len(shown)
    assert set(led_to) <= everything
    for whose, private in everything - set(led_to):
        assert any(f"'{whose}/{private}'" in problem for problem in compiled.problems)


# ---- endpoints of their own


def test_an_endpoint_chooses_its_servers_in_its_own_order() -> None:
    assert custom(CRM, ERP, servers=("erp",)) == (["find", "book"], ())
    assert custom(CRM, ERP, servers=("erp", "crm", "erp"))[0][:3] == ["erp__find", "erp__book", "crm__find"]


def test_names_of_one_server_can_be_prefixed_and_of_several_bare() -> None:
    assert custom(ERP, servers=("erp",), names="prefixed") == (["erp__find", "erp__book"], ())
    assert custom(offer("crm", "a"), offer("erp", "b.c"), names="bare") == (["a", "b.c"], ())


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"include": ("crm/find", "book")}, ["crm__find", "erp__book"]),
        ({"include": ("*/find",)}, ["crm__find", "erp__find"]),
        ({"include": ("find",)}, ["crm__find", "erp__find"]),
        ({"include": ("crm/*",), "exclude": ("export*",)}, ["crm__find", "crm__create"]),
        ({"exclude": ("crm/*", "b[aeiou]ok", "b??k")}, ["erp__find"]),
        ({"include": ()}, []),
    ],
)
def test_tools_are_included_and_excluded_by_name_and_glob(wanted: dict[str, Any], shown: list[str]) -> None:
    assert custom(CRM, ERP, **wanted) == (shown, ())


def test_a_pattern_that_meets_nothing_is_told_once_all_servers_are_known() -> None:
    wanted = {"include": ("crm/find", "FIND"), "exclude": ("nope*",), "tools": {"crm/nope": ToolChange(name="x")}}
    _, problems = custom(CRM, ERP, **wanted)

    assert problems == (
        "endpoint '/mcp/sales': `include` names 'FIND', and no tool here is called so.",
        "endpoint '/mcp/sales': `exclude` names 'nope*', and no tool here is called so.",
        "endpoint '/mcp/sales': `tools` names 'crm/nope', and no tool here is 'server/tool' so.",
    )
    config = house(CRM, ERP, endpoints={"sales": EndpointConfig(**wanted)})
    assert compile_endpoints(config, {"crm": CRM}).problems == ()


def test_a_tool_is_renamed_and_described_anew() -> None:
    change = {"crm/find": ToolChange(name="lookup", description="D", title="T"), "crm/create": ToolChange(title="C")}
    compiled = built(CRM, ERP, endpoints={"sales": EndpointConfig(tools=change)})
    endpoint = compiled.endpoints["sales"]

    assert compiled.problems == ()
    assert names(endpoint)[:2] == ["lookup", "crm__create"]
    shown = endpoint.tools["lookup"]
    assert (shown.private, shown.definition["description"], shown.definition["title"]) == ("find", "D", "T")
    assert b'"lookup"' in endpoint.lists["tools/list"].modern[0]
    assert endpoint.tools["crm__create"].definition["title"] == "C"
    assert "title" not in compiled.endpoints[""].tools["crm__create"].definition


def test_a_name_that_breaks_the_grammar_is_not_taken() -> None:
    shown, problems = custom(ERP, servers=("erp",), tools={"erp/find": ToolChange(name="two words")})

    assert shown == ["find", "book"]
    assert "'two words' cannot be a tool's name, so it stays 'find'" in problems[0]


def test_an_unknown_or_disabled_server_of_an_endpoint_is_told() -> None:
    compiled = built(
        CRM,
        servers=(server("crm"), server("off", enabled=False)),
        endpoints={"sales": EndpointConfig(servers=("crm", "off", "typo"))},
    )

    assert names(compiled.endpoints["sales"])[0] == "find"
    assert [problem.split("`servers` names ")[1] for problem in compiled.problems] == [
        "'off', and no enabled server is called so.",
        "'typo', and no enabled server is called so.",
    ]


def test_an_endpoint_knows_of_which_servers_it_hides_nothing() -> None:
    compiled = built(
        CRM,
        ERP,
        servers=(server("crm", tools=("find",)), server("erp")),
        endpoints={"sales": EndpointConfig(exclude=("book",)), "desk": EndpointConfig(include=("*",))},
    )

    assert compiled.endpoints[""].whole == {"erp"}
    assert compiled.endpoints["sales"].whole == compiled.endpoints["desk"].whole == frozenset()


# ---- collisions


def test_a_collision_has_no_winner_and_names_both_and_the_remedy() -> None:
    shown, problems = custom(CRM, ERP, names="bare")

    assert shown == ["create", "export.all", "book"]
    assert " ".join(problems) == (
        "endpoint '/mcp/sales': the tools 'crm/find' and 'erp/find' would all be shown as 'find'. "
        "None of them is shown. "
        "Rename one of them under endpoints.sales.tools, or exclude it, or write `names: prefixed`."
    )


def test_a_collision_is_cured_by_a_rename_and_made_by_one() -> None:
    cured = custom(CRM, ERP, names="bare", tools={"erp/find": ToolChange(name="find_order")})
    made = custom(CRM, ERP, tools={"erp/find": ToolChange(name="crm__find")})

    assert cured == (["find", "create", "export.all", "find_order", "book"], ())
    assert made[0][0] == "crm__create"
    assert len(made[1]) == 1


def test_a_prefix_can_collide_with_a_longer_one_on_the_main_endpoint() -> None:
    compiled = built(offer("a", "b__c", "x"), offer("a__b", "c"))

    assert names(compiled.endpoints[""]) == ["a__x"]
    assert "'a/b__c' and 'a__b/c' would all be shown as 'a__b__c'" in compiled.problems[0]
    assert "Rename one of the servers" in compiled.problems[0]


def test_prompts_and_resources_collide_likewise() -> None:
    one = offer("a", prompts=(prompt("p"),), resources=(resource("https://x.example/"), resource("file:///1")))
    two = offer("b", prompts=(prompt("p"),), resources=(resource("https://x.example/"), resource("file:///1")))
    compiled = built(one, two, endpoints={"sales": EndpointConfig(names="bare")})
    endpoint = compiled.endpoints["sales"]

    assert endpoint.prompts == {}
    assert list(endpoint.owners) == ["gw+a:file:///1", "gw+b:file:///1"]
    assert [problem.split(": ", 1)[1].split(" would")[0] for problem in compiled.problems] == [
        "the resources 'a/https://x.example/' and 'b/https://x.example/'",
        "the prompts 'a/p' and 'b/p'",
        "the resources 'a/https://x.example/' and 'b/https://x.example/'",
    ]
    assert "`names: prefixed` under endpoints.sales" in compiled.problems[1]
    assert "on endpoints of their own" in compiled.problems[2]


def test_many_that_collide_are_told_in_one_sentence() -> None:
    offers = [offer(f"s{n}", "same") for n in range(8)]
    _, problems = custom(*offers, names="bare")

    assert "'s4/same' and 3 more would all be shown as 'same'" in problems[0]


def test_web_templates_of_two_servers_may_not_begin_alike() -> None:
    start = "https://x.example/"
    one = offer("a", resource_templates=(template(start + "{a}"), template(start + "{b}"), template("file:///{a}")))
    two = offer("b", resource_templates=(template(start + "b/{c}"), template("file:///{a}")))
    apart, clash = built(one, two), built(one, offer("b", resource_templates=(template(start + "{other}"),)))

    assert apart.problems == ()
    assert apart.endpoints[""].template_prefixes == ((start + "b/", "b"), (start, "a"))
    assert [value["uriTemplate"] for value in values(clash.endpoints[""], "resources/templates/list")] == [
        "gw+a:file:///{a}"
    ]
    assert len(clash.problems) == 1


# ---- what an endpoint says of itself


def test_capabilities_are_what_any_server_has() -> None:
    bare = offer("a", capabilities={"tools": {}})
    rich = offer(
        "b",
        capabilities={
            "prompts": {},
            "resources": {"subscribe": True},
            "completions": {},
            "logging": {},
            "experimental": {"x": {}},
        },
    )

    assert main(bare).capabilities == {"tools": {"listChanged": True}}
    assert main(bare, rich).capabilities == {
        "tools": {"listChanged": True},
        "prompts": {"listChanged": True},
        "resources": {"subscribe": True, "listChanged": True},
        "completions": {},
        "logging": {},
    }
    assert main(offer("a", capabilities={"resources": None})).capabilities["resources"]["subscribe"] is False
    assert main(bare, rich).server_capabilities == {"a": bare.capabilities, "b": rich.capabilities}
    assert main(bare, rich).server_revisions == {"a": "2026-07-28", "b": "2026-07-28"}


def test_a_server_still_unknown_may_have_everything() -> None:
    endpoint = compile_endpoints(house(offer("a")), {}).endpoints[""]

    assert endpoint.capabilities == {
        "tools": {"listChanged": True},
        "prompts": {"listChanged": True},
        "resources": {"subscribe": True, "listChanged": True},
        "completions": {},
        "logging": {},
    }


def test_instructions_of_one_server_are_quoted_and_of_several_are_blocks() -> None:
    crm, erp = offer("crm", instructions="Ask first."), offer("erp", instructions="E" * 5_000)

    assert main(crm).instructions == "Ask first."
    assert main(offer("crm")).instructions is None
    assert main(offer("crm"), offer("erp")).instructions is None
    both = main(crm, offer("none"), erp).instructions or ""
    assert both.startswith("[crm: names begin with crm__]\nAsk first.\n\n[erp: names begin with erp__]\nEEE")
    assert both.endswith("E […]")
    assert len(both) < 2_300


def test_the_operators_words_come_first_and_the_whole_is_bounded() -> None:
    offers = [offer(f"s{n}", instructions="x" * 5_000) for n in range(20)]
    servers = (server("s0", description="The first."), *(server(f"s{n}") for n in range(1, 20)))
    compiled = built(
        *offers,
        servers=servers,
        instructions="House rules.",
        endpoints={
            "own": EndpointConfig(servers=("s0",), instructions="Only these."),
            "two": EndpointConfig(names="bare"),
        },
    )

    whole = compiled.endpoints[""].instructions or ""
    assert whole.startswith("House rules.\n\n[s0: names begin with s0__]\nThe first.\nxxx")
    assert len(whole) == instructions_chars_max
    assert (compiled.endpoints["own"].instructions or "").startswith("Only these.\n\n[s0]\nThe first.\nxxx")
    assert (compiled.endpoints["two"].instructions or "").startswith("House rules.\n\n[s0]\n")


@pytest.mark.parametrize(
    ("offers", "ttl"),
    [
        ([], 30_000),
        ([offer("a")], 30_000),
        ([offer("a", ttl_ms=100_000), offer("b")], 30_000),
        ([offer("a", ttl_ms=7_000), offer("b", ttl_ms=9_000)], 7_000),
        ([offer("a", ttl_ms=0)], 0),
        ([offer("a", ttl_ms=-5)], 0),
        ([offer("a", degraded=True), offer("b")], 5_000),
        ([offer("a", ttl_ms=1_000), offer("b", degraded=True)], 1_000),
    ],
)
def test_lists_stay_fresh_as_long_as_the_least_part(offers: list[Offer], ttl: int) -> None:
    assert main(*offers).ttl_ms == ttl


def test_a_degraded_server_is_listed_and_named() -> None:
    endpoint = main(offer("crm", "find", degraded=True), offer("erp", "book"))

    assert names(endpoint) == ["crm__find", "erp__book"]
    assert endpoint.degraded == ("crm",)


# ---- compiled again


def test_what_did_not_change_is_the_very_same() -> None:
    own = {"sales": EndpointConfig(servers=("erp",)), "desk": EndpointConfig(servers=("crm",))}
    first = built(CRM, ERP, endpoints=own)
    heard_again = msgspec.json.decode(msgspec.json.encode(CRM), type=Offer)
    later = msgspec.structs.replace(heard_again, taken_at=5.0)
    changed = msgspec.structs.replace(CRM, tools=CRM.tools[:1])

    same = built(later, ERP, endpoints=own, previous=first)
    other = built(changed, ERP, endpoints=own, previous=first)

    assert all(same.endpoints[name] is first.endpoints[name] for name in first.endpoints)
    assert other.endpoints["sales"] is first.endpoints["sales"]
    assert names(other.endpoints["desk"]) == ["find"]
    assert names(other.endpoints[""]) == ["crm__find", "erp__find", "erp__book"]
    assert other.stocks["erp"] is first.stocks["erp"]


def test_a_server_that_writes_its_members_in_another_order_has_said_nothing_new() -> None:
    one = built(offer("crm", tool("find", title="T", description="D")))
    other = built(offer("crm", tool("find", description="D", title="T")), previous=one)

    assert one.endpoints[""].fingerprints == other.endpoints[""].fingerprints


@pytest.mark.parametrize(
    "more",
    [
        {"limits": Limits(description_chars_max=5)},
        {"instructions": "new"},
        {"name": "acme"},
        {"title": "Acme"},
        {"endpoints": {"sales": EndpointConfig(servers=("erp",), title="Sales")}},
        {"servers": (server("crm", exclude=("find",)), server("erp"))},
        {"servers": (server("crm", tools=("find",)), server("erp"))},
        {"endpoints": {"sales": EndpointConfig(servers=("erp",), exclude=("find",))}},
        {"servers": (server("crm"), server("erp"), server("CRM"))},
    ],
)
def test_every_change_is_seen(more: dict[str, Any]) -> None:
    own = {"endpoints": {"sales": EndpointConfig(servers=("erp",))}}
    first = built(CRM, ERP, **own)

    again, fresh = built(CRM, ERP, previous=first, **{**own, **more}), built(CRM, ERP, **{**own, **more})

    assert again.endpoints == fresh.endpoints
    assert again.problems == fresh.problems


@pytest.mark.parametrize("field", ["degraded", "instructions", "ttl_ms", "revision", "capabilities"])
def test_what_a_server_says_of_itself_is_seen_too(field: str) -> None:
    said: dict[str, Any] = {
        "degraded": True,
        "instructions": "new",
        "ttl_ms": 1,
        "revision": "2027-01-01",
        "capabilities": {"logging": {}},
    }
    first = built(CRM)
    changed = msgspec.structs.replace(CRM, **{field: said[field]})

    again = built(changed, previous=first)

    assert again.endpoints == built(changed).endpoints
    assert again.endpoints[""] is not first.endpoints[""]
    assert again.stocks["crm"] is first.stocks["crm"]


def test_an_endpoint_says_the_name_and_title_that_were_configured() -> None:
    said = built(CRM, endpoints={"sales": EndpointConfig(title="Sales")}, name="acme", title="Acme").endpoints

    assert said[""].server_info == {"name": "acme", "title": "Acme", "version": __version__}
    assert said["sales"].server_info == {"name": "acme", "title": "Sales", "version": __version__}
    assert main(CRM, name="acme").server_info == {"name": "acme", "version": __version__}
    assert main(CRM).server_info == {"name": "narthex", "title": "Narthex MCP gateway", "version": __version__}


def test_fingerprints_change_with_what_is_shown_and_only_then() -> None:
    one = main(CRM, ERP)
    same = main(offer("crm", "find", "create", "export.all"), ERP)
    other = main(offer("crm", "find", "create", tool("export.all", description="x")), ERP)
    moved = main(ERP, CRM)

    assert one.fingerprints == same.fingerprints
    for different in (other, moved):
        assert different.fingerprints["tools/list"] != one.fingerprints["tools/list"]
        assert different.fingerprints["prompts/list"] == one.fingerprints["prompts/list"]


def test_fifty_servers_with_forty_tools_compile_before_anybody_notices() -> None:
    properties = {f"p{n}": {"type": "string", "description": "a parameter", "enum": ["a", "b"]} for n in range(8)}
    schema = {"type": "object", "properties": properties, "required": ["p1"]}
    tools = [tool(f"t{n}", description="Does something useful. " * 8, inputSchema=schema) for n in range(40)]
    offers = {f"s{n}": offer(f"s{n}", *tools) for n in range(50)}
    config = Config(servers=tuple(ServerConfig(name=name, upstream="http://x") for name in offers))

    started = time.process_time()
    compiled = compile_endpoints(config, offers)
    first = time.process_time() - started
    started = time.process_time()
    again = compile_endpoints(config, {**offers, "s7": offer("s7", *tools, "new")}, compiled)
    second = time.process_time() - started

    assert len(again.endpoints[""].tools) == 2_001
    # Measured: about 70 ms and 8 ms of CPU; the bounds leave room for a slower machine.
    assert first < 0.3
    assert second < 0.1
