"""The ladder of revision 2026-07-28: headers against body, in one order (H11; checklist 1 to 12)."""

import base64

from hostile_rows import INVALID, METHOD, MISMATCH, MODERN, MODERN_META, PARAMS, VERSION, Http

HM = "header_mismatch"
JSON = ("Content-Type", "application/json")
ACCEPT = ("Accept", "application/json, text/event-stream")
V = ("MCP-Protocol-Version", MODERN)
CALL = ("Mcp-Method", "tools/call")
ECHO = ("Mcp-Name", "rec__echo")
BASE = (JSON, ACCEPT, V, CALL, ECHO)


def body(
    method: str = "tools/call", params: bytes = b'"name":"rec__echo","arguments":{}', meta: bytes = MODERN_META
) -> bytes:
    inside = b",".join(part for part in (params, b'"_meta":' + meta if meta else b"") if part)
    return b'{"jsonrpc":"2.0","id":1,"method":"' + method.encode() + b'","params":{' + inside + b"}}"


def without(name: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in BASE if pair[0] != name)


def swapped(name: str, value: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, value if key == name else old) for key, old in BASE)


def sentinel(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return f"=?base64?{base64.b64encode(data).decode()}?="


def headers(name: str, sent: tuple[tuple[str, str], ...], sentence: bytes = b"", *, code: int = MISMATCH) -> Http:
    return Http(f"ladder {name}", sent, sentence or body(), 400, code, HM if code == MISMATCH else None)


def broken(name: str, sent: tuple[tuple[str, str], ...]) -> Http:
    """No header can carry this: the head is refused before there is a body, under the same code."""
    return Http(f"ladder {name}", sent, body(), 400, MISMATCH, "mcp_header")


def fine(name: str, sent: tuple[tuple[str, str], ...] = BASE, sentence: bytes = b"") -> Http:
    return Http(f"ladder fine {name}", sent, sentence or body(), 200, None, called=True)


def named(name: str, header: str, params: bytes, method: str = "tools/call") -> Http:
    sent = (JSON, ACCEPT, V, ("Mcp-Method", method), ("Mcp-Name", header))
    return Http(f"ladder fine {name}", sent, body(method, params), 200, None, called=True)


def misnamed(name: str, header: str, params: bytes = b'"name":"rec__echo"') -> Http:
    return headers(f"Mcp-Name {name}", swapped("Mcp-Name", header), body(params=params))


def meta(name: str, value: bytes, code: int = PARAMS, reason: str | None = "meta") -> Http:
    return Http(f"_meta {name}", BASE, body(meta=value), 400, code, reason)


def plain(name: str, method: str, params: bytes, status: int, code: int | None, reason: str | None = None) -> Http:
    """A request that needs no Mcp-Name."""
    return Http(name, (JSON, ACCEPT, V, ("Mcp-Method", method)), body(method, params), status, code, reason)


def param(name: str, arguments: bytes, *sent: tuple[str, str], fine: bool = False) -> Http:
    """A call of the tool whose arguments are mirrored into `Mcp-Param-*`."""
    whole = (JSON, ACCEPT, V, CALL, ("Mcp-Name", "rec__mirror"), *sent)
    sentence = body(params=b'"name":"rec__mirror","arguments":' + arguments)
    if fine:
        return Http(f"Mcp-Param fine {name}", whole, sentence, 200, None, called=True)
    return Http(f"Mcp-Param {name}", whole, sentence, 400, MISMATCH, HM)


REGION, LIMIT, FLAG, ZONE = "Mcp-Param-Region", "Mcp-Param-Limit", "Mcp-Param-Flag", "Mcp-Param-Zone"
KEY_VERSION, KEY_CAPABILITIES = (
    b'"io.modelcontextprotocol/protocolVersion":',
    b'"io.modelcontextprotocol/clientCapabilities":',
)
NEW = KEY_VERSION + b'"2026-07-28"'
NAMELESS = tuple(pair for pair in BASE if pair[0] != "Mcp-Name")

ROWS = (
    # the version header
    headers("no version header", without("MCP-Protocol-Version")),
    headers("version header empty", swapped("MCP-Protocol-Version", "")),
    headers("legacy version header, modern body", swapped("MCP-Protocol-Version", "2025-11-25")),
    headers("oldest version header, modern body", swapped("MCP-Protocol-Version", "2024-11-05")),
    headers("other version header", swapped("MCP-Protocol-Version", "1900-01-01")),
    headers("version header in a list", swapped("MCP-Protocol-Version", f"{MODERN}, {MODERN}")),
    headers("version header quoted", swapped("MCP-Protocol-Version", f'"{MODERN}"')),
    headers("version header as sentinel", swapped("MCP-Protocol-Version", sentinel(MODERN))),
    headers("version header twice", (*BASE, V)),
    headers("version header twice, different", (*BASE, ("MCP-Protocol-Version", "2025-11-25"))),
    headers("version header twice, legacy first", (("MCP-Protocol-Version", "2025-11-25"), *BASE)),
    Http(
        "ladder both versions unknown",
        swapped("MCP-Protocol-Version", "1900-01-01"),
        body(meta=MODERN_META.replace(b"2026-07-28", b"1900-01-01")),
        400,
        VERSION,
    ),
    Http(
        "ladder both versions of tomorrow",
        swapped("MCP-Protocol-Version", "2099-01-01"),
        body(meta=MODERN_META.replace(b"2026-07-28", b"2099-01-01")),
        400,
        VERSION,
    ),
    Http(
        "ladder both versions a long word",
        swapped("MCP-Protocol-Version", "x" * 4_000),
        body(meta=MODERN_META.replace(b"2026-07-28", b"x" * 4_000)),
        400,
        VERSION,
    ),
    Http(
        "ladder unknown version header, no _meta",
        swapped("MCP-Protocol-Version", "nonsense"),
        body(meta=b""),
        400,
        VERSION,
    ),
    Http(
        "ladder legacy version in _meta only",
        BASE,
        body(meta=MODERN_META.replace(b"2026-07-28", b"2025-11-25")),
        400,
        MISMATCH,
        HM,
    ),
    Http(
        "ladder legacy version in both",
        swapped("MCP-Protocol-Version", "2025-11-25"),
        body(meta=MODERN_META.replace(b"2026-07-28", b"2025-11-25")),
        400,
        VERSION,
    ),
    # Mcp-Method
    headers("no Mcp-Method", without("Mcp-Method")),
    headers("Mcp-Method empty", swapped("Mcp-Method", "")),
    headers("Mcp-Method other", swapped("Mcp-Method", "tools/list")),
    headers("Mcp-Method other case", swapped("Mcp-Method", "Tools/Call")),
    headers("Mcp-Method in a list", swapped("Mcp-Method", "tools/call, tools/list")),
    headers("Mcp-Method as sentinel", swapped("Mcp-Method", sentinel("tools/call"))),
    headers("Mcp-Method escaped", swapped("Mcp-Method", "tools%2Fcall")),
    headers("Mcp-Method with path", swapped("Mcp-Method", "/tools/call")),
    headers("Mcp-Method twice", (*BASE, CALL)),
    headers("Mcp-Method twice, different", (*BASE, ("Mcp-Method", "tools/list"))),
    headers("Mcp-Method twice, other case of the name", (*BASE, ("mcp-METHOD", "tools/list"))),
    # Mcp-Name
    headers("no Mcp-Name", without("Mcp-Name")),
    headers("Mcp-Name twice", (*BASE, ECHO)),
    headers("Mcp-Name twice, different", (*BASE, ("Mcp-Name", "rec__ask"))),
    headers("Mcp-Name twice, other case of the name", (*BASE, ("MCP-NAME", "rec__ask"))),
    misnamed("other", "rec__ask"),
    misnamed("other case", "REC__ECHO"),
    misnamed("private name", "echo"),
    misnamed("empty", ""),
    misnamed("list", "rec__echo, rec__ask"),
    misnamed("quoted", '"rec__echo"'),
    misnamed("escaped", "rec%5F%5Fecho"),
    misnamed("sentinel of another", sentinel("rec__ask")),
    misnamed("sentinel in capitals", sentinel("rec__echo").replace("base64", "BASE64")),
    misnamed("sentinel with a space", sentinel(" rec__echo")),
    misnamed("sentinel without padding", sentinel("rec__ech").replace("=?=", "?=")),
    misnamed("sentinel of another alphabet", "=?base64?cmVjX19lY2hv_-?="),
    misnamed("sentinel with junk inside", "=?base64?cmVj*X19lY2hv?="),
    misnamed("sentinel with a space inside", "=?base64?cmVj X19lY2hv?="),
    misnamed("sentinel of no UTF-8", sentinel(b"\xff\xfe")),
    misnamed("sentinel empty", "=?base64??="),
    misnamed("sentinel unfinished", "=?base64?cmVjX19lY2hv"),
    misnamed("sentinel twice over", sentinel(sentinel("rec__echo"))),
    misnamed("sentinel with unused bits", "=?base64?cmVjX19lY2h=?="),
    misnamed("sentinel of another charset", "=?utf-8?B?cmVjX19lY2hv?="),
    misnamed("sentinel of a NUL", sentinel("rec__echo\0")),
    broken("not ASCII in Mcp-Method", swapped("Mcp-Method", "tools/cäll")),
    broken("not ASCII in Mcp-Name", swapped("Mcp-Name", "rec__größe")),
    broken("not ASCII in Mcp-Param", (*BASE, (REGION, "é"))),
    broken("not ASCII in the version header", swapped("MCP-Protocol-Version", "２026-07-28")),
    broken("control character in Mcp-Method", swapped("Mcp-Method", "tools\x01call")),
    broken("control character in Mcp-Name", swapped("Mcp-Name", "rec__\x7fecho")),
    Http("ladder not ASCII in another header", (*BASE, ("X-Name", "größe")), body(), 400, INVALID, "non_ascii"),
    Http("ladder control character in another header", (*BASE, ("X-Name", "\x01")), body(), 400, INVALID),
    fine("all right"),
    fine("names in capitals", tuple((name.upper(), value) for name, value in BASE)),
    fine("names in small letters", tuple((name.lower(), value) for name, value in BASE)),
    fine("spaces around values", tuple((name, f"  {value}\t ") for name, value in BASE)),
    fine("sentinel where none is needed", swapped("Mcp-Name", sentinel("rec__echo"))),
    fine("session id ignored", (*BASE, ("Mcp-Session-Id", "nonsense"))),
    fine("Last-Event-ID ignored", (*BASE, ("Last-Event-ID", "1-1"))),
    fine("unknown Mcp header", (*BASE, ("Mcp-Something", "x"))),
    fine("client info", BASE, body(meta=MODERN_META[:-1] + b',"io.modelcontextprotocol/clientInfo":{"name":"x"}}')),
    fine("client info no object", BASE, body(meta=MODERN_META[:-1] + b',"io.modelcontextprotocol/clientInfo":7}')),
    fine("vendor key in _meta", BASE, body(meta=MODERN_META[:-1] + b',"com.example/x":[1]}')),
    fine("no Accept", without("Accept")),
    fine("Accept anything", swapped("Accept", "*/*")),
    fine("charset on the type", swapped("Content-Type", "application/json; charset=utf-8")),
    fine("type in capitals", swapped("Content-Type", "Application/JSON")),
    named(
        "URI with a space as sentinel", sentinel("gw+rec:file:///a b"), b'"uri":"gw+rec:file:///a b"', "resources/read"
    ),
    named("URI as it is", "gw+rec:mem://one", b'"uri":"gw+rec:mem://one"', "resources/read"),
    named("prompt", "rec__greet", b'"name":"rec__greet"', "prompts/get"),
    headers(
        "prompt without Mcp-Name",
        (JSON, ACCEPT, V, ("Mcp-Method", "prompts/get")),
        body("prompts/get", b'"name":"rec__greet"'),
    ),
    headers(
        "resource without Mcp-Name",
        (JSON, ACCEPT, V, ("Mcp-Method", "resources/read")),
        body("resources/read", b'"uri":"gw+rec:mem://one"'),
    ),
    # `_meta`
    meta("missing", b""),
    meta("empty", b"{}"),
    meta("null", b"null"),
    meta("list", b"[]"),
    meta("string", b'"2026-07-28"'),
    meta("number", b"1"),
    meta("false", b"false"),
    meta("no version", b"{" + KEY_CAPABILITIES + b"{}}"),
    meta("version null", b"{" + KEY_VERSION + b"null," + KEY_CAPABILITIES + b"{}}"),
    meta("version number", b"{" + KEY_VERSION + b"20260728," + KEY_CAPABILITIES + b"{}}", MISMATCH, HM),
    meta("version list", b"{" + KEY_VERSION + b'["2026-07-28"],' + KEY_CAPABILITIES + b"{}}", MISMATCH, HM),
    meta("no capabilities", b"{" + NEW + b"}"),
    meta("capabilities null", b"{" + NEW + b"," + KEY_CAPABILITIES + b"null}"),
    meta("capabilities list", b"{" + NEW + b"," + KEY_CAPABILITIES + b"[]}"),
    meta("capabilities true", b"{" + NEW + b"," + KEY_CAPABILITIES + b"true}"),
    meta("key in capitals", b"{" + NEW.upper() + b"," + KEY_CAPABILITIES + b"{}}"),
    meta("log level unknown", MODERN_META[:-1] + b',"io.modelcontextprotocol/logLevel":"loud"}', reason="log_level"),
    meta("log level number", MODERN_META[:-1] + b',"io.modelcontextprotocol/logLevel":3}', reason="log_level"),
    meta("log level list", MODERN_META[:-1] + b',"io.modelcontextprotocol/logLevel":["info"]}', reason="log_level"),
    meta(
        "log level in capitals", MODERN_META[:-1] + b',"io.modelcontextprotocol/logLevel":"INFO"}', reason="log_level"
    ),
    meta("progress token float", MODERN_META[:-1] + b',"progressToken":1.5}', reason="progress_token"),
    meta("progress token true", MODERN_META[:-1] + b',"progressToken":true}', reason="progress_token"),
    meta("progress token list", MODERN_META[:-1] + b',"progressToken":[]}', reason="progress_token"),
    meta("progress token object", MODERN_META[:-1] + b',"progressToken":{}}', reason="progress_token"),
    # methods that this revision has not
    *(
        plain(f"modern {method}", method, b"", 404, METHOD)
        for method in (
            "initialize",
            "ping",
            "logging/setLevel",
            "resources/subscribe",
            "resources/unsubscribe",
            "notifications/initialized",
            "roots/list",
            "elicitation/create",
            "tasks/list",
            "tasks/result",
            "Tools/List",
            "nothing",
            "tools/list/",
        )
    ),
    Http(
        "modern prompts where there are none",
        (JSON, ACCEPT, V, ("Mcp-Method", "prompts/list")),
        body("prompts/list", b""),
        404,
        METHOD,
        path="/mcp/tools",
    ),
    Http(
        "modern resources where there are none",
        (JSON, ACCEPT, V, ("Mcp-Method", "resources/list")),
        body("resources/list", b""),
        404,
        METHOD,
        path="/mcp/tools",
    ),
    Http(
        "modern completion where there is none",
        (JSON, ACCEPT, V, ("Mcp-Method", "completion/complete")),
        body("completion/complete", b""),
        404,
        METHOD,
        path="/mcp/tools",
    ),
    # names that lead nowhere
    *(
        Http(
            f"modern unknown tool {label}",
            (JSON, ACCEPT, V, CALL, ("Mcp-Name", sentinel(name))),
            body(params=b'"name":' + b'"' + name.encode("unicode_escape").replace(b"\\x", b"\\u00") + b'"'),
            400,
            PARAMS,
            "unknown_tool",
        )
        for label, name in (
            ("at all", "nothing"),
            ("by its private name", "echo"),
            ("of no server", "other__echo"),
            ("in another case", "Rec__Echo"),
            ("with a space behind", "rec__echo "),
            ("with a NUL", "rec__echo\x00"),
            ("of a path", "../rec__echo"),
            ("in another script", "rec__\u0435cho"),
            ("in fullwidth", "\uff52ec__echo"),
            ("with a joiner", "rec\u200d__echo"),
            ("long", "x" * 3_000),
            ("empty", ""),
            ("of Python", "__class__"),
            ("of JavaScript", "__proto__"),
        )
    ),
    Http("modern name number", NAMELESS, body(params=b'"name":1'), 400, PARAMS, "name"),
    Http("modern name null", NAMELESS, body(params=b'"name":null'), 400, PARAMS, "name"),
    Http("modern name list", NAMELESS, body(params=b'"name":["rec__echo"]'), 400, PARAMS, "name"),
    Http("modern name missing", NAMELESS, body(params=b'"arguments":{}'), 400, PARAMS, "name"),
    # completion, cursors, subscriptions
    *(
        plain(f"completion ref {label}", "completion/complete", b'"ref":' + ref, 400, PARAMS, reason)
        for label, ref, reason in (
            ("null", b"null", "ref"),
            ("list", b"[]", "ref"),
            ("empty", b"{}", "ref"),
            ("of no type", b'{"name":"rec__greet"}', "ref"),
            ("of another type", b'{"type":"ref/tool","name":"rec__echo"}', "ref"),
            ("type a list", b'{"type":["ref/prompt"],"name":"rec__greet"}', "ref"),
            ("name a number", b'{"type":"ref/prompt","name":1}', "ref"),
            ("unknown prompt", b'{"type":"ref/prompt","name":"nothing"}', "unknown_prompt"),
            ("unknown template", b'{"type":"ref/resource","uri":"nothing:x"}', None),
        )
    ),
    *(
        plain(f"cursor {label}", method, b'"cursor":' + cursor, 400, PARAMS, "cursor")
        for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
        for label, cursor in (
            (f"empty {method}", b'""'),
            (f"word {method}", b'"next"'),
            (f"number {method}", b"1"),
            (f"object {method}", b"{}"),
            (f"true {method}", b"true"),
        )
    ),
    *(
        plain(f"cursor {label}", "tools/list", b'"cursor":' + cursor, 400, PARAMS, "cursor")
        for label, cursor in (
            ("prefix only", b'"n1."'),
            ("of zeros", b'"n1.' + b"A" * 64 + b'"'),
            ("not base64", b'"n1.****"'),
            ("standard base64", b'"n1.ab+/"'),
            ("padded", b'"n1.YWJj=="'),
            ("not ASCII", '"n1.\u00e9\u00e9"'.encode()),
            ("NUL", b'"n1.\\u0000"'),
            ("of a megabyte", b'"n1.' + b"A" * 1_000_000 + b'"'),
            ("of 513 bytes", b'"n1.' + b"A" * 510 + b'"'),
        )
    ),
    *(
        plain(f"listen {label}", "subscriptions/listen", params, 400, PARAMS, reason)
        for label, params, reason in (
            ("without a filter", b"", "notifications"),
            ("filter null", b'"notifications":null', "notifications"),
            ("filter list", b'"notifications":[]', "notifications"),
            ("uris a string", b'"notifications":{"resourceSubscriptions":"x"}', "resource_subscriptions"),
            ("uris of numbers", b'"notifications":{"resourceSubscriptions":[1]}', "resource_subscriptions"),
            ("uris of lists", b'"notifications":{"resourceSubscriptions":[[]]}', "resource_subscriptions"),
            (
                "uris too many",
                b'"notifications":{"resourceSubscriptions":[' + b",".join([b'"a:b"'] * 1_001) + b"]}",
                "resource_subscriptions",
            ),
            (
                "uri too long",
                b'"notifications":{"resourceSubscriptions":["a:' + b"b" * 5_000 + b'"]}',
                "resource_subscriptions",
            ),
        )
    ),
    # requestState
    *(
        Http(
            f"requestState {label}",
            BASE,
            body(params=b'"name":"rec__echo","requestState":' + state),
            400,
            PARAMS,
            "request_state",
        )
        for label, state in (
            ("word", b'"x"'),
            ("empty", b'""'),
            ("number", b"1"),
            ("object", b"{}"),
            ("list", b"[]"),
            ("false", b"false"),
            ("prefix only", b'"n1."'),
            ("of zeros", b'"n1.' + b"A" * 200 + b'"'),
            ("the server's own", b'"inner state"'),
            ("not ASCII", '"n1.\u00fc"'.encode()),
            ("of a megabyte", b'"n1.' + b"A" * 1_000_000 + b'"'),
        )
    ),
    # Mcp-Param
    param("missing", b'{"region":"eu"}'),
    param("other", b'{"region":"eu"}', (REGION, "us")),
    param("other case", b'{"region":"eu"}', (REGION, "EU")),
    param("twice", b'{"region":"eu"}', (REGION, "eu"), (REGION, "eu")),
    param("twice, different", b'{"region":"eu"}', (REGION, "eu"), (REGION, "us")),
    param("twice, other case of the name", b'{"region":"eu"}', (REGION, "eu"), (REGION.upper(), "us")),
    param("there, argument absent", b"{}", (REGION, "eu")),
    param("there, argument null", b'{"region":null}', (REGION, "eu")),
    param("the word null", b'{"region":null}', (REGION, "null")),
    param("of an object", b'{"region":{"a":1}}', (REGION, '{"a":1}')),
    param("of a list", b'{"region":["eu"]}', (REGION, "eu")),
    param("integer with zero in front", b'{"limit":42}', (LIMIT, "42x")),
    param("integer in words", b'{"limit":42}', (LIMIT, "forty-two")),
    param("integer hex", b'{"limit":42}', (LIMIT, "0x2a")),
    param("integer with exponent", b'{"limit":42}', (LIMIT, "4.2e1")),
    param("integer next to 2^53", b'{"limit":9007199254740993}', (LIMIT, "9007199254740992")),
    param("boolean in capitals", b'{"flag":true}', (FLAG, "True")),
    param("boolean as number", b'{"flag":true}', (FLAG, "1")),
    param("nested missing", b'{"in":{"zone":"a"}}'),
    param("nested other", b'{"in":{"zone":"a"}}', (ZONE, "b")),
    param("empty for a value", b'{"region":"eu"}', (REGION, "")),
    param("value for empty", b'{"region":""}', (REGION, "eu")),
    param("broken sentinel", b'{"region":"eu"}', (REGION, "=?base64?*?=")),
    param("unpadded sentinel", b'{"region":"e"}', (REGION, "=?base64?ZQ?=")),
    param("literal that needs a sentinel", '{"region":"\u00fc"}'.encode(), (REGION, "u")),
    param(
        "equal", b'{"region":"eu","limit":42,"flag":false}', (REGION, "eu"), (LIMIT, "42"), (FLAG, "false"), fine=True
    ),
    param("nested", b'{"in":{"zone":"a"}}', (ZONE, "a"), fine=True),
    param("as sentinel", '{"region":"\u00fc"}'.encode(), (REGION, sentinel("\u00fc")), fine=True),
    param("none at all", b"{}", fine=True),
    param("null without a header", b'{"region":null}', fine=True),
    param("unknown header", b"{}", ("Mcp-Param-Unknown", "x"), fine=True),
    param("integer of another spelling", b'{"limit":42}', (LIMIT, "42.0"), fine=True),
)
