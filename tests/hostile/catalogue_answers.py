"""What a server may say instead of an answer: as a message on any carrier, and as bytes of HTTP.

`@ID@` is the id of the request, in bytes of HTTP with spaces behind it, so that lengths hold. Every row has one
outcome for the client: a result, or the reason of the one error.
"""

import json
from typing import NamedTuple

from hostile_peer import JSON_HEAD, SECRET

KIB, MIB = 1024, 1024 * 1024
OK = "ok"
MALFORMED, TRUNCATED, TIMEOUT = "upstream_malformed", "upstream_stream_truncated", "upstream_timeout"
LARGE, LOST, STATUS, BUSY = "upstream_too_large", "upstream_lost", "upstream_status", "upstream_busy"
UNAUTHORIZED, KIND = "upstream_unauthorized", "upstream_result_type"


class Said(NamedTuple):
    """One message. `json`, `sse`, `pipe`: the outcome by what carried it. `old`: what an older client gets instead."""

    id: str
    payload: bytes
    json: str
    sse: str
    pipe: str
    old: str | None = None


def said(name: str, payload: bytes, *outcome: str) -> Said:
    """The same outcome everywhere, or one for each carrier."""
    assert len(outcome) in (1, 3)
    return Said(name, payload, *(outcome if len(outcome) == 3 else outcome * 3))


def message(members: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":@ID@,' + members + b"}"


def result(value: bytes) -> bytes:
    return message(b'"result":' + value)


def error(value: bytes) -> bytes:
    return message(b'"error":' + value)


def text(inside: bytes) -> bytes:
    return result(b'{"content":[{"type":"text","text":"' + inside + b'"}]}')


# Nothing that belongs to the request: a whole answer is malformed, a stream has ended without, a pipe may bring it yet.
NOTHING = (MALFORMED, TRUNCATED, TIMEOUT)
BROKEN = (MALFORMED, TRUNCATED, MALFORMED)
DEEP = b"[" * 70 + b"]" * 70
GOOD = result(b'{"content":[]}')

MESSAGES = (
    said("good", GOOD, OK),
    said("wrong id", GOOD.replace(b"@ID@", b"@ID@0"), *NOTHING),
    said("id as text", GOOD.replace(b"@ID@", b'"@ID@"'), *NOTHING),
    said("id null", GOOD.replace(b"@ID@", b"null"), *NOTHING),
    said("no id", GOOD.replace(b'"id":@ID@,', b""), *NOTHING),
    said("id true", GOOD.replace(b"@ID@", b"true"), *NOTHING),
    said("id object", GOOD.replace(b"@ID@", b"{}"), *NOTHING),
    said("id list", GOOD.replace(b"@ID@", b"[@ID@]"), *NOTHING),
    said("neither result nor error", b'{"jsonrpc":"2.0","id":@ID@}', *BROKEN),
    said("result and error", message(b'"result":{"content":[]},"error":{"code":1,"message":"x"}'), *BROKEN),
    said("result and null error", message(b'"result":{"content":[]},"error":null'), OK),
    said("null result and error", message(b'"result":null,"error":{"code":1,"message":"x"}'), "error"),
    said("result null", result(b"null"), *BROKEN),
    said("result list", result(b"[]"), *BROKEN),
    said("result text", result(b'"done"'), *BROKEN),
    said("result number", result(b"1"), *BROKEN),
    said("result true", result(b"true"), *BROKEN),
    said("error null", error(b"null"), *BROKEN),
    said("error text", error(b'"no"'), *BROKEN),
    said("error list", error(b"[]"), *BROKEN),
    said("error empty", error(b"{}"), "error"),
    said("error without a code", error(b'{"message":"x"}'), "error"),
    said("error code a text", error(b'{"code":"x","message":"x"}'), "error"),
    said("error code a float", error(b'{"code":-32602.5,"message":"x"}'), "error"),
    said("error code huge", error(b'{"code":123456789012345678901234567890,"message":"x"}'), "error"),
    said("error code of no JSON number", error(b'{"code":1e400,"message":"x"}'), "error"),
    said("error message a list", error(b'{"code":1,"message":["x"]}'), "error"),
    said("error message long", error(b'{"code":1,"message":"' + b"x" * 500_000 + b'"}'), "error"),
    said("error data deep", error(b'{"code":1,"message":"x","data":' + DEEP + b"}"), "error"),
    said("error data of no UTF-8", error(b'{"code":1,"message":"x","data":"\xff"}'), "error", MALFORMED, "error"),
    said("error message of no UTF-8", error(b'{"code":1,"message":"\xff"}'), "error", MALFORMED, "error"),
    said("error of the header kind", error(b'{"code":-32020,"message":"x"}'), "error"),
    said("error of the capability kind", error(b'{"code":-32021,"message":"x"}'), "error"),
    said("error without an id", b'{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}', "error", "error", TIMEOUT),
    said("a notification instead", b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}', *NOTHING),
    said("a question instead", b'{"jsonrpc":"2.0","id":@ID@,"method":"ping"}', *NOTHING),
    said("a question with a result", message(b'"method":"ping","result":{"content":[]}'), *NOTHING),
    said("resultType unknown", result(b'{"resultType":"telepathy","content":[]}'), KIND),
    said("resultType number", result(b'{"resultType":1,"content":[]}'), KIND),
    said("resultType list", result(b'{"resultType":["complete"],"content":[]}'), KIND),
    said("resultType null", result(b'{"resultType":null,"content":[]}'), KIND),
    said("resultType in capitals", result(b'{"resultType":"COMPLETE","content":[]}'), KIND),
    said("a task nobody asked for", result(b'{"resultType":"task","task":{}}'), KIND),
    said("65 levels", result(b'{"content":[],"structuredContent":{"a":' + DEEP + b"}}"), MALFORMED),
    said("900 levels", result(b'{"content":[],"x":' + b"[" * 900 + b"]" * 900 + b"}"), MALFORMED),
    said("100,000 levels", result(b'{"content":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), *NOTHING),
    said("no UTF-8 in a text", text(b"\xff\xfe"), MALFORMED),
    said("no UTF-8 in a key", result(b'{"content":[],"\xff":1}'), MALFORMED),
    said("surrogate bytes", text(b"\xed\xa0\x80"), MALFORMED),
    said("lone surrogate", text(b"\\ud800"), *NOTHING),
    said("raw control character", text(b"\x01"), *NOTHING),
    said("NaN", result(b'{"content":[],"x":NaN}'), *NOTHING),
    said("trailing comma", result(b'{"content":[],}'), *NOTHING),
    said("cut", result(b'{"content":['), *NOTHING),
    said("empty object", b"{}", *NOTHING),
    said("byte order mark", b"\xef\xbb\xbf" + GOOD, MALFORMED, TRUNCATED, OK),
    said("a page of HTML", b"<html>" + SECRET + b"</html>", *NOTHING),
    said("a batch with the answer", b"[" + GOOD + b"]", OK, TRUNCATED, OK),
    said("a batch without it", b'[{"jsonrpc":"2.0","id":"other","result":{}}]', *NOTHING),
    said("an empty batch", b"[]", *NOTHING),
    said("batches in a batch", b"[[" + GOOD + b"]]", *NOTHING),
    said("members twice", message(b'"result":{"content":1},"result":{"content":[]}'), OK),
    said("content missing", result(b"{}"), OK),
    said("content null", result(b'{"content":null}'), OK),
    said("content a number", result(b'{"content":5}'), OK),
    said("content of numbers", result(b'{"content":[1,null,[]]}'), OK),
    said("content of no type", result(b'{"content":[{}]}'), OK),
    said("content of strange types", result(b'{"content":[{"type":[]},{"type":{}},{"type":1},{"type":"x"}]}'), OK),
    said("structured and strange", result(b'{"content":[{"type":[]}],"structuredContent":[1]}'), OK),
    said("structured number out of range", result(b'{"content":[],"structuredContent":1e400}'), OK),
    said("structured number of 4000 digits", result(b'{"structuredContent":' + b"9" * 4_000 + b"}"), OK),
    said("_meta list", result(b'{"content":[],"_meta":[]}'), OK),
    said("_meta null", result(b'{"content":[],"_meta":null}'), OK),
    said("_meta out of range", result(b'{"content":[],"_meta":{"a":1e400}}'), OK),
    said("_meta of no UTF-8", result(b'{"content":[],"_meta":{"a":"\xff"}}'), MALFORMED),
    said("isError a text", result(b'{"content":[],"isError":"yes"}'), OK),
    said(
        "strange links", result(b'{"content":[{"type":"resource_link","uri":5},{"type":"resource","resource":[]}]}'), OK
    ),
    said("links of strange URIs", result(b'{"content":[{"type":"resource_link","uri":"\\u0000","name":"x"}]}'), OK),
    said("a result over the limit", text(b"x" * (MIB + 10)), LARGE, LARGE, TIMEOUT),
    said(
        "a request state too long",
        result(b'{"resultType":"input_required","inputRequests":{},"requestState":"' + b"x" * 200_000 + b'"}'),
        LARGE,
    )._replace(old=OK),
)


class Bytes(NamedTuple):
    """A whole HTTP answer. It ends the connection. `session`: the outcome where the server has sessions."""

    id: str
    raw: bytes
    outcome: str
    session: str | None = None


def http(name: str, raw: bytes, outcome: str) -> Bytes:
    return Bytes(f"http {name}", raw, outcome)


def status(line: str, outcome: str, headers: str = "", body: bytes = SECRET, kind: str = "text/html") -> Bytes:
    head = f"HTTP/1.1 {line}\r\ncontent-type: {kind}\r\n{headers}content-length: {len(body)}\r\n\r\n"
    return http(f"status {line} {headers[:30].strip()} {kind} {len(body)}", head.encode() + body, outcome)


def whole(body: bytes, head: bytes = JSON_HEAD) -> bytes:
    return b"%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (head, len(body), body)


def stream(name: str, body: bytes, outcome: str, kind: bytes = b"text/event-stream") -> Bytes:
    """An event stream that ends with the connection."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n\r\n"
    return Bytes(f"sse {name}", head + body, outcome)


DATA = b"data: " + GOOD
REFUSAL = json.dumps({"jsonrpc": "2.0", "error": {"code": -32000, "message": SECRET.decode()}}).encode()

ANSWERS = (
    status("301 Moved", MALFORMED, "location: @CANARY@\r\n"),
    status("302 Found", MALFORMED, "location: @CANARY@\r\n"),
    status("303 See Other", MALFORMED, "location: @CANARY@\r\n"),
    status("307 Temporary", MALFORMED, "location: @CANARY@\r\n"),
    status("308 Permanent", MALFORMED, "location: @CANARY@\r\n"),
    status("307 Temporary", MALFORMED, "location: http://169.254.169.254/latest\r\n"),
    status("300 Choices", MALFORMED),
    status("304 Unchanged", MALFORMED, body=b""),
    status("400 Bad", STATUS),
    status("401 No", UNAUTHORIZED, 'www-authenticate: Bearer resource_metadata="http://x/SECRET-upstream-text"\r\n'),
    status("401 No", UNAUTHORIZED, body=REFUSAL, kind="application/json"),
    status("402 Pay", STATUS),
    status("403 No", UNAUTHORIZED),
    status("404 Gone", STATUS)._replace(session="upstream_session_ended"),
    status("405 No", STATUS),
    status("407 Proxy", STATUS),
    status("410 Gone", STATUS),
    status("418 Teapot", STATUS),
    status("429 Slow", BUSY, "retry-after: 7\r\n"),
    status("429 Slow", BUSY, "retry-after: Wed, 21 Oct 2099 07:28:00 GMT\r\n"),
    status("429 Slow", BUSY, "retry-after: 99999999999999999999\r\n"),
    status("429 Slow", BUSY, "retry-after: -1\r\n"),
    status("500 Oops", STATUS),
    status("500 Oops", STATUS, body=REFUSAL, kind="application/json"),
    status("502 Oops", STATUS),
    status("503 Busy", BUSY, "retry-after: 1\r\n"),
    status("504 Late", STATUS),
    status("599 What", STATUS),
    status("200 OK", MALFORMED),
    status("200 OK", MALFORMED, kind="application/json"),
    status("200 OK", MALFORMED, body=b"", kind="application/json"),
    status("204 Nothing", MALFORMED, body=b""),
    status("202 Accepted", MALFORMED, body=b""),
    http("gzip", whole(b"\x1f\x8b\x08" + SECRET, JSON_HEAD + b"content-encoding: gzip\r\n"), MALFORMED),
    http("brotli", whole(SECRET, JSON_HEAD + b"content-encoding: br\r\n"), MALFORMED),
    http("transfer-encoding gzip", JSON_HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", MALFORMED),
    http(
        "switching protocols", b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", MALFORMED
    ),
    http("no HTTP at all", SECRET + b"\r\n\r\n", MALFORMED),
    http("HTTP/0.9", b"<html>" + SECRET, MALFORMED),
    http("HTTP/2", b"HTTP/2 200\r\n\r\n" + SECRET, MALFORMED),
    http("a bare line feed", b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", MALFORMED),
    http("two lengths", whole(GOOD, JSON_HEAD + b"content-length: 1\r\n"), MALFORMED),
    http("length and chunks", whole(GOOD, JSON_HEAD + b"transfer-encoding: chunked\r\n"), MALFORMED),
    http("a negative length", JSON_HEAD + b"content-length: -1\r\n\r\n", MALFORMED),
    http("a huge length", JSON_HEAD + b"content-length: 99999999999\r\n\r\n{}", LARGE),
    http("a broken chunk", JSON_HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", MALFORMED),
    http("a huge chunk", JSON_HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n", MALFORMED),
    http("headers without an end", JSON_HEAD + b"x: " + b"y" * 100_000, LARGE),
    http("ten thousand headers", JSON_HEAD + b"x: y\r\n" * 10_000 + b"content-length: 2\r\n\r\n{}", LARGE),
    http("interim answers without end", b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" * 10_000, LARGE),
    http("a body cut short", JSON_HEAD + b"content-length: 1000\r\n\r\n" + GOOD, LOST),
    http("a head cut short", b"HTTP/1.1 200 OK\r\ncontent-ty", LOST),
    http("nothing", b"", LOST),
    http("chunks cut short", JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{", LOST),
    http("a second answer behind it", whole(GOOD).replace(b"connection: close\r\n", b"") + whole(SECRET), OK),
    http("an interim answer before it", b"HTTP/1.1 100 Continue\r\n\r\n" + whole(GOOD), OK),
    http(
        "a trailer",
        JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nx: y\r\n\r\n" % (len(GOOD), GOOD),
        OK,
    ),
    http("a body without a length", JSON_HEAD + b"connection: close\r\n\r\n" + GOOD, OK),
    stream("good", DATA + b"\n\n", OK),
    stream("carriage returns", DATA + b"\r\r", OK),
    stream("both line ends", DATA + b"\r\n\r\n", OK),
    stream("mixed line ends", b": x\r\r\ndata: " + GOOD + b"\n\r\n", OK),
    stream("byte order mark", b"\xef\xbb\xbf" + DATA + b"\n\n", OK),
    stream("no space", b"data:" + GOOD + b"\n\n", OK),
    stream("many lines", b"data: " + GOOD.replace(b",", b",\ndata: ") + b"\n\n", OK),
    stream("named message", b"event: message\n" + DATA + b"\n\n", OK),
    stream("type with a charset", DATA + b"\n\n", OK, b"text/event-stream; charset=utf-8"),
    stream("comments and fields", b": hello\nretry: 1\nunknown: x\n" + DATA + b"\n\n", OK),
    stream("retry of no number", b"retry: soon\n" + DATA + b"\n\n", OK),
    stream(
        "noise before it", b'data: {"jsonrpc":"2.0","method":"notifications/x"}\n\ndata: junk\n\n' + DATA + b"\n\n", OK
    ),
    stream("answered twice", DATA + b"\n\n" + DATA.replace(b"[]", b'"' + SECRET + b'"') + b"\n\n", OK),
    stream("wrong answer first", DATA.replace(b"@ID@", b'"other"') + b"\n\n" + DATA + b"\n\n", OK),
    stream("without a response", b": bye\n\n", TRUNCATED),
    stream("empty", b"", TRUNCATED),
    stream("unfinished event", DATA, TRUNCATED),
    stream("one line end short", DATA + b"\n", TRUNCATED),
    stream("another name", b"event: result\n" + DATA + b"\n\n", TRUNCATED),
    stream("no UTF-8", b"data: \xff\n\n" + DATA + b"\n\n", MALFORMED),
    stream("an event over the limit", b"data: " + b"x" * (3 * MIB) + b"\n\n", LARGE),
    stream("a line over the limit", b"data: " + b"x" * (3 * MIB), LARGE),
    stream("a comment over the limit", b": " + b"x" * (3 * MIB) + b"\n\n", LARGE),
    stream("many lines over the limit", b"data: x\n" * (2 * MIB), LARGE),
    stream("too many bytes", (b"data: " + b"x" * KIB + b"\n\n") * (9 * KIB), LARGE),
    stream("too many events", b"data: x\n\n" * 20_000, LARGE),
    stream("too many comments", b":\n\n" * (3 * MIB), LARGE),
    stream("an id that injects", b"id: x\r\ndata: y\r\n\r\n" + DATA + b"\n\n", OK),
)
