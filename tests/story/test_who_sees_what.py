"""Ana sees eight tools, bo sees three, and bo's agent asks for a fourth and is told which scope it lacks.

A gateway in a process of its own, callers with API keys, clients of every era: what is hidden cannot be called, what is
listed can, and a changed right shows at once.
"""

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from story_cells import flat, pages
from story_clients import Client, ModernHttp
from story_hall import FarSide, until
from story_http import SECONDS_MAX, send
from story_rights import CALLERS, EIGHT, FRONTS, SERVERS, TOOLS, House, narthex

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
REFUSAL = "dev.narthex/refusal"
CHANGED = "notifications/tools/list_changed"
UPDATED = "notifications/resources/updated"


@pytest.fixture(scope="module")
def shared(far: FarSide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For stories that change nothing."""
    yield from _house(far, tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(far: FarSide, tmp_path: Path) -> Iterator[House]:
    yield from _house(far, tmp_path)


def _house(far: FarSide, home: Path) -> Iterator[House]:
    found = House(far, home)
    yield found
    faults = found.hall.faults()
    found.hall.leave()
    assert faults == []


# ---- the story


@pytest.mark.parametrize("front", FRONTS)
async def test_ana_sees_eight_tools_and_bo_three_and_bo_is_told_which_scope_a_fourth_needs(
    shared: House, opened: Opened, front: str
) -> None:
    ana, bo = await opened(shared.client(front, "ana")), await opened(shared.client(front, "bo"))

    assert flat(await pages(ana, "tools/list", "tools")) == EIGHT
    assert flat(await pages(bo, "tools/list", "tools")) == EIGHT[:3]

    refused = await bo.tool("jira__big", {"bytes": 10})
    assert refused.status == 200
    assert refused.result["isError"] is True
    assert refused.text == (
        "Permission denied: 'jira__big' requires the scope 'jira:write'; this session has 'jira:read' and 'mcp:tools'."
    )
    assert refused.result["_meta"][REFUSAL] == {
        "reason": "insufficient_scope",
        "required_scopes": ["jira:read", "jira:write", "mcp:tools"],
        "granted_scopes": ["jira:read", "mcp:tools"],
    }
    assert "isError" not in (await ana.tool("jira__big", {"bytes": 10})).result


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("front", FRONTS)
async def test_what_is_listed_can_be_called_and_what_is_hidden_cannot(
    shared: House, opened: Opened, front: str, who: str
) -> None:
    """Every kind of thing, every caller, every kind of client."""
    client, servers = await opened(shared.client(front, who)), SERVERS[who]
    tools = flat(await pages(client, "tools/list", "tools"))
    prompts = flat(await pages(client, "prompts/list", "prompts"))
    listed = (await client.call("resources/list")).result["resources"]
    uris = [one["uri"] for one in listed]
    templates = [
        one["uriTemplate"] for one in (await client.call("resources/templates/list")).result["resourceTemplates"]
    ]

    assert tools == TOOLS[who]
    for tool in EIGHT:
        allowed = await may(client, "tools/call", name=tool, arguments={"bytes": 10, "kind": "text"})
        assert allowed == (tool in tools), tool
    for server in ("jira", "db"):
        greet, plain = f"{server}__greet", f"gw+{server}:far://plain"
        asked = {"argument": {"name": "who", "value": "a"}}
        prompt, place = {"type": "ref/prompt", "name": greet}, {"type": "ref/resource", "uri": plain}
        sees = server in servers
        assert (greet in prompts, plain in uris) == (sees, sees)
        assert (f"gw+{server}:far://item/{{id}}{{?page}}" in templates) == sees
        assert await may(client, "prompts/get", name=greet, arguments={"who": "a"}) == sees
        assert await may(client, "completion/complete", ref=prompt, **asked) == sees
        assert await may(client, "completion/complete", ref=place, **asked) == sees
        assert await may(client, "resources/read", uri=plain) == sees
        assert await may(client, "resources/read", uri=f"gw+{server}:far://item/7") == sees
        assert await subscribes(client, plain) == sees


async def may(client: Client, method: str, **params: Any) -> bool:
    """Whether the server was asked: a refusal of the gateway names its reason, or is the one of unknown things."""
    message = (await client.call(method, params)).message
    assert message is not None
    if "result" in message:
        return REFUSAL not in message["result"].get("_meta", {})
    reason = (message["error"].get("data") or {}).get("reason", "")
    return reason != "insufficient_scope" and not reason.startswith("unknown_")


async def subscribes(client: Client, uri: str) -> bool:
    if isinstance(client, ModernHttp):
        listening = await client.listen(resourceSubscriptions=[uri])
        honoured = listening.heard[0]["params"]["notifications"].get("resourceSubscriptions", [])
        await listening.leave()
        return bool(honoured)
    return await may(client, "resources/subscribe", uri=uri)


@pytest.mark.parametrize("front", FRONTS)
async def test_a_concealed_server_does_not_exist_for_whoever_lacks_its_scopes(
    shared: House, opened: Opened, front: str
) -> None:
    bo = await opened(shared.client(front, "bo"))
    hidden = (await bo.tool("db__echo")).error
    unknown = (await bo.tool("dc__echo")).error

    assert hidden["message"].replace("db__", "dc__") == unknown["message"]
    assert {**hidden, "message": ""} == {**unknown, "message": ""}


@pytest.mark.parametrize("front", FRONTS)
async def test_nothing_that_is_said_of_the_house_names_what_is_hidden(
    shared: House, opened: Opened, front: str
) -> None:
    ana, cy = await opened(shared.client(front, "ana")), await opened(shared.client(front, "cy"))

    assert "[jira" in json.dumps(await greeting(ana))
    assert "jira" not in json.dumps(await greeting(cy))


async def greeting(client: Client) -> Tree:
    if isinstance(client, ModernHttp):
        return (await client.call("server/discover")).result
    return dict(getattr(client, "initialized", {}))


async def test_a_page_of_one_caller_is_no_page_of_another(shared: House, opened: Opened) -> None:
    ana, bo = await opened(shared.client("modern", "ana")), await opened(shared.client("modern", "bo"))
    first = (await ana.call("tools/list")).result

    assert first["cacheScope"] == "private"
    assert (await bo.call("tools/list", {"cursor": "x"})).error["code"] == -32602


async def test_without_a_credential_there_is_nothing_to_see(shared: House) -> None:
    for place in (shared.hall.endpoint(), shared.hall.old()):
        reply = await send("GET", place, {"Accept": "text/event-stream"})
        assert reply.status == 401
        await reply.close()


def test_one_connection_is_asked_anew_for_every_call(shared: House) -> None:
    """Usual calls on an open connection, whose head and caller are remembered: no right is remembered with them."""
    place = urlsplit(shared.hall.endpoint())
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=SECONDS_MAX)
    client, heard = ModernHttp(""), []
    for who in ("ana", "bo", "bo", "ana", "cy", "ana"):
        message = client.body(1, "tools/call", {"name": "jira__big", "arguments": {"bytes": 9}})
        headers = client.headers(message, {"Authorization": f"Bearer {shared.keys[who]}"})
        connection.request("POST", place.path, json.dumps(message), {**headers, "Content-Type": "application/json"})
        heard.append("isError" not in json.loads(connection.getresponse().read())["result"])
    connection.close()

    assert heard == [True, False, False, True, False, True]


# ---- why


def test_an_operator_is_told_who_decides_and_why(shared: House) -> None:
    prefix = shared.keys["bo"].rsplit("_", 1)[0]
    answer = shared.ask("/api/explain", {"key": prefix, "tool": "jira__big"})
    done = narthex(shared.home, "explain", "--admin", shared.hall.admin, "--key", prefix, "--tool", "jira__big")
    same = narthex(
        shared.home,
        "explain",
        "--admin",
        shared.hall.admin,
        "--scopes",
        "mcp:tools,jira:read,jira:write",
        "--tool",
        "jira__big",
        "--args",
        '{"bytes": 1}',
        "--json",
    )

    assert (answer["allowed"], answer["decided_by"], answer["caller"]["subject"]) == (False, "scopes", "bo")
    assert done.returncode == 1
    assert "denied by 'scopes'" in done.stdout
    assert "jira:write  servers.jira.scopes['big']" in done.stdout
    assert "It lacks:       jira:write" in done.stdout
    assert same.returncode == 0
    assert json.loads(same.stdout)["allowed"] is True
    assert shared.keys["bo"] not in done.stdout + json.dumps(answer)


# ---- a changed right


@pytest.mark.parametrize("front", FRONTS)
async def test_a_changed_right_shows_in_calls_and_lists_at_once(house: House, opened: Opened, front: str) -> None:
    """The client, its session and its connection stay; what they may changes."""
    bo = await opened(house.client(front, "bo"))
    assert not await may(bo, "tools/call", name="jira__big", arguments={"bytes": 1})
    await house.change(scopes={"echo": ["jira:admin"]})

    assert await may(bo, "tools/call", name="jira__big", arguments={"bytes": 1})
    assert not await may(bo, "tools/call", name="jira__echo", arguments={})
    assert flat(await pages(bo, "tools/list", "tools")) == [
        f"jira__{n}" for n in ("oddities", "structured", "big", "error")
    ]


async def test_only_what_one_may_see_is_announced(house: House, opened: Opened) -> None:
    ana, bo = await opened(house.client("modern", "ana")), await opened(house.client("modern", "bo"))
    first, second = await ana.listen(toolsListChanged=True), await bo.listen(toolsListChanged=True)  # type: ignore[attr-defined]
    await house.change(tools=["echo", "oddities", "structured", "big"], scopes={"big": ["jira:write"]})
    await first.until(lambda: CHANGED in first.methods())
    assert CHANGED not in second.methods()

    await house.change(tools=["echo", "big"], scopes={"big": ["jira:write"]})
    await second.until(lambda: CHANGED in second.methods())


async def test_a_stream_ends_when_what_it_was_promised_is_not_for_its_client_any_more(
    house: House, opened: Opened
) -> None:
    bo = await opened(house.client("modern", "bo"))
    listening = await bo.listen(resourceSubscriptions=["gw+jira:far://plain"])  # type: ignore[attr-defined]
    await house.change(required_scopes=["jira:admin"])
    await listening.answer()

    assert listening.result["resultType"] == "complete"
    again = await bo.listen(resourceSubscriptions=["gw+jira:far://plain"])  # type: ignore[attr-defined]
    assert again.heard[0]["params"]["notifications"] == {}
    await again.leave()


async def test_a_stream_ends_when_its_client_may_have_lost_what_other_scopes_implied(
    house: House, opened: Opened
) -> None:
    bo = await opened(house.client("modern", "bo"))
    listening = await bo.listen(resourceSubscriptions=["gw+jira:far://plain"])  # type: ignore[attr-defined]
    changed = house.config()
    changed["authentication"]["scopes"] = {"implies": {"jira:admin": ["jira:read"]}}
    house.hall.write(changed)
    await listening.answer()

    assert listening.result["resultType"] == "complete"


async def test_a_session_hears_of_a_resource_only_while_it_may_have_it(house: House, opened: Opened) -> None:
    """The subscription stays; what it tells follows the right."""
    bo: Any = await opened(house.client("2025-11-25", "bo"))
    await bo.stream()
    assert (await bo.call("resources/subscribe", {"uri": "gw+jira:far://plain"})).result == {}
    told = {"do": "tell", "method": UPDATED, "params": {"uri": "far://plain"}}
    await house.change(required_scopes=["jira:admin"])
    await asyncio.to_thread(house.far.control, "november", **told)
    await house.change()
    await asyncio.to_thread(house.far.control, "november", **told)
    await bo.until(lambda: UPDATED in [one["method"] for one in bo.news])

    assert [one["method"] for one in bo.news].count(UPDATED) == 1


async def test_another_rule_leaves_the_server_itself_alone(house: House, opened: Opened) -> None:
    """Who may do what with a server is no reason to greet it again."""
    ana = await opened(house.client("modern", "ana"))
    await ana.tool("jira__echo", {})
    before = house.far.control("november")["initialized"]
    await house.change(scopes={"big": ["jira:admin"]})

    assert await may(ana, "tools/call", name="jira__echo", arguments={})
    assert house.far.control("november")["initialized"] == before


# ---- rules of the operator


async def test_rules_on_arguments_are_kept_by_a_running_gateway(house: House, opened: Opened) -> None:
    rules = house.home / "rules.cedar"
    rules.write_text(
        "permit(principal, action, resource);"
        '@message("At most a hundred bytes.") forbid(principal, action, resource == Tool::"jira/big")'
        " when { context.arguments.bytes > 100 };"
        'forbid(principal, action, resource == Tool::"jira/error") unless { principal.subject == "bo" };'
    )
    changed = house.config()
    changed["authentication"]["policies"] = str(rules)
    ana = await opened(house.client("modern", "ana"))
    assert flat(await pages(ana, "tools/list", "tools")) == EIGHT  # all are known: nothing else moves the serial
    serial = house.serial()
    house.hall.write(changed)
    await asyncio.to_thread(until, lambda: house.serial() > serial)
    allowed, refused = await ana.tool("jira__big", {"bytes": 5}), await ana.tool("jira__big", {"bytes": 500})

    assert "isError" not in allowed.result
    assert refused.text == "Permission denied: 'jira__big': At most a hundred bytes."
    assert flat(await pages(ana, "tools/list", "tools")) == [name for name in EIGHT if name != "jira__error"]

    serial = house.serial()
    rules.write_text("permit(principal, action, resource);")
    await asyncio.to_thread(until, lambda: house.serial() > serial)
    assert flat(await pages(ana, "tools/list", "tools")) == EIGHT
