"""The admin address on a real port."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
from prometheus_client.parser import text_string_to_metric_families

from narthex.control.admin import OPENAPI, Admin, AdminRefused, listen_address
from narthex.control.explaining import NoAnswer
from narthex.limits import admin_body_bytes_max
from narthex.telemetry.log import Log
from narthex.telemetry.metrics import Metrics
from narthex.upstream.credentials.face import CredentialFault

seconds_max = 10


class Cottage:
    """A very small house."""

    def servers(self) -> list[dict[str, Any]]:
        crm = {"name": "crm", "kind": "command", "era": "modern", "revision": "2026-07-28", "state": "ready"}
        new = {"name": "new", "kind": "upstream", "era": None, "revision": None, "state": "starting"}
        calls = {"breaker": "closed", "failures": 0, "retry_seconds": None, "calls": 7, "calls_waiting": 0}
        crm, new = crm | calls, new | calls
        return [
            crm | {"tools": 3, "degraded": False, "last_error": None, "processes": 1},
            new | {"tools": 0, "degraded": True, "last_error": "connection refused", "processes": 0},
        ]

    def keys(self) -> list[dict[str, Any]]:
        times = {"created": 1.0, "expires": None, "last_used": 2.0, "revoked": None}
        key = {"prefix": "nx_k3v9x2mp", "name": "ci", "state": "active", "scopes": ["a"], "tenant": None}
        return [{**key, **times, "endpoints": None, "replaced_by": None}]

    async def grants(self) -> list[dict[str, Any]]:
        grant = {"user": "ana", "tenant": None, "known_by": "https://idp.example", "server": "crm", "state": "given"}
        return [{**grant, "issuer": "https://auth.example", "since": 1.0, "renewal": None}]

    def explain(self, question: object) -> dict[str, Any]:
        if question != {"scopes": ["a"], "tool": "x"}:
            raise NoAnswer("There is no endpoint 'nowhere'.")
        step = {"name": "scopes", "about": "Whoever calls must have every scope.", "verdict": "denied", "why": "No."}
        rules = {"required_by": [{"where": "servers.crm.scopes", "scopes": ["b"]}], "required_scopes": ["b"]}
        return {"allowed": False, "decided_by": "scopes", "told": "No.", "steps": [step], **rules, "missing_scopes": []}

    def snapshot(self) -> dict[str, Any]:
        counts = {"tools": 3, "resources": 22, "resource_templates": 1, "prompts": 1}
        return {"serial": 4, "endpoints": [{"name": "", **counts}, {"name": "support", **counts}]}


class Ruin(Cottage):
    def servers(self) -> list[dict[str, Any]]:
        raise RuntimeError("the roof fell in")

    async def grants(self) -> list[dict[str, Any]]:
        raise CredentialFault("not now", "the vault cannot be used: it is a ruin")


@pytest.fixture
async def admin() -> AsyncIterator[Admin]:
    one = Admin("http://127.0.0.1:0", Cottage(), Metrics(), Log())
    await one.start()
    yield one
    await one.aclose()


async def get(
    admin: Admin, path: str, *headers: str, method: str = "GET", host: str | None = None, body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """One request on its own connection, with the bytes written here."""
    address, port = admin.url.removeprefix("http://").rsplit(":", 1)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'{address}:{port}'}", *headers, "Connection: close"]
    async with asyncio.timeout(seconds_max):
        reader, writer = await asyncio.open_connection(address.strip("[]"), int(port))
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head, _, found = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    first, *rest = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return int(first.split()[1]), named, found


async def test_the_house_is_shown_in_the_form_that_the_document_promises(admin: Admin) -> None:
    for path in ("/healthz", "/api/servers", "/api/keys", "/api/grants", "/api/snapshot", "/api/openapi.json"):
        status, headers, body = await get(admin, path)
        promised = OPENAPI["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

        assert (status, headers["content-type"]) == (200, "application/json")
        jsonschema_rs.validate(promised, json.loads(body))


async def test_servers_are_shown_as_the_house_has_them(admin: Admin) -> None:
    _, _, body = await get(admin, "/api/servers")

    assert json.loads(body)["servers"] == Cottage().servers()


async def test_the_document_names_every_route_and_no_other(admin: Admin) -> None:
    _, _, body = await get(admin, "/api/openapi.json")
    paths = json.loads(body)["paths"]
    answers = {path: (await get(admin, path))[0] for path, item in paths.items() if "get" in item}

    assert set(answers.values()) == {200}
    assert len(answers) == 7
    assert [path for path, item in paths.items() if "post" in item] == ["/api/explain"]


def test_the_document_is_openapi() -> None:
    assert OPENAPI["openapi"] == "3.1.0"
    for path, item in OPENAPI["paths"].items():
        assert path.startswith("/")
        for answer in item.get("get", item.get("post"))["responses"].values():
            assert answer["description"]
            for media in answer.get("content", {}).values():
                jsonschema_rs.validator_for(media.get("schema", {}))


async def ask(admin: Admin, body: bytes, *headers: str, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    """One question to /api/explain."""
    said = (f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers)
    status, _, answer = await get(admin, "/api/explain", *said, method="POST", body=body)
    return status, json.loads(answer)


async def test_a_question_is_answered_in_the_form_that_the_document_promises(admin: Admin) -> None:
    status, answer = await ask(admin, b'{"scopes": ["a"], "tool": "x"}')
    item = OPENAPI["paths"]["/api/explain"]["post"]

    assert (status, answer["decided_by"]) == (200, "scopes")
    jsonschema_rs.validate(item["responses"]["200"]["content"]["application/json"]["schema"], answer)
    jsonschema_rs.validate(item["requestBody"]["content"]["application/json"]["schema"], {"key": "nx_1", "tool": "x"})


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b'{"tool": "x"}', "application/json", 400, "There is no endpoint"),
        (b"{", "application/json", 400, "truncated"),
        (b"", "application/json", 400, "There is no endpoint"),
        (b'{"scopes": ["a"], "tool": "x"}', "text/plain", 415, "application/json"),
        (b" " * (admin_body_bytes_max + 1), "application/json", 413, "larger than"),
    ],
)
async def test_a_question_nobody_can_answer_is_refused_in_words(
    admin: Admin, body: bytes, kind: str, status: int, said: str
) -> None:
    found, answer = await ask(admin, body, kind=kind)

    assert found == status
    assert said in answer["error"]


async def test_pages_of_other_sites_may_not_ask(admin: Admin) -> None:
    status, _ = await ask(admin, b'{"scopes": ["a"], "tool": "x"}', "Origin: https://evil.example")

    assert status == 403
    assert (await get(admin, "/api/explain"))[0] == 405


async def test_metrics_are_scraped(admin: Admin) -> None:
    status, headers, body = await get(admin, "/metrics")
    names = {family.name for family in text_string_to_metric_families(body.decode())}

    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "narthex_event_loop_delay_seconds" in names


async def test_openmetrics_is_given_when_asked_for(admin: Admin) -> None:
    _, headers, body = await get(admin, "/metrics", "Accept: application/openmetrics-text; version=1.0.0")

    assert headers["content-type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}", "127.0.0.1"])
async def test_every_name_of_this_machine_is_answered(admin: Admin, host: str) -> None:
    port = admin.url.rsplit(":", 1)[1]

    assert (await get(admin, "/healthz", host=host.format(port=port)))[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:80", "127.0.0.1:1", "a@127.0.0.1@b", "[::1", "10.0.0.1"]
)
async def test_a_name_that_is_not_ours_is_turned_away(admin: Admin, host: str) -> None:
    """DNS rebinding: a page's own name may point here, but it is still that name."""
    for path in ("/metrics", "/api/servers", "/nothing"):
        assert (await get(admin, path, host=host))[0] == 421


async def test_two_hosts_are_none(admin: Admin) -> None:
    assert (await get(admin, "/healthz", "Host: evil.example"))[0] in (400, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://localhost:3000"])
async def test_pages_of_other_sites_are_turned_away(admin: Admin, origin: str) -> None:
    status, headers, _ = await get(admin, "/api/servers", f"Origin: {origin}")

    assert status == 403
    assert "access-control-allow-origin" not in headers


async def test_our_own_origin_is_let_in(admin: Admin) -> None:
    assert (await get(admin, "/api/servers", f"Origin: {admin.url}"))[0] == 200


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nothing", "GET", 404), ("/metrics", "POST", 405), ("/", "GET", 404)]
)
async def test_what_is_not_there_is_said_as_json(admin: Admin, path: str, method: str, status: int) -> None:
    found, _, body = await get(admin, path, "Content-Length: 0", method=method)

    assert found == status
    assert json.loads(body)["error"]


async def test_a_fault_of_the_house_is_an_answer_without_inner_matters_and_a_line_in_the_log(capfd: Any) -> None:
    log = Log()
    admin = Admin("http://127.0.0.1:0", Ruin(), Metrics(), log)
    await admin.start()
    status, _, body = await get(admin, "/api/servers")
    await admin.aclose()

    assert status == 500
    assert b"roof" not in body
    assert log.waiting() == ["The admin address could not answer /api/servers"]
    assert capfd.readouterr() == ("", "")


async def test_grants_that_cannot_be_looked_up_are_a_sentence() -> None:
    admin = Admin("http://127.0.0.1:0", Ruin(), Metrics(), Log())
    await admin.start()
    status, _, body = await get(admin, "/api/grants")
    await admin.aclose()

    assert (status, json.loads(body)) == (503, {"error": "the vault cannot be used: it is a ruin"})


async def test_it_stops_while_somebody_is_connected_and_frees_its_port(admin: Admin) -> None:
    host, port = admin.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(6):
        await admin.aclose()
    writer.close()
    await writer.wait_closed()
    with socket.create_server((host, int(port))) as again:
        assert again.getsockname()[1] == int(port)


async def test_signals_are_left_to_whoever_had_them() -> None:
    def handlers() -> list[Any]:
        return [signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)]

    before = handlers()
    admin = Admin("http://127.0.0.1:0", Cottage(), Metrics(), Log())
    await admin.start()
    await get(admin, "/healthz")
    during = handlers()
    await admin.aclose()

    assert before == during == handlers()


async def test_a_taken_port_is_said_at_the_start(admin: Admin) -> None:
    second = Admin(admin.url, Cottage(), Metrics(), Log())
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.aclose()


async def test_the_other_loopback_works() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    admin = Admin("http://[::1]:0", Cottage(), Metrics(), Log())
    try:
        await admin.start()
    except OSError:
        pytest.skip("this machine has no ::1")
    status, _, _ = await get(admin, "/healthz")
    await admin.aclose()

    assert status == 200


@pytest.mark.parametrize(
    ("listen", "reason"),
    [
        ("http://0.0.0.0:8081", "serves this machine only"),
        ("http://10.1.2.3:8081", "serves this machine only"),
        ("http://admin.example:8081", "serves this machine only"),
        ("http://[::]:8081", "serves this machine only"),
        ("https://127.0.0.1:8081", "write it as"),
        ("127.0.0.1:8081", "write it as"),
        ("http://127.0.0.1:8081/admin", "write it as"),
        ("http://user:pw@127.0.0.1:8081", "write it as"),
        ("http://127.0.0.1:99999", "out of range"),
        ("", "write it as"),
    ],
)
def test_anything_but_the_loopback_is_refused_with_the_reason(listen: str, reason: str) -> None:
    with pytest.raises(AdminRefused, match=reason):
        listen_address(listen)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("http://127.0.0.1:8081", ("127.0.0.1", 8081)),
        ("http://localhost:9", ("127.0.0.1", 9)),
        ("http://[::1]:8081/", ("::1", 8081)),
        ("http://127.0.0.2", ("127.0.0.2", 80)),
    ],
)
def test_the_loopback_is_taken(listen: str, address: tuple[str, int]) -> None:
    assert listen_address(listen) == address
