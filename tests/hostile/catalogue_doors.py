"""Before any message: paths, methods, Host and Origin, content types, and the older revisions' own headers."""

from catalogue_modern import BASE, body, swapped
from hostile_rows import INVALID, METHOD, Http

GOOD = body()
LEGACY_CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rec__echo"}}'
PLAIN = (("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream"))
ALLOW = "GET, POST, DELETE"


def path(target: str, status: int, reason: str) -> Http:
    return Http(f"path {target[:40]}", BASE, GOOD, status, INVALID, reason, path=target)


def door(name: str, host: str, status: int, reason: str) -> Http:
    return Http(f"Host {name}", BASE, GOOD, status, INVALID, reason, host=host)


def origin(value: str) -> Http:
    return Http(f"Origin {value}", (*BASE, ("Origin", value)), GOOD, 403, INVALID, "origin_not_allowed")


def kind(value: str) -> Http:
    return Http(f"Content-Type {value}", swapped("Content-Type", value), GOOD, 415, INVALID, "content_type")


def accept(value: str) -> Http:
    return Http(f"Accept {value}", swapped("Accept", value), GOOD, 406, INVALID, "accept")


def verb(method: str, status: int, reason: str, headers: tuple[tuple[str, str], ...] = BASE) -> Http:
    return Http(f"method {method}", headers, b"", status, INVALID, reason, method=method)


def session(name: str, value: str, sentence: bytes = LEGACY_CALL, version: str | None = None) -> Http:
    sent = (*PLAIN, ("Mcp-Session-Id", value), *((("MCP-Protocol-Version", version),) if version else ()))
    return Http(f"session {name}", sent, sentence, 404, INVALID)


ROWS = (
    path("/", 404, "not_found"),
    path("/mcpx", 404, "not_found"),
    path("/MCP", 404, "not_found"),
    path("/mcp/nothing", 404, "unknown_endpoint"),
    path("/mcp/ONE", 404, "unknown_endpoint"),
    path("/mcp/one/two", 404, "not_found"),
    path("/mcp//", 404, "not_found"),
    path("//mcp", 404, "not_found"),
    path("/mcp/" + "x" * 3_000, 404, "unknown_endpoint"),
    path("/mcp/../mcp", 400, "target_path"),
    path("/mcp/..", 400, "target_path"),
    path("/./mcp", 400, "target_path"),
    path("/mcp/%2e%2e/mcp", 400, "target_path"),
    path("/mcp/.%2E/mcp", 400, "target_path"),
    path("/mcp%2fone", 400, "target_path"),
    path("/mcp%2Fone", 400, "target_path"),
    path("/mcp%5cone", 400, "target_path"),
    path("/mcp/one%00", 400, "target_path"),
    path("/mcp/%252e%252e/", 400, "target_path"),
    path("/mcp/%", 400, "target_path"),
    path("/mcp/%zz", 400, "target_path"),
    path("/mcp/on%C3%A9", 400, "target_path"),
    path("/mcp/<script>", 400, "target_path"),
    path("/mcp\\one", 400, "target_path"),
    path("/metrics", 404, "not_found"),
    path("/api/servers", 404, "not_found"),
    path("/.well-known/oauth-protected-resource", 404, "not_found"),
    path("/sse/nothing", 404, "unknown_endpoint"),
    # Host and Origin (DNS rebinding)
    door("of another name", "evil.example", 421, "host_not_allowed"),
    door("of another name with our port", "evil.example:8080", 421, "host_not_allowed"),
    door("of our name below theirs", "localhost.evil.example", 421, "host_not_allowed"),
    door("of the machine's network", "192.168.1.1", 421, "host_not_allowed"),
    door("of all addresses", "0.0.0.0", 421, "host_not_allowed"),
    door("in decimal", "2130706433", 421, "host_not_allowed"),
    door("short loopback", "127.1", 421, "host_not_allowed"),
    door("with a path", "localhost/public", 400, "host_malformed"),
    door("with a question", "localhost?x", 400, "host_malformed"),
    door("with a user", "user@localhost", 400, "host_malformed"),
    door("with a list", "localhost, evil.example", 400, "host_malformed"),
    door("with a scheme", "http://localhost", 400, "host_malformed"),
    door("empty", "", 400, "host_malformed"),
    door("with a port too long", "localhost:999999", 400, "host_malformed"),
    origin("null"),
    origin("http://evil.example"),
    origin("https://evil.example"),
    origin("http://localhost.evil.example"),
    origin("http://localhost@evil.example"),
    origin("http://evil.example#localhost"),
    origin("file://localhost"),
    origin("chrome-extension://abcdef"),
    origin("localhost"),
    origin("http://"),
    # content types and Accept
    kind("text/plain"),
    kind("application/x-www-form-urlencoded"),
    kind("multipart/form-data; boundary=x"),
    kind("application/json-patch+json"),
    kind("application/jsonp"),
    kind("text/json"),
    kind(""),
    kind("json"),
    Http("Content-Type absent", BASE[1:], GOOD, 415, INVALID, "content_type"),
    Http("Content-Type twice", (*BASE, ("Content-Type", "text/plain")), GOOD, 400, INVALID, "duplicate_header"),
    Http(
        "Content-Encoding gzip",
        (*BASE, ("Content-Encoding", "gzip")),
        b"\x1f\x8b\x08",
        415,
        INVALID,
        "content_encoding",
    ),
    accept("text/html"),
    accept("image/png, text/plain"),
    accept(""),
    # other methods of HTTP
    verb("PUT", 405, "method")._replace(allow=ALLOW),
    verb("PATCH", 405, "method")._replace(allow=ALLOW),
    verb("OPTIONS", 405, "method")._replace(allow=ALLOW),
    verb("GET", 405, "no_session")._replace(allow=ALLOW, id="GET of revision 2026-07-28"),
    verb("DELETE", 400, "no_session", PLAIN),
    verb("DELETE", 400, "no_session")._replace(id="DELETE of revision 2026-07-28"),
    verb("GET", 406, "accept", (("Accept", "text/html"),))._replace(id="GET for a page"),
    verb("GET", 404, "", (("Accept", "text/event-stream"), ("Mcp-Session-Id", "x")))._replace(
        id="GET of no session", reason=None
    ),
    verb("DELETE", 404, "", (("Mcp-Session-Id", "x"),))._replace(id="DELETE of no session", reason=None),
    # the query
    Http(
        "query too many fields",
        BASE,
        GOOD,
        200,
        None,
        called=True,
        path="/mcp?" + "&".join(f"a{n}=1" for n in range(20)),
    ),
    Http("query of an unknown SSE session", PLAIN, LEGACY_CALL, 404, INVALID, path="/mcp?sessionId=nothing"),
    Http("query of an empty SSE session", PLAIN, LEGACY_CALL, 400, INVALID, "no_session", path="/mcp?sessionId="),
    Http("query of two SSE sessions", PLAIN, LEGACY_CALL, 404, INVALID, path="/mcp?sessionId=a&sessionId=b"),
    Http("query with escapes", PLAIN, LEGACY_CALL, 404, INVALID, path="/mcp?sessionId=%00%ff"),
    Http("query long", PLAIN, LEGACY_CALL, 404, INVALID, path="/mcp?sessionId=" + "x" * 2_000),
    Http(
        "query session after much else",
        PLAIN,
        LEGACY_CALL,
        400,
        INVALID,
        "no_session",
        path="/mcp?a=" + "x" * 2_000 + "&sessionId=a",
    ),
    # without a session
    Http("legacy call without a session", PLAIN, LEGACY_CALL, 400, INVALID, "no_session"),
    Http(
        "legacy list without a session",
        PLAIN,
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
        400,
        INVALID,
        "no_session",
    ),
    Http(
        "legacy notification without a session",
        PLAIN,
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        400,
        INVALID,
        "no_session",
    ),
    Http("reply without a session", PLAIN, b'{"jsonrpc":"2.0","id":1,"result":{}}', 400, INVALID, "no_session"),
    Http("reply of revision 2026-07-28", BASE, b'{"jsonrpc":"2.0","id":1,"result":{}}', 400, INVALID, "response"),
    Http("batch without a session", PLAIN, b"[" + LEGACY_CALL + b"]", 400, INVALID, "not_an_object"),
    Http("batch of revision 2026-07-28", BASE, b"[" + GOOD + b"]", 400, INVALID, "not_an_object"),
    Http("empty batch", BASE, b"[]", 400, INVALID, "not_an_object"),
    # bad session ids
    session("word", "x"),
    session("empty-looking", "0"),
    session("prefix only", "n1."),
    session("of zeros", "n1." + "A" * 100),
    session("uuid", "00000000-0000-0000-0000-000000000000"),
    session("path", "../../etc/passwd"),
    session("with spaces", "n1 x y"),
    session("of 401 bytes", "n1." + "A" * 398),
    session("of 8000 bytes", "x" * 8_000),
    session("batch", "n1." + "A" * 100, b"[" + LEGACY_CALL + b"]"),
    Http(
        "session of an unknown version",
        (*PLAIN, ("Mcp-Session-Id", "x"), ("MCP-Protocol-Version", "1900-01-01")),
        LEGACY_CALL,
        400,
        -32022,
    ),
    # initialize
    *(
        Http(
            f"initialize {label}",
            PLAIN,
            b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":' + params + b"}",
            400,
            -32602,
            reason,
        )
        for label, params, reason in (
            ("without a version", b"{}", "version"),
            ("version null", b'{"protocolVersion":null}', "version"),
            ("version number", b'{"protocolVersion":1}', "version"),
            ("version list", b'{"protocolVersion":["2025-11-25"]}', "version"),
            ("params list", b"[]", "params"),
        )
    ),
    Http(
        "initialize in a batch",
        (*PLAIN, ("Mcp-Session-Id", "x")),
        b'[{"jsonrpc":"2.0","id":1,"method":"initialize"}]',
        404,
        INVALID,
    ),
    Http(
        "notification of revision 2026-07-28, other Mcp-Method",
        swapped("Mcp-Method", "tools/list"),
        b'{"jsonrpc":"2.0","method":"notifications/cancelled"}',
        400,
        -32020,
        None,
    ),
    Http("unknown method of revision 2026-07-28", swapped("Mcp-Method", "nothing"), body("nothing"), 404, METHOD),
)
