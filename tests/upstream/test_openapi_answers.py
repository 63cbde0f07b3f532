"""What a model is handed of an answer, and what it is told of a refusal, by a real server."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_kit import Made, api, api_of, made, written

from narthex.limits import http_pages_max
from process_kit import Far, Tree

KIND = {"name": "kind", "in": "path", "required": True}
CODE = {"name": "code", "in": "path", "required": True}
QUERY = [{"name": name, "in": "query", "schema": {"type": "integer"}} for name in ("page", "per_page", "cursor")]
FROM_ZERO = [
    {"name": "page", "in": "query", "schema": {"type": "integer", "default": 0}},
    {"name": "strict", "in": "query", "schema": {"type": "string"}},
]
DOCUMENT = api_of(
    {
        "/odd/{kind}": {"get": {"operationId": "odd", "parameters": [KIND]}},
        "/status/{code}": {
            "get": {"operationId": "status", "parameters": [CODE]},
            "post": {"operationId": "change", "parameters": [CODE]},
        },
        "/items": {"get": {"operationId": "listItems", "parameters": QUERY}},
        "/items/{id}": {"get": {"operationId": "getItem"}},
        "/cursors": {"get": {"operationId": "listByCursor", "parameters": QUERY}},
        "/linked-out": {"get": {"operationId": "linkedOut", "parameters": [{"name": "to", "in": "query"}]}},
        "/from-zero": {"get": {"operationId": "listFromZero", "parameters": FROM_ZERO}},
        "/slow": {"get": {"operationId": "slow"}, "post": {"operationId": "slowChange"}},
    }
)


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with api() as found:
        yield found


def entry(far: Far, folder: Path, **more: Any) -> Tree:
    return {"openapi": written(folder, DOCUMENT), "base_url": f"{far.origin}/v1", **more}


async def odd(found: Made, kind: str) -> Tree:
    return await found.result("odd", kind=kind)


async def test_texts_in_any_charset(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path)) as found:
        texts = [await found.text("odd", kind=kind) for kind in ("latin", "unknown", "codec", "csv")]
        values = [await found.value("odd", kind=kind) for kind in ("utf16", "bom", "vendor", "untyped")]

    assert texts == ["Grüße", "caf\ufffd", "caf\ufffd", "id,name\n1,ana\n"]
    assert values == [{"text": "Grüße ☃"}, {"text": "Grüße ☃"}, {"a": 1}, {"a": 1}]


async def test_pictures_and_files(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path)) as found:
        picture, file = (await odd(found, "picture"))["content"][0], (await odd(found, "file"))["content"][0]
        large, nothing = await found.refusal("odd", kind="large-file"), await found.text("odd", kind="nothing")

    assert (picture["type"], picture["mimeType"]) == ("image", "image/png")
    assert base64.b64decode(picture["data"]).startswith(b"\x89PNG")
    assert file["resource"]["mimeType"] == "application/zip"
    assert base64.b64decode(file["resource"]["blob"]) == b"PK\x03\x04\x00"
    assert large.startswith("The answer is application/zip of 2000000 bytes; files of up to 1048576")
    assert nothing == "Done, without content (HTTP 200)."


async def test_json_that_is_none(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path)) as found:
        broken, deep = await found.refusal("odd", kind="broken"), await found.refusal("odd", kind="deep")

    assert broken == 'GET /odd/{kind} says that its answer is JSON, and it is not: {"text":'
    assert deep == "GET /odd/{kind} answered with JSON that nests deeper than 100 levels."


async def test_answers_without_content(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path)) as found:
        done, created = await found.text("change", code=204), await found.text("change", code=201)

    assert done == "Done; there is no content (HTTP 204)."
    assert created == "Created (HTTP 201). See /v1/items/26."


REFUSALS = {
    400: '{"message":"this is 400"} Check the arguments against what it says.',
    404: "Check the identifiers in the arguments; look them up first with a list or search tool.",
    409: '{"message":"this is 409"} It conflicts with the present state: read that first, then decide anew.',
    418: '{"message":"this is 418"}',
    429: '{"message":"this is 429"} Too many calls. Retry in 17 seconds.',
    500: "Internal Server Error. The fault is the API's. Try again later.",
    503: '{"message":"this is 503"} The fault is the API\'s. Try again later. Retry in 17 seconds.',
}


@pytest.mark.parametrize(("code", "expected"), REFUSALS.items())
async def test_refusals_say_what_to_do(far: Far, tmp_path: Path, code: int, expected: str) -> None:
    async with made(**entry(far, tmp_path)) as found:
        said = await found.refusal("status", code=code)

    assert said.startswith(f"GET /status/{{code}} answered {code} ")
    assert said.endswith(expected)
    assert "/srv/app.py" not in said


async def test_an_api_that_is_not_there(tmp_path: Path) -> None:
    config = {"openapi": written(tmp_path, DOCUMENT), "base_url": "http://127.0.0.1:9"}
    async with made(**config) as found:
        said = await found.refusal("list_items")

    assert said == "GET /items brought no answer: no connection to it. Try again later."


async def test_an_api_that_does_not_answer(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path), limits={"call_seconds_max": 0.5}) as found:
        read, changed = await found.refusal("slow"), await found.refusal("slow_change")

    assert read == "GET /slow brought no answer: it did not answer in time. Try again later."
    assert changed == (
        "POST /slow brought no answer: it did not answer in time. "
        "It may have been carried out all the same: look before you do it again."
    )


async def test_lists_are_the_result_of_an_object(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path)) as found:
        result = await found.result("list_items", per_page=2)

    assert [one["id"] for one in result["structuredContent"]["result"]] == [0, 1]
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]["result"]
    assert result["content"][1]["text"] == "There is a next page: call this tool again with page=2."


async def test_pages_by_link(far: Far, tmp_path: Path) -> None:
    answers = {"list_items": {"pages": {"next": "link", "max": 2}}}
    async with made(**entry(far, tmp_path, answers=answers)) as found:
        first = await found.result("list_items")
        rest = await found.value("list_items", page=3)

    assert [one["id"] for one in first["structuredContent"]["result"]] == list(range(20))
    assert first["content"][1]["text"] == "There is a next page: call this tool again with page=3, per_page=10."
    assert [one["id"] for one in rest["result"]] == [20, 21, 22, 23, 24]


async def test_pages_by_cursor(far: Far, tmp_path: Path) -> None:
    pages = {"next": "$.meta.next_cursor", "parameter": "cursor", "items": "$.data", "max": 5}
    async with made(**entry(far, tmp_path, answers={"list_by_*": {"pages": pages, "keep": ["id"]}})) as found:
        value = await found.value("list_by_cursor")

    assert value == {"result": [{"id": number} for number in range(25)]}


async def test_pages_by_number(far: Far, tmp_path: Path) -> None:
    answers = {"*": {"pages": {"parameter": "page", "max": http_pages_max}}}
    async with made(**entry(far, tmp_path, answers=answers)) as found:
        value = await found.value("list_items", per_page=7)
        single = await found.value("get_item", id="3")  # has no such argument, so it has no pages

    assert len(value["result"]) == 25
    assert single["id"] == 3


async def test_pages_that_are_counted_from_zero(far: Far, tmp_path: Path) -> None:
    answers = {"*": {"pages": {"parameter": "page", "max": http_pages_max}}}
    async with made(**entry(far, tmp_path, answers=answers)) as found:
        value = await found.value("list_from_zero")

    assert value == {"result": ["page 0", "page 1", "page 2"]}


async def test_a_page_that_is_refused_does_not_cost_those_before_it(far: Far, tmp_path: Path) -> None:
    answers = {"*": {"pages": {"parameter": "page"}}}
    async with made(**entry(far, tmp_path, answers=answers)) as found:
        result = await found.result("list_from_zero", strict="yes")

    assert result["structuredContent"] == {"result": ["page 0", "page 1", "page 2"]}
    assert result["content"][1]["text"].startswith("Page 4 could not be fetched: GET /from-zero answered 404")


async def test_pages_by_an_argument_that_is_not_there_are_told(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path, answers={"get_item": {"pages": {"parameter": "pgae"}}})) as found:
        assert found.said == ["warning api: get_item has no argument 'pgae' for its pages"]


@pytest.mark.parametrize("to", ["http://[x", "http://[::1", "//[", "http://x:99999/"])
@pytest.mark.parametrize("pages", [{}, {"answers": {"*": {"pages": {"next": "link"}}}}])
async def test_a_link_that_is_no_address_costs_no_answer(far: Far, tmp_path: Path, to: str, pages: Tree) -> None:
    async with made(**entry(far, tmp_path, **pages)) as found:
        value = await found.value("linked_out", to=to)

    assert value == {"result": [1]}


async def test_a_long_cursor_is_told_whole(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path)) as found:
        result = await found.result("linked_out", to=f"/v1/linked-out?to={'c' * 900}")

    assert result["content"][1]["text"] == f"There is a next page: call this tool again with to={'c' * 900}."


async def test_pages_elsewhere_are_not_followed(far: Far, tmp_path: Path) -> None:
    async with made(**entry(far, tmp_path, answers={"*": {"pages": {"next": "link"}}})) as found:
        result = await found.result("linked_out")

    assert result["structuredContent"] == {"result": [1]}
    assert "outside of this API, which is not followed" in result["content"][1]["text"]


async def test_a_shape(far: Far, tmp_path: Path) -> None:
    shape = {"keep": ["id", "owner.login"], "flatten": True, "rename": {"owner.login": "owner"}}
    answers = {"list_by_cursor": {"select": "$.data", **shape}, "get_*": shape}
    async with made(**entry(far, tmp_path, answers=answers)) as found:
        listed = await found.value("list_by_cursor")
        one = await found.value("get_item", id="3")

    assert listed["result"][:2] == [{"id": 0, "owner": "ana"}, {"id": 1, "owner": "ana"}]
    assert one == {"id": 3, "owner": "ana"}
