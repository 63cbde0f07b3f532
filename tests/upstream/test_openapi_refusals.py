"""Sentences for models about answers that are none of success, and the forms of answers that are asked for."""

import json
from email.utils import formatdate
from typing import Any

import pytest
from openapi_kit import api_of

from narthex.limits import http_error_chars_max
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.openapi.importing import imported
from narthex.upstream.openapi.refusals import said_no, seconds_to_wait

NOW = 1_700_000_000.0


def reply(status: int, body: bytes = b"", kind: bytes = b"application/json", **headers: str) -> HttpReply:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return HttpReply(status, {b"content-type": kind, **named}, kind.partition(b";")[0], body)


WAITS = [
    ({"retry_after": "17"}, 17),
    ({"retry_after": formatdate(NOW + 90, usegmt=True)}, 90),
    ({"retry_after": formatdate(NOW - 90, usegmt=True)}, 0),
    ({"retry_after": "soon"}, None),
    ({"retry_after": "-1"}, None),
    ({"retry_after": "99999999999"}, None),
    ({"retry_after": "٣"}, None),
    ({"x_ratelimit_reset": str(int(NOW) + 30)}, 30),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "expected"), WAITS)
def test_how_long_to_wait(headers: dict[str, str], expected: int | None) -> None:
    assert seconds_to_wait(reply(429, **headers), NOW) == expected


SAID = [
    (reply(404, b'{"message":\n "no"}'), 'GET /x answered 404 Not Found: {"message":"no"} Check the identifiers'),
    (reply(400, b"a\x00b\x1b[31m\r\nc", b"text/plain"), "GET /x answered 400 Bad Request: a b [31m c. Check"),
    (reply(500, b"<html>secret</html>", b"text/html; charset=utf-8"), "GET /x answered 500 Internal Server Error. The"),
    (reply(400, b"not json"), "GET /x answered 400 Bad Request: not json. Check the arguments"),
    (
        reply(502, b"\x00\x01\x02", b"application/octet-stream"),
        "GET /x answered 502 Bad Gateway. The fault is the API's.",
    ),
    (reply(799), "GET /x answered 799."),
    (reply(304), "GET /x answered 304 Not Modified. Such an answer is not followed here."),
    (reply(400, b"[" * 9000), "GET /x answered 400 Bad Request: [[["),
]


@pytest.mark.parametrize(("answer", "expected"), SAID)
def test_what_is_said(answer: HttpReply, expected: str) -> None:
    said = said_no(answer, "GET /x", NOW)

    assert said.startswith(expected)
    assert len(said) < http_error_chars_max + 200
    assert said.isprintable()


ACCEPTED: list[tuple[Any, str]] = [
    (None, "application/json, */*;q=0.5"),
    ({"200": {"content": {"application/json": {}}}}, "application/json, */*;q=0.5"),
    ({"200": {"content": {"text/csv": {}}}}, "text/csv, */*;q=0.5"),
    (
        {"200": {"content": {"application/xml": {}, "application/vnd.api+json": {}}}},
        "application/vnd.api+json, application/xml;q=0.8, */*;q=0.5",
    ),
    ({"201": {"$ref": "#/components/responses/R"}}, "image/png, */*;q=0.5"),
    ({"404": {"content": {"text/plain": {}}}, "200": {"$ref": "#/nothing"}}, "application/json, */*;q=0.5"),
    ({"200": {"content": {"a\r\nX: y/z": {}, "*/*": {}, "": {}}}, "default": 7}, "application/json, */*;q=0.5"),
]


@pytest.mark.parametrize(("responses", "expected"), ACCEPTED)
def test_what_is_asked_for(responses: Any, expected: str) -> None:
    components = {"responses": {"R": {"content": {"image/png": {}}}}}
    document = api_of({"/x": {"get": {"responses": responses}}}, components=components)

    assert imported(json.dumps(document).encode()).tools[0].operation.accept == expected


def test_a_secret_is_not_cut_in_two() -> None:
    answer = reply(400, b"x" * (http_error_chars_max - 10) + b" s3cret-key-of-the-api", b"text/plain")
    said = said_no(answer, "GET /x", 0.0, lambda text: text.replace("s3cret-key-of-the-api", "***"))

    assert "x ***" in said
    assert "s3c" not in said
