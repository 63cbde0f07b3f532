"""Bodies as they arrive at a real server: JSON, forms, multipart, text, bytes; and how a model gives them."""

import base64
import email
import email.policy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_kit import Made, api, api_of, made, written

from process_kit import Far, Tree

PET = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "id": {"type": "integer", "readOnly": True},
        "tags": {"type": "array", "items": {"type": "string"}},
        "owner": {"type": "object", "properties": {"login": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with api() as found:
        yield found


def posting(content: Tree, *, required: bool = True, version: str = "3.1.0", **more: Any) -> Tree:
    body = {"required": required, "content": content}
    return api_of({"/echo/{id}": {"post": {"operationId": "send", "requestBody": body, **more}}}, version=version)


async def arrived(far: Far, folder: Path, document: Tree, /, **arguments: Any) -> Tree:
    async with made(openapi=written(folder, document), base_url=f"{far.origin}/v1") as found:
        answer: Tree = await found.value("send", id="7", **arguments)
        return answer


def content_type(answer: Tree) -> str:
    return str(dict(answer["headers"])["content-type"])


def parts(answer: Tree) -> dict[str, tuple[str, bytes, str | None]]:
    raw = f"content-type: {content_type(answer)}\r\n\r\n".encode() + base64.b64decode(answer["bytes"])
    message = email.message_from_bytes(raw, policy=email.policy.HTTP)
    found = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        found[str(name)] = (part.get_content_type(), part.get_payload(decode=True), part.get_filename())
    return found


async def test_properties_are_arguments_of_their_own(far: Far, tmp_path: Path) -> None:
    document = posting({"application/json": {"schema": PET}})
    answer = await arrived(far, tmp_path, document, name="Rex", tags=["a"], owner={"login": None})
    async with made(openapi=written(tmp_path, document), base_url=far.origin) as found:
        schema = found.schema("send")

    assert json.loads(answer["body"]) == {"name": "Rex", "tags": ["a"], "owner": {"login": None}}
    assert content_type(answer) == "application/json"
    assert list(schema["properties"]) == ["id", "name", "tags", "owner"]
    assert schema["required"] == ["id", "name"]


async def test_a_property_that_is_called_like_a_parameter_makes_the_body_one_argument(far: Far, tmp_path: Path) -> None:
    taken = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
    document = posting({"application/json": {"schema": taken}})
    answer = await arrived(far, tmp_path, document, body={"id": "another", "name": "Rex"})

    assert answer["path"] == "/v1/echo/7"
    assert json.loads(answer["body"]) == {"id": "another", "name": "Rex"}


async def test_what_is_no_plain_object_is_one_argument(far: Far, tmp_path: Path) -> None:
    for schema in ({"type": "array", "items": {"type": "integer"}}, {"oneOf": [PET, {"type": "string"}]}, {}):
        answer = await arrived(far, tmp_path, posting({"application/json": {"schema": schema}}), body=[1, 2])

        assert answer["body"] == "[1,2]"


async def test_a_body_that_may_be_absent_is_absent(far: Far, tmp_path: Path) -> None:
    answer = await arrived(far, tmp_path, posting({"application/json": {"schema": PET}}, required=False))

    assert answer["body"] == ""
    assert "content-type" not in dict(answer["headers"])
    assert ["content-length", "0"] in answer["headers"]


async def test_forms_and_how_each_field_is_written(far: Far, tmp_path: Path) -> None:
    properties = {"name": {}, "list": {}, "flat": {}, "filter": {}, "meta": {}, "none": {}}
    encoding = {
        "flat": {"style": "form", "explode": False},
        "filter": {"style": "deepObject", "explode": True},
        "meta": {"contentType": "application/json"},
    }
    media = {"schema": {"type": "object", "properties": properties}, "encoding": encoding}
    answer = await arrived(
        far,
        tmp_path,
        posting({"application/x-www-form-urlencoded": media}),
        name="a&b=c d",
        list=["x", "y"],
        flat=["x", "y"],
        filter={"a": {"b": 1}},
        meta={"k": [1]},
        none=None,
    )

    assert content_type(answer) == "application/x-www-form-urlencoded"
    assert parse_qsl(answer["body"]) == [
        ("name", "a&b=c d"),
        ("list", "x"),
        ("list", "y"),
        ("flat", "x,y"),
        ("filter[a][b]", "1"),
        ("meta", '{"k":[1]}'),
    ]


async def test_multipart_parts(far: Far, tmp_path: Path) -> None:
    properties = {
        "name": {"type": "string"},
        "file": {"type": "string", "format": "binary"},
        "more": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "meta": {"type": "object"},
        "picture": {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"},
    }
    media = {
        "schema": {"type": "object", "properties": properties},
        "encoding": {"picture": {"contentType": "image/png, image/jpeg"}},
    }
    data = b"\0\r\n--narthex\xff"
    answer = await arrived(
        far,
        tmp_path,
        posting({"multipart/form-data": media}, version="3.0.3"),
        name="Grüße\r\nContent-Type: evil",
        file=base64.b64encode(data).decode(),
        more=[base64.b64encode(b"1").decode()],
        meta={"a": 1},
        picture=base64.b64encode(b"PNG").decode(),
    )
    found = parts(answer)

    assert found["name"] == ("text/plain", "Grüße\r\nContent-Type: evil".encode(), None)
    assert found["file"] == ("application/octet-stream", data, "file")
    assert found["more"] == ("application/octet-stream", b"1", "more")
    assert found["meta"] == ("application/json", b'{"a":1}', None)
    assert found["picture"] == ("image/png", b"PNG", "picture")


async def test_text_and_bytes(far: Far, tmp_path: Path) -> None:
    said = await arrived(far, tmp_path, posting({"text/plain": {"schema": {"type": "string"}}}), body="Grüße")
    data = base64.b64encode(b"\0\xff").decode()
    sent = await arrived(far, tmp_path, posting({"application/octet-stream": {}}), body=data)

    assert (said["body"], content_type(said)) == ("Grüße", "text/plain; charset=utf-8")
    assert (base64.b64decode(sent["bytes"]), content_type(sent)) == (b"\0\xff", "application/octet-stream")


async def test_json_is_chosen_before_forms(far: Far, tmp_path: Path) -> None:
    content = {
        "multipart/form-data": {"schema": PET},
        "application/xml": {"schema": PET},
        "application/vnd.api+json": {"schema": PET},
        "application/json": {"schema": PET},
    }
    answer = await arrived(far, tmp_path, posting(content), name="Rex")

    assert content_type(answer) == "application/json"


async def refused(found: Made, /, **arguments: Any) -> str:
    return await found.refusal("send", id="7", **arguments)


async def test_wrong_bodies_are_refused_before_anything_is_sent(far: Far, tmp_path: Path) -> None:
    far.order({})
    document = posting({"application/octet-stream": {}})
    async with made(openapi=written(tmp_path, document), base_url=far.origin) as found:
        no_text = await refused(found, body=7)
        no_base64 = await refused(found, body="not base64!")
        missing = await refused(found)
        unknown = await refused(found, body="", other=1)
        huge = await refused(found, body=base64.b64encode(b"0" * 5_000_000).decode())

    assert no_text == "'body' must be a string: the bytes, as base64."
    assert no_base64 == "'body' is no base64. Encode the bytes as base64, with padding."
    assert missing == "Missing: body."
    assert unknown == "Unknown: other. This tool takes: id, body."
    assert huge == "The request has 5000000 bytes, and 4194304 are allowed. Send less."
    assert far.seen == []
