"""Servers with a bad list each, behind one gateway: the good items are shown, the bad ones told, nobody is harmed."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from catalogue_lists import ROWS, Listed
from hostile_client import Client, outcome_of
from hostile_peer import Asked, Hostile, Peer, Script, hostile, modern
from real_gateway import Gateway, gateway
from recording_upstream import recording

LISTED_SECONDS_MAX = 40.0


def named(row: Listed) -> str:
    """A server's name: at most 32 signs."""
    return row.id[:32]


def paged(row: Listed, port: bytes) -> Script:
    def on_list(peer: Peer, asked: Asked) -> None:
        cursor = (asked.message.get("params") or {}).get("cursor")
        body = row.page(cursor).replace(b"@PORT@", port)
        peer.body(b'{"jsonrpc":"2.0","id":' + asked.id + b',"result":' + body + b"}")

    def on_call(peer: Peer, asked: Asked) -> None:
        peer.result(asked, {"resultType": "complete", "content": []})

    return modern(on_call, on_list=on_list)


class Hall:
    """The gateway, and what its client and its operator saw once every server had been asked."""

    def __init__(self, running: Gateway, canary: Hostile) -> None:
        self.gateway, self.canary = running, canary
        self.client = Client(running, path="/mcp")
        end = time.monotonic() + LISTED_SECONDS_MAX
        while left := {named(row) for row in ROWS if row.shown} - self._servers():
            assert time.monotonic() < end, left
            time.sleep(0.1)
        self.tools = self._tools()

    def _tools(self) -> dict[str, Any]:
        found, cursor = {}, None
        while True:
            result = self.client.ask("tools/list", {"cursor": cursor} if cursor else {}).message["result"]
            found |= {tool["name"]: tool for tool in result["tools"]}
            cursor = result.get("nextCursor")
            if cursor is None:
                return found

    def _servers(self) -> set[str]:
        return {name.partition("__")[0] for name in self._tools()}

    def shown(self, row: Listed) -> set[str]:
        prefix = named(row) + "__"
        return {name.removeprefix(prefix) for name in self.tools if name.startswith(prefix)}

    def told(self, row: Listed) -> str:
        return "\n".join(line for line in self.gateway.lines if named(row) in line)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with recording() as good, hostile() as bad, hostile() as canary:
        port = str(canary.server_address[1]).encode()
        canary.scripts["/canary"] = lambda peer, _: peer.body(b'{"type":"string"}')
        bad.scripts = {f"/{named(row)}": paged(row, port) for row in ROWS}
        servers = [{"name": named(row), "upstream": bad.url(f"/{named(row)}")} for row in ROWS]
        config = {
            "servers": [*servers, {"name": "good", "upstream": good.url("/rec")}],
            "endpoints": {"good": {"servers": ["good"]}},
        }
        with gateway(config, tmp_path_factory.mktemp("lists")) as running:
            assert len(Client(running, path="/mcp/good").tools()) == 4, "the good one is there from the start"
            yield Hall(running, canary)
            assert running.faults() == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_what_can_be_shown_is_shown_and_the_rest_is_told(row: Listed, hall: Hall) -> None:
    shown = hall.shown(row)
    if row.shown == frozenset({"*"}):
        assert shown
    else:
        assert shown == row.shown, hall.told(row)
    if row.told:
        hall.gateway.until(named(row))
        assert row.told in hall.told(row)


def test_every_name_that_is_shown_is_one_that_clients_take_and_leads_somewhere(hall: Hall) -> None:
    for name in hall.tools:
        assert len(name) <= 64
        assert all(sign.isascii() and (sign.isalnum() or sign in "_-") for sign in name)
    for row in ROWS:
        for name in sorted(hall.shown(row))[:3]:
            exposed = f"{named(row)}__{name}"
            if "x-mcp-header" not in json.dumps(hall.tools[exposed]):
                assert outcome_of(hall.client.call(exposed, {}).message) == "ok", exposed


def test_nothing_was_fetched_and_the_good_server_still_serves(hall: Hall) -> None:
    assert hall.canary.asked == []
    answer = hall.client.call("good__echo", {})

    assert outcome_of(answer.message) == "ok"
    assert answer.seconds < 1.0
    assert hall.gateway.alive
