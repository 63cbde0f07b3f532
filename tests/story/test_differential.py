"""The same call direct and through the gateway, in every cell: every field is equal but for the declared mapping."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import far_offers as offers
import pytest
from story_cells import BACKS, FRONTS, STDIO_FRONTS, Fronts, direct
from story_clients import MODERN, Client
from story_hall import FarSide
from story_mapping import exact, expected, received, relocated, renamed, same, without_page

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]

VENDOR = {"org.example/from-client": {"huge": offers.HUGE, "odd": offers.ODD, "list": [None, offers.FINE]}}
ARGUMENTS: Tree = {
    "huge": offers.HUGE,
    "negative": -offers.HUGE,
    "fine": offers.FINE,
    "whole": 1.0,
    "nothing": None,
    "deep": offers.deep(50),
    offers.ODD: [offers.ODD, {}, [], ""],
}
SAID: list[tuple[str, Tree]] = [
    ("tools/list", {}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("prompts/list", {}),
    ("tools/call", {"name": "echo", "arguments": ARGUMENTS, "_meta": VENDOR}),
    ("tools/call", {"name": "echo", "arguments": {}, "x-unknown-param": ARGUMENTS}),
    ("tools/call", {"name": "echo"}),
    ("tools/call", {"name": "oddities", "arguments": {}}),
    ("tools/call", {"name": "error", "arguments": {}}),
    ("tools/call", {"name": "big", "arguments": {"bytes": 1_000_000}}),
    ("tools/call", {"name": "ask", "arguments": {"kinds": ["elicitation"]}}),
    *(("tools/call", {"name": "structured", "arguments": {"kind": kind}}) for kind in offers.STRUCTURED),
    *(
        ("tools/call", {"name": "structured", "arguments": {"kind": kind, "silent": True}})
        for kind in offers.STRUCTURED
    ),
    *(("resources/read", {"uri": uri}) for uri in [*offers.CONTENTS, "far://item/å 1?page=2"]),
    ("prompts/get", {"name": "greet", "arguments": {"who": offers.ODD}, "_meta": VENDOR}),
    ("prompts/get", {"name": "gallery"}),
    (
        "completion/complete",
        {
            "ref": {"type": "ref/prompt", "name": "greet", "x-ref": offers.HUGE},
            "argument": {"name": "who", "value": offers.ODD},
            "context": {"arguments": {"a": "b"}},
        },
    ),
    (
        "completion/complete",
        {
            "ref": {"type": "ref/resource", "uri": "far://item/{id}{?page}"},
            "argument": {"name": "id", "value": ""},
        },
    ),
]


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_every_result_is_the_direct_one_after_the_declared_mapping(
    far: FarSide, fronts: Fronts, opened: Opened, tmp_path: Path, front: str, back: str
) -> None:
    """Checklist 74, 88."""
    there = await opened(direct(far, back, tmp_path))
    here = await opened(fronts.client(front, back))
    for method, params in SAID:
        original, mapped = await there.call(method, params), await here.call(method, params)
        wanted = expected(method, without_page(original.result), here.revision)
        found = received(method, without_page(mapped.result), here.revision)

        assert exact(same(wanted, found)) == exact(found), (method, params.get("name"))


@pytest.mark.parametrize("front", ["modern", "2025-11-25", *STDIO_FRONTS])
async def test_on_an_endpoint_of_many_servers_only_names_and_uris_differ_more(
    far: FarSide, fronts: Fronts, opened: Opened, tmp_path: Path, front: str
) -> None:
    """Checklist 71, 72, 88: prefixes on names, on URIs of resources and of links, on nothing else."""
    here = await opened(fronts.client(front, ""))
    for back in BACKS:
        there = await opened(direct(far, back, tmp_path))
        for method, params in SAID:
            if method.endswith("/list") or params.get("uri", "").startswith("https:"):
                continue  # lists are everybody's; of a web page nobody can say here whose it is
            original, mapped = await there.call(method, params), await here.call(method, renamed(method, params, back))
            wanted = relocated(method, expected(method, original.result, here.revision), back)
            found = received(method, mapped.result, here.revision)

            assert exact(same(wanted, found)) == exact(found), (back, method, params.get("name"))


ERRORS: list[Tree] = [
    {"code": -32602, "message": offers.ODD, "data": {"huge": offers.HUGE, "nothing": None}},
    {"code": 1234, "data": [1, None]},
    {"code": -31_999, "data": "text"},
    {"code": -32603},
    {"code": 0, "data": False},
]


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_every_error_is_the_direct_one(
    far: FarSide, fronts: Fronts, opened: Opened, tmp_path: Path, front: str, back: str
) -> None:
    """Checklist 88; R15."""
    there = await opened(direct(far, back, tmp_path))
    here = await opened(fronts.client(front, back))
    for arguments in ERRORS:
        original, mapped = await there.tool("fail", arguments), await here.tool("fail", arguments)

        assert exact(mapped.error) == exact(original.error)
        assert mapped.status == 200 or front != MODERN


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_every_notification_of_a_call_is_the_direct_one(
    far: FarSide, fronts: Fronts, opened: Opened, tmp_path: Path, front: str, back: str
) -> None:
    """Checklist 21, 24, 88; R8, R9."""
    there = await opened(direct(far, back, tmp_path))
    here = await opened(fronts.client(front, back))
    for token in ("token ünï", 7):
        more = {"token": token}
        original = await there.tool("progress", {"steps": 4}, **more)
        mapped = await here.tool("progress", {"steps": 4}, **more)

        assert len(original.heard) == 4
        assert exact(mapped.heard) == exact(original.heard)
