"""Scopes of single prompts, resources and templates: the same words as for tools, and one predicate for every way to
ask. A resource can be read without being listed, and its URI can be written in many ways: none of them goes around."""

import itertools
import time
from typing import Any

import msgspec
import pytest
from policy_makers import EVERYTHING, compiled, offer, rules, seen, server, texts, who

from narthex.catalog.guards import Template
from narthex.catalog.spellings import spellings
from narthex.limits import guarded_templates_max
from narthex.model.call import Permit
from narthex.model.config import EndpointConfig
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.policy import chain
from narthex.relay.resolve import resolve
from narthex.relay.sight import sight
from narthex.relay.trial import readable, trial
from narthex.wire.faults import PeerFault

DECLARED = "dev.narthex/required_scopes"


def prompt(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def resource(uri: str, **more: Any) -> dict[str, Any]:
    return {"uri": uri, "name": uri, **more}


def template(text: str, **more: Any) -> dict[str, Any]:
    return {"uriTemplate": text, "name": text, **more}


def shelf(*, prompts: Any = (), resources: Any = (), templates: Any = (), name: str = "files") -> Any:
    """An offer of these."""
    lists = {"prompts": texts(*prompts), "resources": texts(*resources), "resource_templates": texts(*templates)}
    return offer(name, "list_files", **lists)


FILES = shelf(
    prompts=[prompt("report"), prompt("secret_report")],
    resources=[resource("file:///open/a"), resource("file:///secret/a"), resource("memo://one")],
    templates=[template("file:///{path}"), template("note://{id}")],
)


def house(*, default: Any = "allow", offers: Any = (FILES,), desk: EndpointConfig | None = None, **more: Any) -> Any:
    made = compiled(server("files", **more), offers=offers, authentication=rules(default=default), desk=desk or DESK)
    return made.endpoints["desk"]


DESK = EndpointConfig()


def asks(endpoint: Endpoint, principal: Principal, method: str, params: dict[str, Any]) -> str:
    """What becomes of a call: `yes`, the reason of the refusal, or `unknown`."""
    call = trial(endpoint, principal, method, params)
    try:
        resolve(call)
    except PeerFault:
        return "unknown"
    found = chain.request(call)
    return "yes" if isinstance(found, Permit) else found.reason


def reads(endpoint: Endpoint, principal: Principal, uri: str) -> str:
    """The same for a URI, by every way to ask for it: all must say the same."""
    found = {asks(endpoint, principal, method, {"uri": uri}) for method in ("resources/read", "resources/subscribe")}
    found.add(asks(endpoint, principal, "completion/complete", {"ref": {"type": "ref/resource", "uri": uri}}))
    (one,) = found
    assert readable(endpoint, principal, uri) == (one == "yes")
    return one


# ---- the operator's words


def test_a_single_prompt_requires_what_its_lines_say() -> None:
    desk = EndpointConfig(prompt_scopes={"files/*": ("d",)})
    endpoint = house(required_scopes=("s",), prompt_scopes={"secret_*": ("p",)}, desk=desk)

    assert {name: one.needs for name, one in endpoint.prompts.items()} == {
        "report": {"s", "d"},
        "secret_report": {"s", "d", "p"},
    }
    assert seen(endpoint, who("s", "d"), "prompts/list") == ["report"]
    assert list(sight(endpoint, who("s", "d")).names("prompts/list")) == ["report"]
    for principal, expected in ((who("s", "d"), "insufficient_scope"), (who("s", "d", "p"), "yes")):
        ref = {"type": "ref/prompt", "name": "secret_report"}
        assert asks(endpoint, principal, "prompts/get", {"name": "secret_report"}) == expected
        assert asks(endpoint, principal, "completion/complete", {"ref": ref}) == expected
    assert reads(endpoint, who("s"), "file:///open/a") == "yes"


def test_a_single_resource_requires_what_its_lines_say() -> None:
    desk = EndpointConfig(resource_scopes={"files/memo://*": ("m",)})
    endpoint = house(resource_scopes={"file:///secret/*": ("f",)}, desk=desk)

    assert seen(endpoint, who(), "resources/list") == ["file:///open/a"]
    assert seen(endpoint, who("f"), "resources/list") == ["file:///open/a", "file:///secret/a"]
    assert seen(endpoint, who("m"), "resources/list") == ["file:///open/a", "memo://one"]
    assert reads(endpoint, who(), "file:///secret/a") == "insufficient_scope"
    assert reads(endpoint, who("f"), "file:///secret/a") == "yes"
    assert reads(endpoint, who("f"), "memo://one") == "insufficient_scope"


def test_what_is_not_listed_is_protected_too() -> None:
    endpoint = house(resource_scopes={"file:///secret/*": ("f",), "note://7": ("n",)})

    assert reads(endpoint, who(), "file:///secret/never/listed") == "insufficient_scope"
    assert reads(endpoint, who(), "note://7") == "insufficient_scope"
    assert reads(endpoint, who(), "note://8") == "yes"


SPELLINGS = [
    "FILE:///secret/a",
    "file:///SECRET/a",
    "file:/secret/a",
    "file://localhost/secret/a",
    "file:////secret/a",
    "file:///./secret/a",
    "file:///open/../secret/a",
    "file:///open/%2e%2e/secret/a",
    "file:///open/%252e%252e/secret/a",
    "file:///secret%2Fa",
    "file:///%73ecret/a",
    "file:///open\\..\\secret\\a",
    "file:///open%5C..%5Csecret%5Ca",
    "file:///secret/a?x=1",
    "file:///secret/a#top",
    "file:///secret/a/",
    "file:///secret/a%00.png",
    "file:///open%3F/../secret/a",
    "file:///open%23/../secret/a",
    "file:///open?/../../secret/a",
    "file:///open%00/../secret/a",
    "file:///open\\x/../secret/a",
    "file:///open%5Cx/../secret/a",
    "file://elsewhere/secret/a",
    "file://u@localhost:80/secret/a",
    " file:///secret/a ",
    "fi\tle:///sec\nret/a",
    "%66ile:///secret/a",
]


@pytest.mark.parametrize("pattern", ["file:///secret/*", "file:///secret/a", "file:///secret/?", "*/secret/*"])
@pytest.mark.parametrize("uri", SPELLINGS)
def test_no_way_to_write_a_uri_goes_around_a_line(pattern: str, uri: str) -> None:
    assert reads(house(resource_scopes={pattern: ("f",)}), who(), uri) == "insufficient_scope"
    assert reads(house(desk=EndpointConfig(resource_scopes={pattern: ("f",)})), who(), uri) == "insufficient_scope"


@pytest.mark.parametrize(
    "uri",
    ["HTTPS://Web.Example/secret/a", "https://web.example:443/secret/a", "https://u:p@web.example./secret/a?b#c"],
)
def test_nor_does_a_way_to_write_a_host(uri: str) -> None:
    assert reads(house(resource_scopes={"https://web.example/secret/*": ("f",)}), who(), uri) == "insufficient_scope"


@pytest.mark.parametrize("pattern", ["file:///my plans/*", "file:///my%20plans/*", "file:///my%20plans/a"])
@pytest.mark.parametrize("uri", ["file:///my plans/a", "file:///my%20plans/a", "file:///%6dy%20plans/./a"])
def test_nor_does_a_way_to_write_a_line(pattern: str, uri: str) -> None:
    assert reads(house(resource_scopes={pattern: ("f",)}), who(), uri) == "insufficient_scope"


@pytest.mark.parametrize("uri", SPELLINGS)
def test_a_line_opens_only_what_cannot_be_anything_else(uri: str) -> None:
    """`default: deny`: what a server might read as something else stays shut."""
    opened = uri.replace("secret", "hidden")
    endpoint = house(default="deny", resource_scopes={"file:///open/*": (), "file:///hidden/b": ()})

    assert reads(endpoint, who(), "file:///open/a") == "yes"
    assert reads(endpoint, who(), "file:///open/b/c?d") == "yes"
    assert reads(endpoint, who(), "file:///hidden/b") == "yes"
    assert reads(endpoint, who(), opened) == "unknown"
    assert seen(endpoint, who(), "resources/list") == ["file:///open/a"]
    assert seen(endpoint, who(), "prompts/list") == []


def test_silence_is_broken_for_single_prompts_and_templates_too() -> None:
    endpoint = house(default="deny", prompt_scopes={"report": ()}, resource_scopes={"note://*": ("n",)})

    assert seen(endpoint, who(), "prompts/list") == ["report"]
    assert seen(endpoint, who("n"), "resources/templates/list") == ["note://{id}"]
    assert reads(endpoint, who("n"), "note://5") == "yes"
    assert reads(endpoint, who("n"), "memo://one") == "unknown"
    assert sight(endpoint, who()).knows("files")


def test_a_line_that_meets_a_template_holds_for_all_that_is_made_of_it() -> None:
    endpoint = house(resource_scopes={"*://[{]id}": ("n",)})

    assert seen(endpoint, who(), "resources/templates/list") == ["file:///{path}"]
    assert reads(endpoint, who(), "note://{id}") == "insufficient_scope"
    assert reads(endpoint, who(), "note://5") == "insufficient_scope"
    assert reads(endpoint, who(), "note://") == "insufficient_scope"
    assert reads(endpoint, who(), "memo://5") == "yes"


# ---- what servers declare


def declares(*scopes: Any) -> dict[str, Any]:
    return {"_meta": {DECLARED: list(scopes), "org.example/kept": 1}}


DECLARING = shelf(
    prompts=[prompt("report", **declares("p")), prompt("plain")],
    resources=[resource("memo://one", **declares("r")), resource("memo://two")],
    templates=[template("note://{id}", **declares("t")), template("memo://{id}")],
)


def test_a_declaration_counts_for_prompts_resources_and_templates_where_it_is_accepted() -> None:
    ignoring = house(offers=(DECLARING,), required_scopes=("s",))
    accepting = house(offers=(DECLARING,), required_scopes=("s",), declared_scopes="accept")

    for method in ("prompts/list", "resources/list", "resources/templates/list"):
        assert len(seen(ignoring, who("s"), method)) == 2
        assert len(seen(accepting, who("s"), method)) == 1
        assert len(seen(accepting, who("s", *"prt"), method)) == 2
        shown = [msgspec.json.decode(text) for text in accepting.lists[method].modern]
        assert [one["_meta"] for one in shown if "_meta" in one] == [{"org.example/kept": 1}]
    assert asks(accepting, who("s"), "prompts/get", {"name": "report"}) == "insufficient_scope"
    assert reads(accepting, who("s"), "memo://one") == "insufficient_scope"
    assert reads(accepting, who("s"), "MEMO://one/") == "insufficient_scope"
    assert reads(accepting, who("s"), "note://5") == "insufficient_scope"
    assert reads(accepting, who("s", "t"), "note://5") == "yes"
    assert reads(accepting, who("s"), "memo://two") == "yes"
    assert asks(accepting, who("p"), "prompts/get", {"name": "report"}) == "insufficient_scope"


def test_a_declaration_opens_nothing() -> None:
    endpoint = house(offers=(DECLARING,), declared_scopes="accept", default="deny")

    for method in ("prompts/list", "resources/list", "resources/templates/list"):
        assert seen(endpoint, who(*"prt"), method) == []
    assert reads(endpoint, who(*"prt"), "memo://one") == "unknown"


@pytest.mark.parametrize("broken", ["x", [1], [""], ["a b"], [f"s{n}" for n in range(33)]])
def test_a_declaration_that_cannot_be_read_shuts(broken: Any) -> None:
    """What is left out of a list of resources could be read all the same: so it is for nobody."""
    bad = {"_meta": {DECLARED: broken}}
    offered = shelf(
        prompts=[prompt("report", **bad), prompt("plain")],
        resources=[resource("memo://one", **bad), resource("memo://two")],
        templates=[template("note://{id}", **bad)],
    )
    made = compiled(server("files", declared_scopes="accept"), offers=(offered,))
    endpoint, eve = made.endpoints[""], who("x", "", "a b")

    assert seen(endpoint, eve, "prompts/list") == ["plain"]
    assert seen(endpoint, eve, "resources/list") == ["memo://two"]
    assert seen(endpoint, eve, "resources/templates/list") == []
    assert [reads(endpoint, eve, uri) for uri in ("memo://one", "note://5", "memo://two")] == [
        "unknown",
        "unknown",
        "yes",
    ]
    assert [f"'{DECLARED}'" in problem for problem in made.problems] == [True] * 3


def test_templates_beyond_the_limit_shut_more_and_never_less() -> None:
    count = guarded_templates_max + 2
    many = shelf(templates=[template(f"note{number}://{{id}}", **declares(f"t{number}")) for number in range(count)])
    endpoint = house(offers=(many,), declared_scopes="accept")
    beyond = {f"t{number}" for number in range(guarded_templates_max, count)}

    assert endpoint.reach["files"].needs_of("note3://5") == {"t3", *beyond}
    assert endpoint.reach["files"].needs_of("other://5") == beyond


@pytest.mark.parametrize(
    ("text", "uri", "holds"),
    [
        ("note://{id}", "note://5", True),
        ("note://{id}", "note://", True),
        ("note://{id}", "notes://5", False),
        ("a://{x}/b{?q,r}", "a://1/b?q=2", True),
        ("a://{x}/b{?q,r}", "a://1/b", True),
        ("a://{x}/b/{y}/c", "a://1/b/2/c", True),
        ("a://{x}/b/{y}/c", "a://1/b/c", False),
        ("a://{x}b", "a://b", True),
        ("ab{x}ba", "aba", False),
        ("{+all}", "any://thing", True),
        ("a://plain", "a://plain", True),
        ("a://plain", "a://plainer", False),
        ("a://b%20c/{x}", "a://b c/1", True),
    ],
)
def test_what_is_made_of_a_template(text: str, uri: str, holds: bool) -> None:
    offered = shelf(templates=[template(text, **declares("t"))])
    endpoint = house(offers=(offered,), declared_scopes="accept")

    assert ("t" in endpoint.reach["files"].needs_of(uri)) == holds


def test_a_server_cannot_make_reads_slow() -> None:
    """The most templates, each with as many expressions as fit, and a URI made to fit nearly."""
    literals = ("a", *("a" for _ in range(1_300)), "b")
    one = Template((literals,), ())
    begun = time.process_time()
    for _ in range(guarded_templates_max):
        assert not one.holds(spellings("a" * 4_000))
    assert time.process_time() - begun < 0.5


def test_what_can_be_read_in_too_many_ways_requires_everything_and_costs_little() -> None:
    """A caller chooses the URI: at most 4,096 signs, and none of them leads around a line, or takes long."""
    shut = house(resource_scopes={"file:///secret/*": ("f",), "note://*": ("n",)})
    opened = house(default="deny", resource_scopes={"*": ()})
    for unit in ("\\\\..%2523?\0/", "%25%2e/", "a@b:1/../%5c#%3f"):
        uri = ("odd://h/" + unit * 400)[:4_000]
        begun = time.process_time()
        needed = shut.reach["files"].needs_of(uri)
        assert time.process_time() - begun < 0.05
        assert needed in ({"f", "n"}, set())
        assert (reads(opened, who(), uri) == "unknown") == (needed == {"f", "n"})
    assert shut.reach["files"].needs_of("odd://h\\..%2523?\0/b%5c#%3f/../@x:1") == {"f", "n"}


# ---- one predicate, everywhere


CALLERS = list(itertools.chain.from_iterable(itertools.combinations(("s", "p", "f", "n"), size) for size in range(5)))


@pytest.mark.parametrize("scopes", CALLERS)
def test_what_is_listed_can_be_had_and_what_is_hidden_cannot(scopes: tuple[str, ...]) -> None:
    endpoint, ana = (
        house(
            required_scopes=("s",),
            prompt_scopes={"secret_*": ("p",)},
            resource_scopes={"file:///secret/*": ("f",), "note://*": ("n",)},
        ),
        who(*scopes),
    )

    for name in endpoint.prompts:
        listed = name in seen(endpoint, ana, "prompts/list")
        assert (asks(endpoint, ana, "prompts/get", {"name": name}) == "yes") == listed
    for method in ("resources/list", "resources/templates/list"):
        for key in ("file:///open/a", "file:///secret/a", "memo://one", "file:///{path}", "note://{id}"):
            if key in seen(endpoint, who(*"spfn"), method):
                assert (reads(endpoint, ana, key) == "yes") == (key in seen(endpoint, ana, method))
    assert (reads(endpoint, ana, "note://9") == "yes") == (
        "note://{id}" in seen(endpoint, ana, "resources/templates/list")
    )


def test_whoever_misses_one_prompt_or_resource_does_not_see_the_whole_server() -> None:
    """News that a server announces go to those from whom nothing of it is hidden."""
    with_prompt = house(prompt_scopes={"secret_*": ("p",)})
    with_resource = house(resource_scopes={"never://listed": ("p",)})

    for endpoint in (with_prompt, with_resource):
        assert not sight(endpoint, who()).has_whole("files")
        assert sight(endpoint, who("p")).has_whole("files")


def test_two_servers_keep_their_own_lines() -> None:
    other = shelf(name="other", resources=[resource("file:///secret/a")])
    files = server("files", resource_scopes={"file:///secret/*": ("f",)})
    desk = EndpointConfig(resource_scopes={"other/file:///secret/a": ("o",)})
    made = compiled(files, server("other"), offers=(FILES, other), desk=desk)
    endpoint = made.endpoints["desk"]

    assert made.problems == ()
    assert reads(endpoint, who("f"), "gw+files:file:///secret/a") == "yes"
    assert reads(endpoint, who("f"), "gw+other:file:///secret/a") == "insufficient_scope"
    assert reads(endpoint, who("o"), "gw+other:file:///secret/a") == "yes"
    assert reads(endpoint, who("o"), "gw+files:file:///secret/a") == "insufficient_scope"
    assert reads(made.endpoints[""], who(), "gw+other:file:///secret/a") == "yes"


def test_a_misspelt_line_is_told() -> None:
    desk = EndpointConfig(prompt_scopes={"files/reprot": ("x",)}, resource_scopes={"files/memo://tow": ("x",)})
    files = server("files", prompt_scopes={"secrt": ("x",)}, resource_scopes={"file:///sceret/*": ("x",)})

    assert compiled(files, offers=(FILES,), desk=desk).problems == (
        "server 'files': `prompt_scopes` names 'secrt', and the server offers no such prompt.",
        (
            "server 'files': `resource_scopes` names 'file:///sceret/*', and the server lists no such resource. "
            "It holds for whoever reads one all the same."
        ),
        (
            "endpoint '/mcp/desk': `prompt_scopes` names 'files/reprot', and no prompt here is called so: "
            "it protects nothing."
        ),
        (
            "endpoint '/mcp/desk': `resource_scopes` names 'files/memo://tow', and nothing that is listed here is "
            "called so."
        ),
    )


def test_without_single_lines_nothing_costs_more() -> None:
    endpoint = house(required_scopes=("s",))

    assert endpoint.reach["files"].guard is None
    assert endpoint.reach["files"].needs_of("file:///secret/a") is endpoint.reach["files"].rest
    assert EVERYTHING["resources"] == {"subscribe": True}


def test_a_read_is_judged_in_no_time() -> None:
    many = shelf(resources=[resource(f"file:///{number}", **declares("r")) for number in range(5_000)])
    begun = time.process_time()
    endpoint = house(offers=(many,), declared_scopes="accept", resource_scopes={f"x{n}://*": ("x",) for n in range(20)})
    assert time.process_time() - begun < 5.0

    begun = time.process_time()
    for number in range(100):
        assert endpoint.reach["files"].needs_of(f"file:///{number}") == {"r"}
    assert (time.process_time() - begun) / 100 < 0.001
