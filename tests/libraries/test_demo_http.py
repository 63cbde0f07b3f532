"""A server of the demo over Streamable HTTP, in both eras, with the bytes of the requests written here."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import schema_judge
from demo_peer import seconds_max

Tree = dict[str, Any]
META = {
    "io.modelcontextprotocol/protocolVersion": schema_judge.MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Reply:
    """One HTTP response: read whole with `body()`, or event by event."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}

    async def head(self) -> "Reply":
        async with asyncio.timeout(seconds_max):
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        return self

    async def json(self) -> Any:
        async with asyncio.timeout(seconds_max):
            return json.loads(await self._reader.readexactly(int(self.headers["content-length"])))

    async def event(self) -> Tree | None:
        """The next event's message, or None at the end of the stream."""
        async with asyncio.timeout(seconds_max):
            while line := await self._reader.readline():
                if line.startswith(b"data: "):
                    message: Tree = json.loads(line[6:])
                    return message
        return None

    async def events(self) -> list[Tree]:
        found = []
        while (message := await self.event()) is not None:
            found.append(message)
        return found

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class Site:
    """The demo's tickets, listening. Each request has a connection of its own."""

    def __init__(self, port: int, process: asyncio.subprocess.Process) -> None:
        self.port = port
        self.process = process
        self.replies: list[Reply] = []

    async def aclose(self) -> None:
        for reply in self.replies:
            await reply.close()

    async def send(self, method: str, body: bytes = b"", path: str = "/mcp", **headers: str) -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        lines = {"host": f"127.0.0.1:{self.port}", "content-length": str(len(body)), "connection": "close"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(head.encode("latin-1") + b"\r\n" + body)
        self.replies.append(Reply(reader, writer))
        return await self.replies[-1].head()

    async def post(self, message: Any, **headers: str) -> Reply:
        return await self.send("POST", json.dumps(message).encode(), content_type="application/json", **headers)

    async def modern(self, method: str, params: Tree | None = None, meta: Tree | None = None, **headers: str) -> Reply:
        params = (params or {}) | {"_meta": META | (meta or {})}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        schema_judge.check(schema_judge.MODERN, "ClientRequest", message)
        own = {"mcp_protocol_version": schema_judge.MODERN, "mcp_method": method}
        if (name := params.get("name", params.get("uri"))) is not None:
            own["mcp_name"] = name
        return await self.post(message, **(own | headers))

    async def call(self, tool: str, **arguments: Any) -> Tree:
        reply = await self.modern("tools/call", {"name": tool, "arguments": arguments})
        result: Tree = (await reply.json())["result"]
        return result

    async def open_session(self, revision: str) -> dict[str, str]:
        """Initialize; the headers of what follows."""
        mine = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        reply = await self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": mine})
        schema_judge.check_message(revision, await reply.json(), "initialize")
        headers = {"mcp_session_id": reply.headers["mcp-session-id"], "mcp_protocol_version": revision}
        assert (await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, **headers)).status == 202
        return headers


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "narthex.libraries.demo.tickets", "--http", "0", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(seconds_max):
            said = (await process.stderr.readline()).decode()
        site = Site(int(said.rsplit(":", 1)[1].split("/")[0]), process)
        yield site
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(seconds_max):
            rest = await process.stderr.read()
            code = await process.wait()
        await site.aclose()

        assert (code, rest) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_modern_requests_are_answered_as_json(site: Site) -> None:
    for method in ("server/discover", "tools/list", "resources/list"):
        reply = await site.modern(method)
        answer = await reply.json()

        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        assert "mcp-session-id" not in reply.headers
        schema_judge.check_message(schema_judge.MODERN, answer, method)


async def test_news_before_the_answer_makes_it_a_stream(site: Site) -> None:
    call = {"name": "run_report", "arguments": {"seconds": 0.1}}
    reply = await site.modern("tools/call", call, {"progressToken": "p"})
    messages = await reply.events()

    assert reply.headers["content-type"] == "text/event-stream"
    assert [one["params"]["progress"] for one in messages[:-1]] == list(range(1, 21))
    for one in messages:
        schema_judge.check_message(schema_judge.MODERN, one, "tools/call")


async def test_listeners_hear_of_changes_made_by_others_until_the_server_ends(site: Site) -> None:
    listening = await site.modern(
        "subscriptions/listen", {"notifications": {"resourceSubscriptions": ["ticket://t-2001"]}}
    )
    acknowledged = await listening.event()
    await site.call("update_ticket", id="t-2001", status="closed")
    updated = await listening.event()

    assert acknowledged["params"]["notifications"] == {"resourceSubscriptions": ["ticket://t-2001"]}
    assert updated["params"]["uri"] == "ticket://t-2001"
    assert updated["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": 1}


async def test_a_stream_is_closed_with_a_result_when_the_server_ends(site: Site) -> None:
    listening = await site.modern("subscriptions/listen", {"notifications": {"resourcesListChanged": True}})
    await listening.event()
    site.process.terminate()
    closing = await listening.event()

    assert closing["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 1
    assert await listening.event() is None


@pytest.mark.parametrize(
    "headers",
    [
        {"mcp_method": "tools/list"},
        {"mcp_name": "create_ticket"},
        {"mcp_name": "=?base64?%%%?="},
        {"mcp_protocol_version": "2025-11-25"},
    ],
)
async def test_headers_that_say_something_else_than_the_body_are_refused(site: Site, headers: dict[str, str]) -> None:
    reply = await site.modern("tools/call", {"name": "list_tickets"}, **headers)

    assert reply.status == 400
    assert (await reply.json())["error"]["code"] == -32020


async def test_a_name_may_come_as_base64(site: Site) -> None:
    reply = await site.modern("tools/call", {"name": "list_tickets"}, mcp_name="=?base64?bGlzdF90aWNrZXRz?=")

    assert reply.status == 200


async def test_unknown_versions_and_methods_have_the_status_of_the_modern_era(site: Site) -> None:
    version = {"io.modelcontextprotocol/protocolVersion": "2031-01-01"}
    unknown = await site.modern("tools/list", None, version, mcp_protocol_version="2031-01-01")
    message = {"jsonrpc": "2.0", "id": 1, "method": "no/such", "params": {"_meta": META}}
    method = await site.post(message, mcp_protocol_version=schema_judge.MODERN, mcp_method="no/such")

    assert (unknown.status, (await unknown.json())["error"]["code"]) == (400, -32022)
    assert (method.status, (await method.json())["error"]["code"]) == (404, -32601)


@pytest.mark.parametrize("revision", schema_judge.REVISIONS[1:-1])
async def test_a_legacy_session_lives_from_initialize_to_delete(site: Site, revision: str) -> None:
    headers = await site.open_session(revision)
    listed = await site.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, **headers)
    schema_judge.check_message(revision, await listed.json(), "tools/list")
    ended = await site.send("DELETE", **headers)
    after = await site.post({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, **headers)

    assert (listed.status, ended.status, after.status) == (200, 200, 404)


async def test_a_legacy_session_is_told_of_changes_on_its_own_stream(site: Site) -> None:
    headers = await site.open_session("2025-11-25")
    subscribe = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "ticket://t-2003"}}
    await site.post(subscribe, **headers)
    stream = await site.send("GET", accept="text/event-stream", **headers)
    second = await site.send("GET", accept="text/event-stream", **headers)
    await site.call("update_ticket", id="t-2003", status="waiting")
    told = await stream.event()

    assert second.status == 409
    assert told == {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "ticket://t-2003"}}


async def test_a_legacy_call_is_cancelled_from_another_connection(site: Site) -> None:
    headers = await site.open_session("2025-06-18")
    params = {"name": "run_report", "arguments": {"seconds": 5}, "_meta": {"progressToken": 1}}
    reply = await site.post({"jsonrpc": "2.0", "id": "r", "method": "tools/call", "params": params}, **headers)
    await reply.event()
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "r"}}
    await site.post(cancel, **headers)
    rest = await reply.events()

    assert all(one["method"] == "notifications/progress" for one in rest)
    assert len(rest) < 19


async def test_without_a_session_a_legacy_request_is_refused(site: Site) -> None:
    reply = await site.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})

    assert reply.status == 400


async def test_batches_are_known_to_one_revision(site: Site) -> None:
    statuses = {}
    for revision in ("2025-03-26", "2025-06-18"):
        headers = await site.open_session(revision)
        reply = await site.post([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], **headers)
        statuses[revision] = reply.status

    assert statuses == {"2025-03-26": 200, "2025-06-18": 400}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"host": "evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
    ],
)
async def test_pages_of_other_sites_may_not_call(site: Site, headers: dict[str, str], status: int) -> None:
    assert (await site.modern("tools/list", **headers)).status == status


async def test_bodies_that_are_too_long_or_no_messages_are_refused(site: Site) -> None:
    long = await site.send("POST", b" " * (4 * 1024 * 1024 + 1))
    broken = await site.send("POST", b"{")
    number = await site.send("POST", b"17")
    elsewhere = await site.send("POST", b"{}", path="/elsewhere")
    put = await site.send("PUT")

    assert [one.status for one in (long, broken, number, elsewhere, put)] == [413, 400, 400, 404, 405]


async def test_a_missing_resource_has_the_status_of_the_modern_era(site: Site) -> None:
    reply = await site.modern("resources/read", {"uri": "ticket://t-1"})

    assert (reply.status, (await reply.json())["error"]["code"]) == (400, -32602)
