"""Every style and explode form of every place, as it arrives at a real server (OpenAPI 3.1.1, 4.8.12.4)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_kit import api, api_of, made, written

from process_kit import Far, Tree

COLOR = {"string": "blue", "array": ["blue", "black", "brown"], "object": {"R": 100, "G": 200, "B": 150}}
EMPTY: Tree = {"string": ""}

# place, style, explode, what is given -> what stands there. The table of the specification, row by row.
PATHS = [
    ("simple", False, "string", "blue"),
    ("simple", True, "string", "blue"),
    ("simple", False, "array", "blue,black,brown"),
    ("simple", True, "array", "blue,black,brown"),
    ("simple", False, "object", "R,100,G,200,B,150"),
    ("simple", True, "object", "R=100,G=200,B=150"),
    ("label", False, "string", ".blue"),
    ("label", True, "string", ".blue"),
    ("label", False, "array", ".blue,black,brown"),
    ("label", True, "array", ".blue.black.brown"),
    ("label", False, "object", ".R,100,G,200,B,150"),
    ("label", True, "object", ".R=100.G=200.B=150"),
    ("matrix", False, "string", ";color=blue"),
    ("matrix", True, "string", ";color=blue"),
    ("matrix", False, "array", ";color=blue,black,brown"),
    ("matrix", True, "array", ";color=blue;color=black;color=brown"),
    ("matrix", False, "object", ";color=R,100,G,200,B,150"),
    ("matrix", True, "object", ";R=100;G=200;B=150"),
]
QUERIES = [
    ("form", False, "string", "color=blue"),
    ("form", True, "string", "color=blue"),
    ("form", False, "array", "color=blue,black,brown"),
    ("form", True, "array", "color=blue&color=black&color=brown"),
    ("form", False, "object", "color=R,100,G,200,B,150"),
    ("form", True, "object", "R=100&G=200&B=150"),
    ("spaceDelimited", False, "array", "color=blue%20black%20brown"),
    ("spaceDelimited", False, "object", "color=R%20100%20G%20200%20B%20150"),
    ("pipeDelimited", False, "array", "color=blue%7Cblack%7Cbrown"),
    ("pipeDelimited", False, "object", "color=R%7C100%7CG%7C200%7CB%7C150"),
    ("deepObject", True, "object", "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    ("deepObject", True, "array", "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown"),
]
HEADERS = [
    ("simple", False, "string", "blue"),
    ("simple", False, "array", "blue,black,brown"),
    ("simple", False, "object", "R,100,G,200,B,150"),
    ("simple", True, "object", "R=100,G=200,B=150"),
]
COOKIES = [
    ("form", False, "string", "color=blue"),
    ("form", False, "array", "color=blue,black,brown"),
    ("form", False, "object", "color=R,100,G,200,B,150"),
    ("form", True, "object", "R=100; G=200; B=150"),
]


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with api() as found:
        yield found


async def sent(far: Far, folder: Path, parameter: Tree, value: Any, path: str = "/echo/here") -> Tree:
    schema = {"name": "color", "schema": {}, "required": True, **parameter}
    document = api_of({path: {"get": {"operationId": "go", "parameters": [schema]}}})
    async with made(openapi=written(folder, document), base_url=f"{far.origin}/v1") as found:
        answer: Tree = await found.value("go", color=value)
        return answer


@pytest.mark.parametrize(("style", "explode", "kind", "expected"), PATHS)
async def test_path(far: Far, tmp_path: Path, style: str, explode: bool, kind: str, expected: str) -> None:
    given = {"in": "path", "style": style, "explode": explode}

    answer = await sent(far, tmp_path, given, COLOR[kind], "/echo/{color}/end")

    assert answer["path"] == f"/v1/echo/{expected}/end"


@pytest.mark.parametrize(("style", "explode", "kind", "expected"), QUERIES)
async def test_query(far: Far, tmp_path: Path, style: str, explode: bool, kind: str, expected: str) -> None:
    answer = await sent(far, tmp_path, {"in": "query", "style": style, "explode": explode}, COLOR[kind])

    assert answer["query"] == expected


@pytest.mark.parametrize(("style", "explode", "kind", "expected"), HEADERS)
async def test_header(far: Far, tmp_path: Path, style: str, explode: bool, kind: str, expected: str) -> None:
    answer = await sent(far, tmp_path, {"in": "header", "style": style, "explode": explode}, COLOR[kind])

    assert ["color", expected] in answer["headers"]


@pytest.mark.parametrize(("style", "explode", "kind", "expected"), COOKIES)
async def test_cookie(far: Far, tmp_path: Path, style: str, explode: bool, kind: str, expected: str) -> None:
    answer = await sent(far, tmp_path, {"in": "cookie", "style": style, "explode": explode}, COLOR[kind])

    assert ["cookie", expected] in answer["headers"]


async def test_defaults_are_those_of_each_place(far: Far, tmp_path: Path) -> None:
    query = await sent(far, tmp_path, {"in": "query"}, ["a", "b"])
    header = await sent(far, tmp_path, {"in": "header"}, {"a": 1})
    path = await sent(far, tmp_path, {"in": "path"}, ["a", "b"], "/echo/{color}")

    assert query["query"] == "color=a&color=b"
    assert ["color", "a,1"] in header["headers"]
    assert path["path"] == "/v1/echo/a,b"


async def test_values_are_escaped_where_they_stand(far: Far, tmp_path: Path) -> None:
    nasty = "a b&c=d#e/f?g+h%20ü"
    path = await sent(far, tmp_path, {"in": "path"}, nasty, "/echo/{color}")
    query = await sent(far, tmp_path, {"in": "query"}, nasty)
    reserved = await sent(far, tmp_path, {"in": "query", "allowReserved": True}, "a/b?c&d=e#f+g")
    listed = await sent(far, tmp_path, {"in": "query", "explode": False}, ["a,b", "c"])

    assert path["path"] == "/v1/echo/a%20b%26c%3Dd%23e%2Ff%3Fg%2Bh%2520%C3%BC"
    assert query["query"] == "color=a%20b%26c%3Dd%23e%2Ff%3Fg%2Bh%2520%C3%BC"
    assert reserved["query"] == "color=a/b?c%26d%3De%23f%2Bg"
    assert listed["query"] == "color=a%2Cb,c"


async def test_json_where_the_document_says_so(far: Far, tmp_path: Path) -> None:
    content = {"content": {"application/json": {"schema": {"type": "object"}}}, "schema": None}
    query = await sent(far, tmp_path, {"in": "query", **content}, {"a": [1, None]})
    header = await sent(far, tmp_path, {"in": "header", **content}, {"a": 1})

    assert query["query"] == "color=%7B%22a%22%3A%5B1%2Cnull%5D%7D"
    assert ["color", '{"a":1}'] in header["headers"]


async def test_plain_values_are_written_as_json_writes_them(far: Far, tmp_path: Path) -> None:
    answers = [(await sent(far, tmp_path, {"in": "query"}, value))["query"] for value in (True, 1, 1.5, "", [], "null")]

    assert answers == ["color=true", "color=1", "color=1.5", "color=", "", "color=null"]


async def test_deep_objects_go_all_the_way_down(far: Far, tmp_path: Path) -> None:
    given = {"size": {"min": 1, "tags": ["a", "b"]}, "none": None}

    answer = await sent(far, tmp_path, {"in": "query", "style": "deepObject"}, given)

    assert (
        answer["query"]
        == "color%5Bsize%5D%5Bmin%5D=1&color%5Bsize%5D%5Btags%5D%5B0%5D=a&color%5Bsize%5D%5Btags%5D%5B1%5D=b"
    )
