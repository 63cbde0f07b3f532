"""HTTP APIs that want to know who calls: tokens of each caller, headers about them, and keys that are refused."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from credentials_kit import started
from openapi_kit import api
from test_credentials_gateway import CLIENTS, Client, bearer, token_of

from process_kit import Far, Gateway, gateway, until

PLANTED = "planted-client-secret"


class House(NamedTuple):
    gateway: Gateway
    issuer: Far
    far: Far


def requests(**more: Any) -> dict[str, Any]:
    return {"go": {"request": "GET /echo/x", "description": "Say what came", **more}}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("apis")
    with started("credentials_issuer.py") as issuer, api() as far:
        issuer.always = {"clients": CLIENTS}
        issuer.order({})
        (home / "secret").write_text(PLANTED)
        shown = {"issuer": issuer.origin, "client_id": "gateway", "client_secret": "${file:secret}"}
        base = f"{far.origin}/v1"
        servers = [
            {"name": "each", "http": base, "requests": requests(), "credentials": {"type": "token_exchange", **shown}},
            {
                "name": "ours",
                "http": base,
                "requests": requests(),
                "credentials": {"type": "client_credentials", **shown},
            },
            {"name": "told", "http": base, "requests": requests(), "headers": {"X-User": "${principal.subject}"}},
            {
                "name": "wrong",
                "http": base,
                "requests": {"go": {"request": "POST /status/401", "description": "A refusal"}},
                "credentials": {"type": "header", "value": "Bearer ${file:secret}"},
            },
        ]
        issuers = [{"issuer": issuer.origin, "audience": ["front"]}]
        config = {"authentication": {"type": "oauth2", "issuers": issuers}, "servers": servers}
        with gateway(home, config) as running:
            yield House(running, issuer, far)


@pytest.fixture
def people(house: House) -> Iterator[dict[str, Client]]:
    found = {name: Client(house.gateway, bearer(token_of(house.issuer, name))) for name in ("ana", "bo")}
    for one in found.values():
        until(lambda one=one: len(tools(one)) == 4, "the tools are listed")
    yield found
    for one in found.values():
        one.close()


def tools(who: Client) -> list[str]:
    return [tool["name"] for tool in who.post("tools/list", {})[2]["result"]["tools"]]


def headers(house: House) -> dict[str, str]:
    return {name.lower(): value for name, value in house.far.seen[-1]["headers"]}


def test_each_caller_comes_with_a_token_of_their_own(house: House, people: dict[str, Client]) -> None:
    shown = {}
    for name in ("ana", "bo", "ana"):
        people[name].call("each__go")
        shown.setdefault(name, headers(house)["authorization"])
        assert shown[name] == headers(house)["authorization"]

    assert shown["ana"] != shown["bo"]
    assert all(value.startswith("Bearer ") for value in shown.values())


def test_the_gateways_own_token_is_everybodys(house: House, people: dict[str, Client]) -> None:
    shown = set()
    for one in people.values():
        one.call("ours__go")
        shown.add(headers(house)["authorization"])

    assert len(shown) == 1


def test_headers_say_who_calls(house: House, people: dict[str, Client]) -> None:
    people["bo"].call("told__go")

    assert headers(house)["x-user"] == "bo"
    assert "authorization" not in headers(house)


def test_no_token_of_a_caller_reaches_the_api(house: House, people: dict[str, Client]) -> None:
    mine = token_of(house.issuer, "ana")
    for tool in ("each__go", "ours__go", "told__go"):
        people["ana"].call(tool)

    assert mine not in json.dumps(house.far.seen)


def test_a_key_that_is_refused_is_the_operators_business(house: House, people: dict[str, Client]) -> None:
    _, _, answer = people["ana"].post("tools/call", {"name": "wrong__go", "arguments": {}})
    said = json.dumps(answer)

    assert "refused our credentials" in said
    assert "this is 401" not in said


def test_no_secret_is_told(house: House, people: dict[str, Client]) -> None:
    _, _, answer = people["ana"].post("tools/call", {"name": "each__go", "arguments": {}})
    shown = headers(house)["authorization"].removeprefix("Bearer ")

    assert shown not in json.dumps(answer)
    assert PLANTED not in json.dumps(answer)
    assert not any(PLANTED in line or shown in line for line in house.gateway.lines)
