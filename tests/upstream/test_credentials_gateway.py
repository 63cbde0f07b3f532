"""A whole gateway between callers with tokens and servers that want other ones.

Knows: what everybody saw and was told, and what nobody may see. Refuses to look inside of the gateway.
"""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest
from credentials_kit import started

from process_kit import SECONDS_MAX, Far, Gateway, gateway, until

PLANTED = "planted-client-secret"
CLIENTS = {
    "gateway": {"secret": PLANTED},
    "ana": {"secret": "a"},
    "bo": {"secret": "b"},
}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
}
BACKS = ("modern", "legacy")


class House(NamedTuple):
    gateway: Gateway
    issuer: Far
    backs: dict[str, Far]
    home: Path


def configuration(issuer: Far, backs: dict[str, Far], secret: str) -> dict[str, Any]:
    shown = {"type": "token_exchange", "issuer": issuer.origin, "client_id": "gateway", "client_secret": secret}
    return {
        "authentication": {
            "type": "oauth2",
            "issuers": [{"issuer": issuer.origin, "audience": ["front"]}],
            "proxy": {"addresses": ["127.0.0.1"], "subject": "X-Front-User"},
        },
        "servers": [
            {
                "name": name,
                "upstream": f"{back.origin}/mcp",
                "headers": {"X-User": "${principal.subject}"},
                "pass_headers": ["X-Request-Tag"],
                "credentials": shown,
            }
            for name, back in backs.items()
        ]
        # Nobody but callers may see the lists of this one.
        + [
            {
                "name": "lent",
                "upstream": f"{backs['legacy'].origin}/mcp",
                "credentials": {**shown, "catalogue": "caller"},
            }
        ],
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("house")
    with (
        started("credentials_issuer.py") as issuer,
        started("credentials_server.py") as modern,
        started("credentials_server.py") as legacy,
    ):
        issuer.always = {"clients": CLIENTS}
        issuer.order({})
        legacy.always = {"legacy": True}
        legacy.order({})
        backs = {"modern": modern, "legacy": legacy}
        (home / "secret").write_text(PLANTED)
        with gateway(home, configuration(issuer, backs, "${file:secret}")) as running:
            yield House(running, issuer, backs, home)


def token_of(issuer: Far, name: str) -> str:
    form = {"grant_type": "client_credentials", "resource": "front", "client_id": name}
    body = urlencode({**form, "client_secret": CLIENTS[name]["secret"]}).encode()
    with urlopen(Request(f"{issuer.origin}/token", body), timeout=SECONDS_MAX) as answer:
        found: str = json.load(answer)["access_token"]
        return found


class Client:
    """One connection that is kept, as agents keep theirs: the second call may go the express way."""

    def __init__(self, running: Gateway, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=SECONDS_MAX)
        self._headers = headers
        self._id = 0

    def post(self, method: str, params: dict[str, Any], **more: str) -> tuple[int, dict[str, str], Any]:
        self._id += 1
        body = json.dumps({"jsonrpc": "2.0", "id": self._id, "method": method, "params": {**params, "_meta": META}})
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, **self._headers, **more}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        self.connection.request("POST", "/mcp", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(text)

    def call(self, tool: str, **more: str) -> str:
        status, _, answer = self.post("tools/call", {"name": tool, "arguments": {}}, **more)
        assert status == 200, answer
        found: str = answer["result"]["content"][0]["text"]
        return found

    def close(self) -> None:
        self.connection.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def wait_for_lists(who: Client) -> None:
    until(lambda: len(who.post("tools/list", {})[2]["result"]["tools"]) >= 6)


@pytest.fixture
def people(house: House) -> Iterator[dict[str, Client]]:
    for back in house.backs.values():
        back.order({})
    house.issuer.order({})
    found = {name: Client(house.gateway, bearer(token_of(house.issuer, name))) for name in ("ana", "bo")}
    wait_for_lists(found["ana"])
    yield found
    for client in found.values():
        client.close()


def tools_called(back: Far) -> list[dict[str, Any]]:
    return [one for one in back.seen if one["method"] == "tools/call"]


@pytest.mark.parametrize("back", BACKS)
def test_each_caller_is_themselves_at_the_server(house: House, people: dict[str, Client], back: str) -> None:
    def talk(name: str) -> set[str]:
        return {people[name].call(f"{back}__whoami") for _ in range(20)}

    with ThreadPoolExecutor(4) as threads:
        ana, bo = threads.submit(talk, "ana"), threads.submit(talk, "bo")
        assert (ana.result(), bo.result()) == ({"ana"}, {"bo"})

    whose: dict[str, set[str]] = {}
    for one in tools_called(house.backs[back]):
        assert one["sub"] == one["headers"]["x-user"]
        whose.setdefault(one["headers"].get("mcp-session-id", one["sub"]), set()).add(one["sub"])
    assert sorted(map(sorted, whose.values())) == [["ana"], ["bo"]]


@pytest.mark.parametrize("back", BACKS)
def test_no_token_of_a_caller_reaches_a_server(house: House, people: dict[str, Client], back: str) -> None:
    for name, client in people.items():
        client.call(f"{back}__whoami", Cookie="c=1")
        token = client._headers["Authorization"].split()[1]
        assert token not in json.dumps(house.backs[back].seen), name
        assert "cookie" not in tools_called(house.backs[back])[-1]["headers"]


@pytest.mark.parametrize("back", BACKS)
def test_headers_of_clients_go_on_where_a_server_asks_for_them(
    house: House, people: dict[str, Client], back: str
) -> None:
    ana = people["ana"]
    for tag in ("t1", "t2", "t2"):
        ana.call(f"{back}__whoami", **{"X-Request-Tag": tag, "X-Other": "no"})
    ana.call(f"{back}__whoami")
    ana.call(f"{back}__whoami", **{"X-Request-Tag": f"so {ana._headers['Authorization']}"})

    seen = tools_called(house.backs[back])
    assert [one["headers"].get("x-request-tag") for one in seen] == ["t1", "t2", "t2", None, None]
    assert {one["headers"].get("x-other") for one in seen} == {None}


@pytest.mark.parametrize("back", BACKS)
def test_a_token_that_is_revoked_between_two_calls_is_replaced(
    house: House, people: dict[str, Client], back: str
) -> None:
    ana = people["ana"]
    assert [ana.call(f"{back}__whoami") for _ in range(3)] == ["ana"] * 3
    first = tools_called(house.backs[back])[-1]["token"]
    house.backs[back].order({"revoke": [first]})
    assert [ana.call(f"{back}__whoami") for _ in range(3)] == ["ana"] * 3

    assert tools_called(house.backs[back])[-1]["token"] != first
    assert len([one for one in tools_called(house.backs[back]) if one["token"] == first]) == 4


@pytest.mark.parametrize("back", BACKS)
def test_what_a_server_refuses_is_no_refusal_of_ours(house: House, people: dict[str, Client], back: str) -> None:
    people["ana"].call(f"{back}__whoami")
    house.backs[back].order({"closed": True, "challenge": 'resource_metadata="https://evil.example/x"'})
    status, headers, answer = people["ana"].post("tools/call", {"name": f"{back}__whoami", "arguments": {}})

    assert status == 200
    assert "www-authenticate" not in headers
    assert answer["error"]["data"]["reason"] == "upstream_unauthorized"
    assert "evil" not in json.dumps(answer)


@pytest.mark.parametrize("back", BACKS)
def test_callers_known_without_a_token_hear_what_they_need(house: House, people: dict[str, Client], back: str) -> None:
    client = Client(house.gateway, {"X-Front-User": "cy"})
    try:
        status, _, answer = client.post("tools/call", {"name": f"{back}__whoami", "arguments": {}})
    finally:
        client.close()

    assert status == 200
    assert answer["error"]["data"]["reason"] == "upstream_unauthorized"
    assert "log in" in answer["error"]["message"]


def test_a_server_that_tells_its_lists_to_callers_only(house: House, people: dict[str, Client]) -> None:
    tools = {one["name"] for one in people["bo"].post("tools/list", {})[2]["result"]["tools"]}

    assert {"lent__whoami", "lent__admin"} <= tools
    assert {name: client.call("lent__whoami") for name, client in people.items()} == {"ana": "ana", "bo": "bo"}


def test_a_secret_is_rotated_under_the_running_gateway(house: House, people: dict[str, Client]) -> None:
    since = len(house.gateway.lines)
    rotated = {**CLIENTS, "gateway": {"secret": "the next planted secret"}}
    house.issuer.order({"clients": rotated})
    (house.home / "secret").write_text("the next planted secret")
    house.gateway.until("Configuration taken over", since)
    try:
        wait_for_lists(people["ana"])
        assert people["ana"].call("modern__whoami") == "ana"
    finally:
        since = len(house.gateway.lines)
        house.issuer.order({})
        (house.home / "secret").write_text(PLANTED)
        house.gateway.until("Configuration taken over", since)


def test_no_secret_is_told_anywhere(house: House, people: dict[str, Client]) -> None:
    for name, client in people.items():
        for back in BACKS:
            assert client.call(f"{back}__whoami") == name
    house.issuer.order({"clients": {name: one for name, one in CLIENTS.items() if name != "gateway"}, "said": PLANTED})
    for back in house.backs.values():
        back.order({"closed": True})
    for client in people.values():
        for back in BACKS:
            client.post("tools/call", {"name": f"{back}__whoami", "arguments": {}})
    secrets = {PLANTED} | {client._headers["Authorization"].split()[1] for client in people.values()}
    secrets |= {one["token"] for back in house.backs.values() for one in back.seen if one["token"]}
    told = list(house.gateway.lines)
    for path in ("/metrics", "/api/servers", "/api/snapshot"):
        with urlopen(house.gateway.admin + path, timeout=SECONDS_MAX) as answer:
            told.append(answer.read().decode())
    told += [file.read_text("utf-8", "replace") for file in (house.home / "state").rglob("*") if file.is_file()]

    assert len(secrets) > 3
    assert [line for line in told for secret in secrets if secret in line] == []
    assert any("upstream_unauthorized" in line for line in told)
