"""Single requests that the operator wrote down, as they arrive at a real server."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_kit import api, made

from narthex.model.http_api import RequestConfig
from narthex.upstream.openapi.templates import BadTemplate, tool_of
from process_kit import Far, Tree


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with api() as found:
        yield found


async def sent(far: Far, request: Tree, /, **arguments: Any) -> Tree:
    one = {"description": "A request", **request}
    async with made(http=f"{far.origin}/v1", requests={"go": one}) as found:
        answer: Tree = await found.value("go", **arguments)
        return answer


async def test_path_and_query(far: Far) -> None:
    request = {
        "request": "GET /echo/{city}/now?units={units}&lang=en",
        "parameters": {"units": {"enum": ["metric", "imperial"]}, "days": {"type": "integer"}},
    }
    answer = await sent(far, request, city="São Paulo", units="metric", days=3)
    fewer = await sent(far, request, city="Rome")

    assert answer["path"] == "/v1/echo/S%C3%A3o%20Paulo/now"
    assert answer["query"] == "lang=en&units=metric&days=3"
    assert fewer["query"] == "lang=en"


async def test_a_body_of_what_stands_nowhere_else(far: Far) -> None:
    request = {"request": "POST /echo/{id}", "parameters": {"name": {}, "tags": {}}, "required": ["name"]}
    answer = await sent(far, request, id="7", name="Rex", tags=["a"])

    assert json.loads(answer["body"]) == {"name": "Rex", "tags": ["a"]}


async def test_a_body_by_template(far: Far) -> None:
    body = {"query": {"text": "{text}", "lang": "{lang}", "kind": "a {{plain}} word"}, "list": ["{text}", 1], "n": None}
    request = {"request": "POST /echo/x", "parameters": {"text": {}, "lang": {}}, "body": body}
    answer = await sent(far, request, text="{lang}")

    assert json.loads(answer["body"]) == {
        "query": {"text": "{lang}", "kind": "a {plain} word"},
        "list": ["{lang}", 1],
        "n": None,
    }


async def test_forms_and_headers(far: Far) -> None:
    request = {
        "request": "POST /echo/x",
        "parameters": {"name": {}, "tag": {"type": "string"}},
        "headers": {"X-Tag": "{tag}", "X-Fixed": "always"},
        "encoding": "form",
    }
    answer = await sent(far, request, name="a b", tag="t")
    headers = dict(answer["headers"])

    assert answer["body"] == "name=a%20b"
    assert (headers["x-tag"], headers["x-fixed"]) == ("t", "always")
    assert headers["content-type"] == "application/x-www-form-urlencoded"


async def test_the_definition(far: Far) -> None:
    request = {
        "request": "DELETE /items/{id}",
        "description": "Take a pet away",
        "parameters": {"id": {"type": "integer", "minimum": 1}, "why": {"type": "string"}},
        "required": ["why"],
    }
    async with made(http=far.origin, requests={"remove-pet": request}) as found:
        definition = found.server.tools["remove-pet"].definition

    assert definition == {
        "name": "remove-pet",
        "title": "Remove pet",
        "description": "Take a pet away",
        "inputSchema": {
            "type": "object",
            "properties": {"id": {"type": "integer", "minimum": 1}, "why": {"type": "string"}},
            "required": ["id", "why"],
            "additionalProperties": False,
        },
        "annotations": {
            "readOnlyHint": False,
            "openWorldHint": True,
            "destructiveHint": True,
            "idempotentHint": True,
        },
    }


async def test_an_answer_in_shape(far: Far) -> None:
    pages = {"next": "$.meta.next_cursor", "parameter": "cursor", "items": "$.data"}
    request = {
        "request": "GET /cursors?cursor={cursor}",
        "parameters": {"cursor": {}},
        "answer": {"pages": pages, "keep": ["id"]},
    }
    value = await sent(far, request)

    assert len(value["result"]) == 25


async def test_nobody_steers_a_request_by_its_arguments(far: Far) -> None:
    request = {
        "request": "GET /echo/{city}",
        "parameters": {"q": {}, "tag": {}},
        "headers": {"X-Tag": "{tag}"},
        "description": "A request",
    }
    async with made(http=f"{far.origin}/v1", requests={"go": request}) as found:
        refusals = [
            await found.refusal("go", city=".."),
            await found.refusal("go", city="a", tag="x\r\nX-Evil: 1"),
            await found.refusal("go"),
            await found.refusal("go", city="a", other=1),
        ]

    assert [one.split()[0] for one in refusals] == ["'city'", "'tag'", "Missing:", "Unknown:"]


WRONG = [
    ({"request": "GET /a/{x}/{x}"}, "braces"),
    ({"request": "GET /a/{"}, "braces"),
    ({"request": "GET //evil.example/x"}, "leads elsewhere"),
    ({"request": "GET /a/../b"}, "leads elsewhere"),
    ({"request": "GET /a?b={c}"}, "uses {c}"),
    ({"request": "POST /a", "body": {"b": "{c}"}}, "uses {c}"),
    ({"request": "POST /a", "parameters": {"c": {}}, "body": {"b": 1}}, "uses 'c' nowhere"),
    ({"request": "GET /a?b=of+{c}", "parameters": {"c": {}}}, "has {c} inside of a text"),
    ({"request": "GET /a", "parameters": {"c": {}}, "headers": {"X-A": "of {c}"}}, "has {c} inside of a text"),
    ({"request": "POST /a", "parameters": {"c": {}}, "body": ["{c}", {"a": "of {c}"}]}, "has {c} inside of a text"),
    ({"request": "POST /a", "body": "text", "encoding": "form"}, "must be a mapping"),
    ({"request": "GET /a", "required": ["b"]}, "requires 'b'"),
    ({"request": "GET /a", "headers": {"Host": "evil"}}, "cannot be sent"),
    ({"request": "GET /a", "headers": {"X-A": "a\r\nb"}}, "cannot be sent"),
    ({"request": "GET /a", "headers": {"Content-Type": "text/plain"}}, "not its own to send"),
    ({"request": "GET /a", "answer": {"select": "$.a["}}, "cannot be read"),
    ({"request": "GET /a", "answer": {"pages": {}}}, "neither 'next' nor 'parameter'"),
    ({"request": "GET /a", "answer": {"pages": {"next": "link", "parameter": "p"}}}, "need no 'parameter'"),
]


@pytest.mark.parametrize(("request_", "expected"), WRONG)
def test_templates_that_cannot_be(request_: Tree, expected: str) -> None:
    config = msgspec.convert({"description": "A request", **request_}, RequestConfig)
    with pytest.raises(BadTemplate, match=expected.replace("{", r"\{")):
        tool_of("go", config)
