"""Arguments, documents and answers that try to lead a request elsewhere, or to bring the gateway down."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from openapi_kit import api, api_of, made, written

from narthex.upstream.kinds import LoadFault
from process_kit import Far, Tree

SECRET = "s3cret-key-of-the-api"


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with api() as found:
        yield found


@pytest.fixture
def canary() -> Iterator[tuple[str, list[bytes]]]:
    """Somebody who must never be asked."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            with one:
                heard.append(one.recv(1000))

    thread = threading.Thread(target=listen)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5.0)


def getting(path: str, *parameters: Tree, method: str = "get") -> Tree:
    return api_of({path: {method: {"operationId": "go", "parameters": list(parameters)}}})


OUT = [
    "..",
    ".",
    "",
    "../admin",
    "a/../../admin",
    "..\\admin",
    "%2e%2e",
    "%2E%2e/admin",
    "%252e%252e%252fadmin",
    "..%2fadmin",
    "a/..;x=1/admin",
    ".. /admin",
    "a\r\nHost: evil",
    "a\nX: y",
    "a\0b",
    "a%0d%0aX: y",
    "\x7f",
]


@pytest.mark.parametrize("value", OUT)
async def test_nothing_in_a_path_leads_out_of_its_segment(far: Far, tmp_path: Path, value: str) -> None:
    far.order({})
    document = getting("/echo/{id}/end", {"name": "id", "in": "path", "required": True})
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        said = await found.refusal("go", id=value)

    assert said.startswith("'id' ")
    assert far.seen == []


HARMLESS = ["//evil.example", "@evil.example", "http://evil.example/", "a?b=c", "a#b", "a;b=c", "...", "a..b", "~", "%"]


@pytest.mark.parametrize("value", HARMLESS)
async def test_what_looks_like_an_address_stays_a_value(far: Far, tmp_path: Path, value: str) -> None:
    document = getting("/echo/{id}/end", {"name": "id", "in": "path", "required": True})
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        answer = await found.value("go", id=value)

    assert answer["path"] == f"/v1/echo/{quote(value, safe='')}/end"
    assert ["host", far.origin.removeprefix("http://")] in answer["headers"]


@pytest.mark.parametrize("style", ["simple", "label", "matrix"])
async def test_lists_and_objects_in_a_path_are_held_to_the_same(far: Far, tmp_path: Path, style: str) -> None:
    far.order({})
    document = getting("/echo/{id}", {"name": "id", "in": "path", "required": True, "style": style})
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        for value in (["a", ".."], {"..": "a"}, {"a": "b/../c"}):
            await found.refusal("go", id=value)
    async with made(openapi=written(tmp_path, getting("/echo/{id}")), base_url=far.origin) as found:
        for empty in ([], {}, [""]):
            await found.refusal("go", id=empty)

    assert far.seen == []


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\nb", "a\0", "Grüße", " a", "a ", "\t", "a" * 5000, ["a", "b\r\n"]]
)
async def test_nothing_in_a_header_begins_another_one(far: Far, tmp_path: Path, value: Any) -> None:
    far.order({})
    document = getting("/echo/x", {"name": "X-Tag", "in": "header"})
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        said = await found.refusal("go", **{"X-Tag": value})

    assert said.startswith("'X-Tag' ")
    assert far.seen == []


async def test_cookies_are_escaped(far: Far, tmp_path: Path) -> None:
    document = getting("/echo/x", {"name": "c", "in": "cookie"})
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        answer = await found.value("go", c="a; admin=1\r\nX: y")

    assert ["cookie", "c=a%3B%20admin%3D1%0D%0AX%3A%20y"] in answer["headers"]


async def test_headers_that_are_not_a_models_are_no_arguments(far: Far, tmp_path: Path) -> None:
    names = [
        "Authorization",
        "Host",
        "Content-Length",
        "Cookie",
        "X-API-Key",
        "X-Team",
        "Mcp-Name",
        "Transfer-Encoding",
    ]
    parameters = [{"name": name, "in": "header", "required": True} for name in names]
    keys = [{"name": "key", "in": "query"}, {"name": "token", "in": "query"}, {"name": "X-Mine", "in": "header"}]
    schemes = {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}}
    document = {**getting("/echo/x", *parameters, *keys), "components": schemes}
    config = {"base_url": f"{far.origin}/v1?token={SECRET}", "headers": {"X-Team": "ours"}}
    async with made(openapi=written(tmp_path, document), **config) as found:
        schema = found.schema("go")
        answer = await found.value("go", key="k")

    assert list(schema["properties"]) == ["key", "X-Mine"]
    assert ["x-team", "ours"] in [[name.lower(), value] for name, value in answer["headers"]]
    assert answer["query"].endswith("&key=k")


async def test_our_own_keys_do_not_come_back(far: Far, tmp_path: Path) -> None:
    """An API that tells what it was sent, as many do for trying them out."""
    config = {"base_url": f"{far.origin}/v1?api_key={SECRET}", "headers": {"Authorization": f"Bearer {SECRET}"}}
    async with made(openapi=written(tmp_path, getting("/echo/x")), **config) as found:
        result = await found.result("go")

    assert SECRET in far.seen[-1]["query"]
    assert SECRET not in json.dumps(result)


async def test_our_own_keys_do_not_come_back_in_another_spelling(far: Far, tmp_path: Path) -> None:
    """JSON may escape every sign, and some languages escape each slash."""
    config = {"base_url": f"{far.origin}/v1", "headers": {"Authorization": "Bearer key/of+the/api=="}}
    async with made(openapi=written(tmp_path, getting("/odd/escaped")), **config) as found:
        value = await found.value("go")

    assert value == {"a/b": "***", "b": "***"}


@pytest.mark.parametrize("name", ["tenant", "Tenant", "key"])
async def test_members_of_an_object_are_not_what_the_operator_fills_in(far: Far, tmp_path: Path, name: str) -> None:
    """An object that is exploded in a query gives its members' names to it."""
    anything = {"name": "more", "in": "query", "schema": {"type": "object"}}
    schemes = {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "KEY"}}}
    document = {**getting("/echo/x", anything), "components": schemes}
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1?tenant=acme") as found:
        said = await found.refusal("go", more={name: "evil"})
        answer = await found.value("go", more={"color": "red"})

    assert said == f"'more' must not hold '{name}': it is not yours to fill in."
    assert answer["query"] == "tenant=acme&color=red"


async def test_members_of_an_object_are_no_other_parameter(far: Far, tmp_path: Path) -> None:
    """Its schema says how much of it may be asked for, and nobody looks at it twice."""
    anything = {"name": "more", "in": "query", "schema": {"type": "object"}}
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 10}}
    config = {"base_url": f"{far.origin}/v1"}
    async with made(openapi=written(tmp_path, getting("/echo/x", anything, limit)), **config) as found:
        said = await found.refusal("go", more={"limit": 5000})
        answer = await found.value("go", more={"more": "red"}, limit=3)

    assert said == "'more' must not hold 'limit': that is another parameter."
    assert answer["query"] == "more=red&limit=3"


FORM = {
    "description": "Send a message",
    "request": "POST /echo/x",
    "parameters": {"text": {"type": "string"}, "further": {"type": "object"}},
    "encoding": "form",
    "body": {"role": "guest", "tags": {"of": "us", "on": "{text}"}, "more": "{further}"},
}


@pytest.mark.parametrize("name", ["role", "Role", "of", "on", "tags"])
async def test_members_of_an_object_are_no_other_field_of_a_form(far: Far, name: str) -> None:
    """Of two values of one name many servers take the last."""
    far.order({})
    async with made(http=f"{far.origin}/v1", requests={"send": FORM}) as found:
        said = await found.refusal("send", further={name: "evil"})
        seen = len(far.seen)
        answer = await found.value("send", further={"color": "red"}, text="a")

    assert said == f"'further' must not hold '{name}': that is another field of the form."
    assert seen == 0
    assert answer["body"] == "role=guest&of=us&on=a&color=red"


async def test_members_of_an_object_are_no_other_field_of_a_documents_form(far: Far, tmp_path: Path) -> None:
    fields = {"filter": {"type": "object"}, "limit": {"type": "integer", "maximum": 10}}
    document = getting("/echo/x", method="post")
    media = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": fields}}}
    document["paths"]["/echo/x"]["post"]["requestBody"] = {"content": media}
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        said = await found.refusal("go", filter={"limit": 5000})
        answer = await found.value("go", filter={"color": "red"}, limit=3)

    assert said == "'filter' must not hold 'limit': that is another field of the form."
    assert answer["body"] == "color=red&limit=3"


async def test_servers_of_the_document_are_not_believed(
    far: Far, tmp_path: Path, canary: tuple[str, list[bytes]]
) -> None:
    evil, heard = canary
    servers = {"servers": [{"url": evil}]}
    document = {**getting("/echo/x"), **servers}
    document["paths"]["/echo/x"] |= servers
    document["paths"]["/echo/x"]["get"] |= servers
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        answer = await found.value("go")

    assert answer["path"] == "/v1/echo/x"
    assert heard == []


async def test_references_out_of_the_document_are_not_followed(
    far: Far, tmp_path: Path, canary: tuple[str, list[bytes]]
) -> None:
    evil, heard = canary
    (tmp_path / "other.json").write_text('{"type": "string"}')
    parameters = [
        {"name": "a", "in": "query", "schema": {"$ref": f"{evil}/schema"}},
        {"name": "b", "in": "query", "schema": {"$ref": "other.json"}},
        {"name": "c", "in": "query", "schema": {"$ref": "file:///etc/passwd"}},
    ]
    document = getting("/echo/x", *parameters)
    document["paths"]["/out"] = {"$ref": f"{evil}/paths"}
    document["paths"]["/there"] = {"get": {"operationId": "there", "parameters": [{"$ref": f"{evil}/parameter"}]}}
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        schema, names, said = found.schema("go"), found.names, found.said

    assert schema["properties"] == {"a": {}, "b": {}, "c": {}}
    assert names == ["go"]
    assert len([line for line in said if "leads out of the document" in line]) == 5
    assert heard == []


REDIRECTS_OUT = [
    "http://169.254.169.254/latest/meta-data",
    "//evil.example/x",
    "https://127.0.0.1/x",
    "http://127.0.0.1:1/x",
    "http://user@127.0.0.1/x",
    "/elsewhere",
    "/v1/../elsewhere",
    "/v1/%2e%2e/elsewhere",
    "/v1%2f..%2felsewhere",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "http://2130706433:{port}/v1/echo/x",
    "http://127.1:{port}/v1/echo/x",
    "http://0x7f.0.0.1:{port}/v1/echo/x",
    "http://[::ffff:127.0.0.1]:{port}/v1/echo/x",
    "http://localhost:{port}/v1/echo/x",
    "http://[::1",
]


@pytest.mark.parametrize("target", REDIRECTS_OUT)
async def test_redirects_are_followed_below_the_base_url_alone(far: Far, tmp_path: Path, target: str) -> None:
    far.order({})
    document = getting("/redirect", {"name": "to", "in": "query"})
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        said = await found.refusal("go", to=target.replace("{port}", far.origin.rpartition(":")[2]))

    assert "which is not followed: only addresses below its base URL are." in said
    assert len(far.seen) == 1


async def test_redirects_below_it_are_followed(far: Far, tmp_path: Path) -> None:
    to, code = {"name": "to", "in": "query"}, {"name": "code", "in": "query"}
    async with made(openapi=written(tmp_path, getting("/redirect", to, code)), base_url=f"{far.origin}/v1") as found:
        answers = [await found.value("go", to="echo/a?b=c", code=number) for number in (301, 302, 303, 307, 308)]
        round_and_round = await found.refusal("go", to="redirect?to=redirect%3Fto%3Dredirect", code=302)

    assert [(one["path"], one["query"]) for one in answers] == [("/v1/echo/a", "b=c")] * 5
    assert "redirect" in round_and_round


async def test_what_changes_something_is_sent_again_only_where_that_is_meant(far: Far, tmp_path: Path) -> None:
    document = getting("/redirect", {"name": "to", "in": "query"}, {"name": "code", "in": "query"}, method="post")
    media = {"content": {"application/json": {"schema": {"type": "object", "properties": {"a": {}}}}}}
    document["paths"]["/redirect"]["post"]["requestBody"] = media
    async with made(openapi=written(tmp_path, document), base_url=f"{far.origin}/v1") as found:
        kept = await found.value("go", to="echo/a", code=307, a=1)
        seen = await found.value("go", to="echo/a", code=303, a=1)
        not_followed = await found.refusal("go", to="echo/a", code=302, a=1)

    assert (kept["method"], kept["body"]) == ("POST", '{"a":1}')
    assert (seen["method"], seen["body"]) == ("GET", "")
    assert "content-type" not in dict(seen["headers"])
    assert not_followed == "POST /redirect answered 302 Found. Such an answer is not followed here."


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "100.100.100.200"])
async def test_a_document_is_not_asked_for_where_clouds_keep_secrets(far: Far, host: str) -> None:
    with pytest.raises(LoadFault, match="is a cloud metadata address"):
        async with made(openapi=f"http://{host}/openapi.json", base_url=far.origin):
            raise AssertionError("unreachable")


async def test_a_compressed_answer_is_not_unpacked(far: Far, tmp_path: Path) -> None:
    async with made(openapi=written(tmp_path, getting("/bomb")), base_url=f"{far.origin}/v1") as found:
        said = await found.refusal("go")

    assert "compressed although that was not asked for" in said


async def test_an_answer_over_the_limit_is_refused(far: Far, tmp_path: Path) -> None:
    async with made(openapi=written(tmp_path, getting("/large")), base_url=f"{far.origin}/v1") as found:
        said = await found.refusal("go")

    assert said.endswith("its answer is over the limit; ask for less, by page or by filter.")


async def test_an_argument_cannot_make_a_url_without_end(far: Far, tmp_path: Path) -> None:
    document = getting("/echo/x", {"name": "q", "in": "query"})
    async with made(openapi=written(tmp_path, document), base_url=far.origin) as found:
        said = await found.refusal("go", q="a" * 9000)
        deep: Any = 1
        for _ in range(60):
            deep = {"a": deep}
        nested = await found.value("go", q=deep)

    assert said == "The arguments make a URL of 9010 bytes; 8192 are allowed."
    assert nested["query"].startswith("a=")


async def test_an_address_that_is_not_the_apis_is_shown_no_keys(far: Far, canary: tuple[str, list[bytes]]) -> None:
    evil, heard = canary
    with pytest.raises(LoadFault):
        async with made(openapi=f"{evil}/openapi.json", base_url=far.origin, headers={"X-Key": SECRET}):
            raise AssertionError("unreachable")

    assert len(heard) == 1
    assert SECRET.encode() not in heard[0]


async def test_the_apis_own_document_is_asked_for_as_the_api_is(far: Far) -> None:
    place = f"{far.origin}/v1/openapi.json?key=wanted"
    async with made(openapi=place, base_url=f"{far.origin}/v1", headers={"X-Key": "wanted"}) as found:
        value = await found.value("list_items")

    assert len(value["result"]) == 10


async def test_a_document_may_be_larger_than_an_answer(far: Far) -> None:
    async with made(openapi=f"{far.origin}/v1/large.json", base_url=f"{far.origin}/v1") as found:
        value = await found.value("list_items")

    assert len(value["result"]) == 10


NO_DOCUMENTS = {
    "/v1/status/404": "answered with status 404",
    "/v1/redirect?to=/v1/openapi.json": "answered with status 302; redirects are not followed",
    "/v1/odd/csv": "neither JSON nor YAML|no 'openapi'|cannot be read",
    "/v1/odd/picture": "not UTF-8|neither JSON nor YAML",
    "/v1/odd/nothing": "cannot be read|neither JSON nor YAML",
    "/v1/bomb": "compressed",
}


@pytest.mark.parametrize(("path", "expected"), NO_DOCUMENTS.items())
async def test_what_is_no_document_at_an_address_says_why(far: Far, path: str, expected: str) -> None:
    for base in (f"{far.origin}/v1", "http://127.0.0.1:9"):  # asked as the API, and as anybody
        with pytest.raises(LoadFault, match=expected):
            async with made(openapi=f"{far.origin}{path}", base_url=base):
                raise AssertionError("unreachable")


async def test_a_document_that_chooses_nothing_is_no_server(far: Far, tmp_path: Path) -> None:
    with pytest.raises(LoadFault, match="none of its 1 operations is chosen"):
        async with made(openapi=written(tmp_path, getting("/x")), base_url=far.origin, operations={"tags": ["none"]}):
            raise AssertionError("unreachable")
