"""Row R16 of the matrix: names and URIs of several servers on one endpoint, there and back."""

from collections.abc import Awaitable, Callable
from typing import Any

import far_offers as offers
import pytest
from story_cells import BACKS, Fronts
from story_clients import Client
from story_mapping import shown

Opened = Callable[..., Awaitable[Client]]


def uris(value: Any) -> list[str]:
    """Every URI of links and embedded resources, in order."""
    if isinstance(value, dict):
        own = [value["uri"]] if isinstance(value.get("uri"), str) else []
        return own + [uri for name, inner in value.items() if name != "structuredContent" for uri in uris(inner)]
    return [uri for inner in value for uri in uris(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("front", ["modern", "2025-11-25"])
@pytest.mark.parametrize("back", BACKS)
async def test_uris_carry_their_server_and_lead_back_to_it(
    fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 71."""
    client = await opened(fronts.client(front, ""))
    listed = {one["uri"] for one in (await client.call("resources/list")).result["resources"]}
    for uri, contents in offers.CONTENTS.items():
        public = shown(back, uri)
        if uri.startswith("https:"):
            assert public not in listed  # ten servers claim it: nobody can say whose it is, so nobody shows it
            continue
        assert public in listed
        read = (await client.call("resources/read", {"uri": public})).result["contents"]
        assert [one["uri"] for one in read] == [shown(back, one["uri"]) for one in contents]
    expanded = await client.call("resources/read", {"uri": f"gw+{back}:far://item/7"})
    assert expanded.result["contents"] == [{"uri": f"gw+{back}:far://item/7", "text": "item far://item/7"}]
    normalised = await client.call("resources/read", {"uri": f"gw+{back}:far://sm%C3%B6rg%C3%A5s/bord"})
    assert normalised.result["contents"][0]["text"] == "smörgås"


@pytest.mark.parametrize("back", BACKS)
async def test_links_in_answers_are_shown_and_everything_else_is_left_alone(
    fronts: Fronts, opened: Opened, back: str
) -> None:
    """Checklist 71."""
    client = await opened(fronts.client("modern", ""))
    result = (await client.tool(f"{back}__oddities")).result
    prompt = (await client.call("prompts/get", {"name": f"{back}__gallery"})).result

    assert uris(result["content"]) == [shown(back, uri) for uri in ("far://plain", "far://plain", "far://bytes")]
    assert uris(prompt["messages"]) == uris(result["content"])
    assert result["structuredContent"]["uri"] == "far://plain"


@pytest.mark.parametrize("back", BACKS)
async def test_completion_knows_the_servers_own_names(fronts: Fronts, opened: Opened, back: str) -> None:
    """Checklist 71; R7."""
    client = await opened(fronts.client("modern", ""))
    argument = {"name": "id", "value": "x"}
    refs = [
        {"type": "ref/prompt", "name": f"{back}__greet"},
        {"type": "ref/resource", "uri": f"gw+{back}:far://item/{{id}}{{?page}}"},
    ]
    values = [
        (await client.call("completion/complete", {"ref": ref, "argument": argument})).result["completion"]["values"]
        for ref in refs
    ]

    assert values[0][0] == '{"type": "ref/prompt", "name": "greet"}'
    assert values[1][0] == '{"type": "ref/resource", "uri": "far://item/{id}{?page}"}'


@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
async def test_what_is_not_there_is_one_clear_error(fronts: Fronts, opened: Opened, front: str) -> None:
    """Checklist 69."""
    client = await opened(fronts.client(front, ""))
    unknown = [
        ("tools/call", {"name": "echo"}),
        ("tools/call", {"name": "nobody__echo"}),
        ("prompts/get", {"name": "greet"}),
        ("resources/read", {"uri": "gw+nobody:far://plain"}),
        ("resources/read", {"uri": "far://plain"}),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "a", "value": ""}},
        ),
    ]
    for method, params in unknown:
        assert (await client.call(method, params)).error["code"] in (-32602, -32002)
