"""What a library says its things require: taken by a running gateway where its operator takes it, else nothing."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from operation_kit import Gateway, Tree, connect, modern_body, serving

from narthex.catalog.stock import DECLARED_SCOPES
from narthex.libraries.server import REQUIRED_SCOPES, Server, requiring, takes

COMMAND = [sys.executable, str(Path(__file__).with_name("declaring_server.py"))]
PROXY = {"addresses": ["127.0.0.1"], "subject": "X-Forwarded-User", "scopes": "X-Forwarded-Scopes"}
REFUSAL = "dev.narthex/refusal"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The same program twice: one whose declarations are taken, one whose are not."""
    believed = {"name": "believed", "command": COMMAND, "declared_scopes": "accept"}
    ignored = {"name": "ignored", "command": COMMAND}
    authentication = {"type": "keys", "proxy": PROXY}
    folder = tmp_path_factory.mktemp("declared")
    with serving(folder, believed, ignored, authentication=authentication) as running:
        yield running


def ask(gateway: Gateway, scopes: str, method: str, **params: Any) -> Tree:
    body, headers = modern_body(method, params)
    connection = connect(gateway.url)
    try:
        mine = {"X-Forwarded-User": "ana", "X-Forwarded-Scopes": scopes}
        connection.request("POST", urlsplit(gateway.url).path, body, {**headers, **mine})
        answer: Tree = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def names(gateway: Gateway, scopes: str) -> list[str]:
    return sorted(tool["name"] for tool in ask(gateway, scopes, "tools/list")["result"]["tools"])


def test_a_caller_without_the_declared_scope_is_denied_and_told_which_it_is(gateway: Gateway) -> None:
    answer = ask(gateway, "other", "tools/call", name="believed__find_contact", arguments={})["result"]

    assert answer["isError"] is True
    assert answer["_meta"][REFUSAL]["required_scopes"] == ["crm:read"]
    assert names(gateway, "other") == ["believed__ping", "ignored__find_contact", "ignored__ping"]


def test_a_caller_with_the_declared_scope_is_served(gateway: Gateway) -> None:
    answer = ask(gateway, "crm:read", "tools/call", name="believed__find_contact", arguments={})["result"]

    assert answer["content"][0]["text"] == "found"
    assert "believed__find_contact" in names(gateway, "crm:read")


def test_prompts_and_resources_may_be_declared_too(gateway: Gateway) -> None:
    denied = ask(gateway, "crm:read", "prompts/get", name="believed__greet")
    served = ask(gateway, "crm:greet", "prompts/get", name="believed__greet")
    hidden = ask(gateway, "crm:read", "resources/read", uri="gw+believed:memo://plan")
    shown = ask(gateway, "memo:read", "resources/read", uri="gw+believed:memo://plan")
    everybody = ask(gateway, "", "resources/read", uri="gw+believed:memo://note")

    assert denied["error"]["data"]["required_scopes"] == ["crm:greet"]
    assert served["result"]["messages"][0]["content"]["text"] == "Hello."
    assert hidden["error"]["data"]["required_scopes"] == ["memo:read"]
    assert shown["result"]["contents"][0]["text"] == "written down"
    assert everybody["result"]["contents"][0]["text"] == "written down"


def test_where_declarations_are_not_taken_nothing_changes(gateway: Gateway) -> None:
    called = ask(gateway, "", "tools/call", name="ignored__find_contact", arguments={})
    greeted = ask(gateway, "", "prompts/get", name="ignored__greet")
    read = ask(gateway, "", "resources/read", uri="gw+ignored:memo://plan")

    assert called["result"]["content"][0]["text"] == "found"
    assert greeted["result"]["messages"]
    assert read["result"]["contents"]


def test_no_client_is_shown_the_declaration(gateway: Gateway) -> None:
    lists = [ask(gateway, "crm:read crm:greet memo:read", f"{kind}/list") for kind in ("tools", "prompts", "resources")]

    assert "believed__find_contact" in json.dumps(lists)
    assert REQUIRED_SCOPES not in json.dumps(lists)


def test_a_library_and_the_gateway_mean_the_same_key() -> None:
    """Neither imports the other: a library is a server like any other."""
    assert REQUIRED_SCOPES == DECLARED_SCOPES


@pytest.mark.parametrize("scopes", ["crm:read", [""], ["two words"], ['quo"te'], ["x" * 257]])
def test_what_is_no_list_of_scopes_is_found_out_by_the_author(scopes: Any) -> None:
    server = Server("careless", "Careless", "1", "")
    with pytest.raises(ValueError, match="no scopes"):
        server.tool("find", title="Find", description="", takes=takes(), required_scopes=scopes)


def test_other_words_of_a_definition_stay() -> None:
    definition = {"name": "find", "_meta": {"acme/cost": 3}}

    assert requiring(definition, ["crm:read"])["_meta"] == {"acme/cost": 3, REQUIRED_SCOPES: ["crm:read"]}
    assert definition["_meta"] == {"acme/cost": 3}
    assert requiring(definition, []) is definition
