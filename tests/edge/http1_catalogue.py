"""Bad and odd requests, byte for byte: what each is answered, and what the handler may see of it.

Every refused row is sent with SMUGGLED behind it: whatever the row does, nobody may see `/smuggled`.
`refused` rows are answered once and the connection is closed; `served` rows reach the handler with this path.
"""

from typing import NamedTuple

HOST = b"Host: localhost\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Refused(NamedTuple):
    name: str
    raw: bytes
    status: int
    reason: str


class Served(NamedTuple):
    name: str
    raw: bytes
    bodies: tuple[bytes, ...] = (b"",)


def post(lines: bytes, body: bytes = b"", line: bytes = b"POST /p HTTP/1.1", host: bytes = HOST) -> bytes:
    return line + b"\r\n" + host + lines + b"\r\n" + body


def get(line: bytes) -> bytes:
    return post(b"", line=line)


def chunked(body: bytes) -> bytes:
    return post(CHUNKED, body)


BAD = "malformed_http"
CHUNKS = "malformed_chunks"

REFUSED = (
    # Two framings in one request
    Refused("CL.TE", post(b"Content-Length: 6\r\n" + CHUNKED, b"0\r\n\r\nG"), 400, BAD),
    Refused("TE.CL", post(CHUNKED + b"Content-Length: 4\r\n", b"5c\r\nGET"), 400, BAD),
    Refused("TE.TE same", post(CHUNKED + CHUNKED, b"0\r\n\r\n"), 400, BAD),
    Refused("TE.TE other", post(CHUNKED + b"Transfer-Encoding: x\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE.TE identity first", post(b"Transfer-Encoding: identity\r\n" + CHUNKED, b"0\r\n\r\n"), 400, ""),
    Refused("TE space before colon", post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE vertical tab", post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE xchunked", post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE quoted", post(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"), 400, BAD),
    Refused("TE gzip", post(b"Transfer-Encoding: gzip\r\n", b"abc"), 400, BAD),
    Refused("TE gzip, chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501, "transfer_encoding"),
    Refused("TE chunked, gzip", post(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE chunked, chunked", post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE empty", post(b"Transfer-Encoding:\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE in folded line", post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE before CL folded", post(b"X: y\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE after bare LF", post(b"X: y\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400, BAD),
    Refused("TE after bare CR", post(b"X: y\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400, BAD),
    # Content-Length
    Refused("CL twice, equal", post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), 400, BAD),
    Refused("CL twice, different", post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abc"), 400, BAD),
    Refused("CL list", post(b"Content-Length: 3, 3\r\n", b"abc"), 400, BAD),
    Refused("CL plus", post(b"Content-Length: +3\r\n", b"abc"), 400, BAD),
    Refused("CL minus", post(b"Content-Length: -1\r\n", b"abc"), 400, BAD),
    Refused("CL hex", post(b"Content-Length: 0x3\r\n", b"abc"), 400, BAD),
    Refused("CL underscore", post(b"Content-Length: 1_0\r\n", b"abc"), 400, BAD),
    Refused("CL inner space", post(b"Content-Length: 1 0\r\n", b"abc"), 400, BAD),
    Refused("CL empty", post(b"Content-Length:\r\n", b"abc"), 400, BAD),
    Refused("CL overflow", post(b"Content-Length: 18446744073709551619\r\n", b"abc"), 400, BAD),
    Refused("CL space before colon", post(b"Content-Length : 3\r\n", b"abc"), 400, BAD),
    Refused("CL over the limit", post(b"Content-Length: 4194305\r\n", b"abc"), 413, "body_too_large"),
    Refused("CL huge", post(b"Content-Length: 9223372036854775807\r\n", b"abc"), 413, "body_too_large"),
    Refused("CL arabic digits", post("Content-Length: ٣\r\n".encode(), b"abc"), 400, "non_ascii"),
    # Chunks
    Refused("chunk size 0x", chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size minus", chunked(b"-3\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size plus", chunked(b"+3\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size empty", chunked(b"\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size words", chunked(b"zz\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size underscore", chunked(b"0_3\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size of 17 digits", chunked(b"f" * 17 + b"\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size of 18 digits", chunked(b"f" * 18 + b"\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size then space", chunked(b"3 \r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk size then LF", chunked(b"3\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk shorter than its data", chunked(b"2\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk longer than its data", chunked(b"4\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk end LF", chunked(b"3\r\nabc\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk end missing", chunked(b"3\r\nabc0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk extension with LF", chunked(b"3;\nx\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("chunk extension with NUL", chunked(b'3;a="\x00"\r\nabc\r\n0\r\n\r\n'), 400, CHUNKS),
    Refused("chunk extension after space", chunked(b"3 ;a=b\r\nabc\r\n0\r\n\r\n"), 400, CHUNKS),
    Refused("trailer Content-Length", chunked(b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n"), 400, CHUNKS),
    Refused("trailer Transfer-Encoding", chunked(b"3\r\nabc\r\n0\r\nTransfer-Encoding: x\r\n\r\n"), 400, CHUNKS),
    Refused("trailer folded", chunked(b"3\r\nabc\r\n0\r\n X: y\r\n\r\n"), 400, CHUNKS),
    Refused("trailer without colon", chunked(b"3\r\nabc\r\n0\r\nX y\r\n\r\n"), 400, CHUNKS),
    Refused("last chunk LF", chunked(b"3\r\nabc\r\n0\n\n"), 400, CHUNKS),
    # Line ends
    Refused("only LF", b"GET /p HTTP/1.1\nHost: localhost\n\n", 400, BAD),
    Refused("LF after request line", b"GET /p HTTP/1.1\nHost: localhost\r\n\r\n", 400, BAD),
    Refused("LF after header", b"GET /p HTTP/1.1\r\nHost: localhost\n\r\n", 400, BAD),
    Refused("LF as last line", b"GET /p HTTP/1.1\r\nHost: localhost\r\n\n", 400, BAD),
    Refused("CR CR LF", b"GET /p HTTP/1.1\r\nHost: localhost\r\r\n\r\n", 400, BAD),
    Refused("CR alone", b"GET /p HTTP/1.1\rHost: localhost\r\n\r\n", 400, BAD),
    Refused("LF first", b"\nGET /p HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, BAD),
    Refused("CR first", b"\rGET /p HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, BAD),
    # Header fields
    Refused("obs-fold", post(b"X: a\r\n b\r\n"), 400, BAD),
    Refused("obs-fold by tab", post(b"X: a\r\n\tb\r\n"), 400, BAD),
    Refused("fold as first header", b"GET /p HTTP/1.1\r\n Host: localhost\r\n\r\n", 400, BAD),
    Refused("Host space colon", b"GET /p HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, BAD),
    Refused("no colon", post(b"X\r\n"), 400, BAD),
    Refused("no name", post(b": a\r\n"), 400, BAD),
    Refused("space in name", post(b"X y: a\r\n"), 400, BAD),
    Refused("parenthesis in name", post(b"(x): a\r\n"), 400, BAD),
    Refused("NUL in name", post(b"X\x00: a\r\n"), 400, BAD),
    Refused("NUL in value", post(b"X: a\x00b\r\n"), 400, BAD),
    Refused("control in value", post(b"X: a\x01b\r\n"), 400, BAD),
    Refused("DEL in value", post(b"X: a\x7fb\r\n"), 400, BAD),
    Refused("latin-1 in value", post(b"X: caf\xe9\r\n"), 400, "non_ascii"),
    Refused("utf-8 in value", post("Accept: café\r\n".encode()), 400, "non_ascii"),
    Refused("utf-8 in an MCP header", post("mcp-name: café\r\n".encode()), 400, "mcp_header"),
    Refused("control in an MCP header", post(b"Mcp-Method: tools\x01call\r\n"), 400, "mcp_header"),
    Refused("latin-1 in an MCP header", post(b"X: y\r\nMCP-METHOD: caf\xe9\r\n"), 400, "mcp_header"),
    Refused("utf-8 in name", post("caf\u00e9: x\r\n".encode()), 400, "non_ascii"),
    Refused("two Authorization", post(b"Authorization: a\r\nAuthorization: b\r\n"), 400, "duplicate_header"),
    Refused("two authorization, cases", post(b"Authorization: a\r\nAUTHORIZATION: a\r\n"), 400, "duplicate_header"),
    Refused("two Content-Type", post(b"Content-Type: a/b\r\nContent-Type: c/d\r\n"), 400, "duplicate_header"),
    Refused("two Origin", post(b"Origin: http://localhost\r\nOrigin: http://localhost\r\n"), 400, "duplicate_header"),
    Refused("two Mcp-Session-Id", post(b"Mcp-Session-Id: a\r\nMcp-Session-Id: b\r\n"), 400, "duplicate_header"),
    Refused("gzip body", post(b"Content-Encoding: gzip\r\nContent-Length: 3\r\n", b"abc"), 415, "content_encoding"),
    Refused("expectation", post(b"Expect: tea\r\nContent-Length: 3\r\n"), 417, "expectation"),
    # Sizes
    Refused("101 fields", post(b"X: a\r\n" * 100), 431, "header_count"),
    Refused("20,000 fields", post(b"X: a\r\n" * 20_000), 431, "header_bytes"),
    Refused("a field of 8 KiB", post(b"X: " + b"a" * 8192 + b"\r\n"), 431, "header_field_too_large"),
    Refused("a field of 70 KiB", post(b"X: " + b"a" * 70_000 + b"\r\n"), 431, "header_bytes"),
    Refused("a field of 1 MiB", post(b"X: " + b"a" * 1_048_576 + b"\r\n"), 431, "header_bytes"),
    Refused("a field name of 9 KiB", post(b"X" * 9216 + b": a\r\n"), 431, "header_field_too_large"),
    Refused("a URL over 4 KiB", get(b"GET /" + b"a" * 4096 + b" HTTP/1.1"), 414, "url_too_long"),
    Refused("a URL of 100 KB", get(b"GET /" + b"a" * 100_000 + b" HTTP/1.1"), 414, "url_too_long"),
    Refused("a query of 100 KB", get(b"GET /?" + b"a" * 100_000 + b" HTTP/1.1"), 414, "url_too_long"),
    # Host
    Refused("no Host", b"GET /p HTTP/1.1\r\n\r\n", 400, "host_missing"),
    Refused("no Host, 1.0", b"GET /p HTTP/1.0\r\n\r\n", 400, "host_missing"),
    Refused("two Hosts", post(HOST), 400, "duplicate_header"),
    Refused("two different Hosts", post(b"Host: evil.example\r\n"), 400, "duplicate_header"),
    Refused("Host empty", post(b"", host=b"Host:\r\n"), 400, "host_malformed"),
    Refused("Host with path", post(b"", host=b"Host: localhost/x\r\n"), 400, "host_malformed"),
    Refused("BadHost", post(b"", host=b"Host: localhost/public?\r\n"), 400, "host_malformed"),
    Refused("Host with user", post(b"", host=b"Host: localhost@evil.example\r\n"), 400, "host_malformed"),
    Refused("Host list", post(b"", host=b"Host: localhost, evil.example\r\n"), 400, "host_malformed"),
    Refused("Host port words", post(b"", host=b"Host: localhost:http\r\n"), 400, "host_malformed"),
    Refused("Host of another", post(b"", host=b"Host: evil.example\r\n"), 421, "host_not_allowed"),
    Refused("Host suffix", post(b"", host=b"Host: localhost.evil.example\r\n"), 421, "host_not_allowed"),
    Refused("Host decimal address", post(b"", host=b"Host: 2130706433\r\n"), 421, "host_not_allowed"),
    Refused("Host underscore twin", post(b"", host=b"H_ost: localhost\r\n"), 400, "host_missing"),
    # Origin
    Refused("Origin of another", post(b"Origin: http://evil.example\r\n"), 403, "origin_not_allowed"),
    Refused("Origin null", post(b"Origin: null\r\n"), 403, "origin_not_allowed"),
    Refused("Origin empty", post(b"Origin:\r\n"), 403, "origin_not_allowed"),
    Refused("Origin without scheme", post(b"Origin: localhost\r\n"), 403, "origin_not_allowed"),
    Refused("Origin file", post(b"Origin: file://localhost\r\n"), 403, "origin_not_allowed"),
    Refused("Origin with path", post(b"Origin: http://localhost/x\r\n"), 403, "origin_not_allowed"),
    Refused("Origin with user", post(b"Origin: http://localhost@evil.example\r\n"), 403, "origin_not_allowed"),
    Refused("Origin suffix", post(b"Origin: http://localhost.evil.example\r\n"), 403, "origin_not_allowed"),
    # Request line
    Refused("absolute form", get(b"GET http://evil.example/a HTTP/1.1"), 400, "target_form"),
    Refused("absolute form, own host", get(b"GET http://localhost/a HTTP/1.1"), 400, "target_form"),
    Refused("authority form", get(b"CONNECT localhost:80 HTTP/1.1"), 400, "target_form"),
    Refused("asterisk form", get(b"OPTIONS * HTTP/1.1"), 400, "target_form"),
    Refused("fragment", get(b"GET /p#x HTTP/1.1"), 400, "target_path"),
    Refused("fragment in query", get(b"GET /p?a#x HTTP/1.1"), 400, "target_form"),
    Refused("dot segments", get(b"GET /a/../p HTTP/1.1"), 400, "target_path"),
    Refused("dot segment", get(b"GET /./p HTTP/1.1"), 400, "target_path"),
    Refused("dot segment last", get(b"GET /p/.. HTTP/1.1"), 400, "target_path"),
    Refused("encoded dot segments", get(b"GET /a/%2e%2E/p HTTP/1.1"), 400, "target_path"),
    Refused("half encoded dot segment", get(b"GET /a/.%2e/p HTTP/1.1"), 400, "target_path"),
    Refused("encoded slash", get(b"GET /a%2f..%2fp HTTP/1.1"), 400, "target_path"),
    Refused("encoded backslash", get(b"GET /a%5Cp HTTP/1.1"), 400, "target_path"),
    Refused("backslash", get(b"GET /a\\p HTTP/1.1"), 400, "target_path"),
    Refused("encoded NUL", get(b"GET /p%00 HTTP/1.1"), 400, "target_path"),
    Refused("twice encoded", get(b"GET /a%252fp HTTP/1.1"), 400, "target_path"),
    Refused("broken escape", get(b"GET /a%zz HTTP/1.1"), 400, "target_path"),
    Refused("escape at the end", get(b"GET /a%2 HTTP/1.1"), 400, "target_path"),
    Refused("encoded line break", get(b"GET /a%0d%0ab HTTP/1.1"), 400, "target_path"),
    Refused("encoded utf-8", get(b"GET /caf%C3%A9 HTTP/1.1"), 400, "target_path"),
    Refused("raw utf-8", get("GET /café HTTP/1.1".encode()), 400, "non_ascii"),
    Refused("tab in target", get(b"GET /a\tb HTTP/1.1"), 400, BAD),
    Refused("space in target", get(b"GET /a b HTTP/1.1"), 400, BAD),
    Refused("two spaces", get(b"GET  /p HTTP/1.1"), 505, "http_version"),
    Refused("space after version", get(b"GET /p HTTP/1.1 "), 400, BAD),
    Refused("HTTP/9.9", get(b"GET /p HTTP/9.9"), 400, BAD),
    Refused("HTTP/2.0", get(b"GET /p HTTP/2.0"), 505, "http_version"),
    Refused("HTTP/1.2", get(b"GET /p HTTP/1.2"), 400, BAD),
    Refused("HTTP/0.9", get(b"GET /p HTTP/0.9"), 505, "http_version"),
    Refused("no version", get(b"GET /p"), 505, "http_version"),
    Refused("lower case version", get(b"GET /p http/1.1"), 400, BAD),
    Refused("RTSP", get(b"GET /p RTSP/1.0"), 505, "http_version"),
    Refused("lower case method", get(b"get /p HTTP/1.1"), 400, BAD),
    Refused("unknown method", get(b"STEAL /p HTTP/1.1"), 400, BAD),
    Refused("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, BAD),
    Refused("TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, ""),
    Refused("NUL first", b"\x00", 400, BAD),
    Refused("a JSON body alone", b'{"jsonrpc":"2.0"}', 400, BAD),
)

END = b"Connection: close\r\n"

SERVED = (
    Served("plain", post(END, line=b"GET /p HTTP/1.1")),
    Served("one empty line first", b"\r\n" + post(END, line=b"GET /p HTTP/1.1")),
    Served("empty lines first", b"\r\n" * 3 + post(END, line=b"GET /p HTTP/1.1")),
    Served("HTTP/1.0", post(b"", line=b"GET /p HTTP/1.0")),
    Served("length", post(END + b"Content-Length: 3\r\n", b"abc"), (b"abc",)),
    Served("length with leading zeros", post(END + b"Content-Length: 0003\r\n", b"abc"), (b"abc",)),
    Served("length with spaces around", post(END + b"Content-Length:  3 \r\n", b"abc"), (b"abc",)),
    Served("length zero", post(END + b"Content-Length: 0\r\n")),
    Served("GET with a body", post(END + b"Content-Length: 3\r\n", b"abc", line=b"GET /p HTTP/1.1"), (b"abc",)),
    Served("chunks", post(END + CHUNKED, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), (b"abcde",)),
    Served("chunked in capitals", post(END + b"Transfer-Encoding: CHUNKED\r\n", b"1\r\na\r\n0\r\n\r\n"), (b"a",)),
    Served("chunk size in capitals", post(END + CHUNKED, b"A\r\n0123456789\r\n0\r\n\r\n"), (b"0123456789",)),
    Served("chunk size with zeros", post(END + CHUNKED, b"0003\r\nabc\r\n000\r\n\r\n"), (b"abc",)),
    Served("chunk extensions", post(END + CHUNKED, b'3;a=b;c="d"\r\nabc\r\n0;e\r\n\r\n'), (b"abc",)),
    Served("empty lines inside chunks", post(END + CHUNKED, b"8\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n"), (b"\r\n" * 4,)),
    Served("a fake end inside a chunk", post(END + CHUNKED, b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"), (b"\r\n0\r\n\r\n",)),
    Served(
        "trailers",
        post(END + CHUNKED, b"3\r\nabc\r\n0\r\nAuthorization: evil\r\nHost: evil\r\n\r\n"),
        (b"abc",),
    ),
    Served("identity coding", post(END + b"Content-Encoding: identity\r\n")),
    Served(
        "upgrade offered",
        post(b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", b"abc"),
        (b"abc",),
    ),
    Served("names with underscore", post(END + b"mcp_name: evil\r\ncontent_length: 9\r\n")),
    Served("100 fields", post(END + b"X: a\r\n" * 98)),
    Served("empty value", post(END + b"X:\r\n")),
    Served("Host with port", post(END, host=b"Host: localhost:8080\r\n")),
    Served("Host in capitals", post(END, host=b"Host: LOCALHOST\r\n")),
    Served("Host v4", post(END, host=b"Host: 127.0.0.1:1\r\n")),
    Served("Host v6", post(END, host=b"Host: [::1]:1\r\n")),
    Served("Origin of ours", post(END + b"Origin: http://localhost:3000\r\n")),
    Served("Origin v6", post(END + b"Origin: http://[::1]:3000\r\n")),
    Served("query", post(END, line=b"GET /p?a=%2f..%2f&b=c HTTP/1.1")),
    Served("escaped letters", post(END, line=b"GET /%70 HTTP/1.1")),
    Served("pipelined", post(b"", line=b"GET /p HTTP/1.1") * 3 + post(END, line=b"GET /p HTTP/1.1"), (b"",) * 4),
    Served(
        "pipelined bodies",
        post(b"Content-Length: 3\r\n", b"abc")
        + chunked(b"2\r\nde\r\n0\r\n\r\n")
        + post(END + b"Content-Length: 1\r\n", b"f"),
        (b"abc", b"de", b"f"),
    ),
    Served("nothing after close", post(END) + SMUGGLED),
    Served("nothing after close, with a body", post(END + b"Content-Length: 3\r\n", b"abc") + SMUGGLED, (b"abc",)),
    Served("nothing after HTTP/1.0", post(b"", line=b"GET /p HTTP/1.0") + SMUGGLED),
)
