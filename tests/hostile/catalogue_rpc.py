"""The JSON-RPC layer: no messages, ids of every kind, look-alike members (checklist 6 to 9)."""

from hostile_rows import INVALID, METHOD, PARAMS, Message, call

LIKE = "lookalike_key"


def wrong(name: str, body: bytes, reason: str | None, *, code: int = INVALID, echoed: object = None) -> Message:
    return Message(f"rpc {name}", body, code, reason, echoed=echoed)


def ask(members: bytes) -> bytes:
    """A tools/call whose members are these, `_meta` and name in place."""
    return b"{" + members + b',"params":{"name":"rec__echo","arguments":{},"_meta":@META@}}'


def with_id(id: bytes) -> bytes:  # noqa: A002 - the member's name
    return ask(b'"jsonrpc":"2.0","id":' + id + b',"method":"tools/call"')


def with_params(params: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + params + b"}"


GOOD = ask(b'"jsonrpc":"2.0","id":1,"method":"tools/call"')

ROWS = (
    # no message at all
    wrong("number", b"1", "not_an_object"),
    wrong("string", b'"tools/call"', "not_an_object"),
    wrong("null", b"null", "not_an_object"),
    wrong("true", b"true", "not_an_object"),
    wrong("empty object", b"{}", "jsonrpc"),
    # the version
    wrong("no jsonrpc", ask(b'"id":1,"method":"tools/call"'), "jsonrpc", echoed=1),
    wrong("jsonrpc 1.0", ask(b'"jsonrpc":"1.0","id":1,"method":"tools/call"'), "jsonrpc", echoed=1),
    wrong("jsonrpc 2", ask(b'"jsonrpc":2,"id":1,"method":"tools/call"'), "jsonrpc", echoed=1),
    wrong("jsonrpc 2.0 as number", ask(b'"jsonrpc":2.0,"id":1,"method":"tools/call"'), "jsonrpc", echoed=1),
    wrong("jsonrpc with space", ask(b'"jsonrpc":"2.0 ","id":1,"method":"tools/call"'), "jsonrpc", echoed=1),
    wrong("jsonrpc null", ask(b'"jsonrpc":null,"id":1,"method":"tools/call"'), "jsonrpc", echoed=1),
    wrong("jsonrpc list", ask(b'"jsonrpc":["2.0"],"id":1,"method":"tools/call"'), "jsonrpc", echoed=1),
    # ids
    wrong("id null", with_id(b"null"), "id"),
    wrong("id float", with_id(b"1.5"), "id"),
    wrong("id whole float", with_id(b"1.0"), "id"),
    wrong("id exponent", with_id(b"1e3"), "id"),
    wrong("id true", with_id(b"true"), "id"),
    wrong("id false", with_id(b"false"), "id"),
    wrong("id list", with_id(b"[1]"), "id"),
    wrong("id object", with_id(b'{"a":1}'), "id"),
    wrong("id empty object", with_id(b"{}"), "id"),
    wrong("id of 257 characters", with_id(b'"' + b"x" * 257 + b'"'), "id"),
    wrong("id of a MiB", with_id(b'"' + b"x" * 1_000_000 + b'"'), "id"),
    wrong("id of 300 digits", with_id(b"9" * 300), "id"),
    Message("rpc fine id string", with_id(b'"1"'), None, called=True, echoed="1"),
    Message("rpc fine id empty string", with_id(b'""'), None, called=True, echoed=""),
    Message("rpc fine id zero", with_id(b"0"), None, called=True, echoed=0),
    Message("rpc fine id minus one", with_id(b"-1"), None, called=True, echoed=-1),
    Message("rpc fine id 2^63", with_id(b"9223372036854775808"), None, called=True, echoed=2**63),
    Message("rpc fine id 30 digits", with_id(b"1" * 30), None, called=True, echoed=int("1" * 30)),
    Message("rpc fine id NUL", with_id(b'"\\u0000"'), None, called=True, echoed="\0"),
    Message("rpc fine id emoji", with_id('"\U0001f600"'.encode()), None, called=True, echoed="\U0001f600"),
    Message("rpc fine id 256", with_id(b'"' + b"x" * 256 + b'"'), None, called=True, echoed="x" * 256),
    Message("rpc fine id like one of ours", with_id(b'"nx-0123"'), None, called=True, echoed="nx-0123"),
    # the method
    wrong("method null", ask(b'"jsonrpc":"2.0","id":1,"method":null'), "members", echoed=1),
    wrong("method number", ask(b'"jsonrpc":"2.0","id":1,"method":1'), "method", echoed=1),
    wrong("method list", ask(b'"jsonrpc":"2.0","id":1,"method":["tools/call"]'), "method", echoed=1),
    wrong("method object", ask(b'"jsonrpc":"2.0","id":1,"method":{}'), "method", echoed=1),
    wrong("method and result", GOOD.replace(b'"id":1', b'"id":1,"result":{}'), "method", echoed=1),
    wrong("method and null result", GOOD.replace(b'"id":1', b'"id":1,"result":null'), "method", echoed=1),
    wrong("method and error", GOOD.replace(b'"id":1', b'"id":1,"error":{}'), "method", echoed=1),
    # neither request nor reply
    wrong("id alone", b'{"jsonrpc":"2.0","id":1}', "members", echoed=1),
    wrong("result without id", b'{"jsonrpc":"2.0","result":{}}', "members"),
    wrong("result and error", b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', "members", echoed=1),
    wrong("result no object", b'{"jsonrpc":"2.0","id":1,"result":[]}', "members", echoed=1),
    wrong("result true", b'{"jsonrpc":"2.0","id":1,"result":true}', "members", echoed=1),
    wrong("error a string", b'{"jsonrpc":"2.0","id":1,"error":"no"}', "members", echoed=1),
    wrong("reply with null id", b'{"jsonrpc":"2.0","id":null,"result":{}}', "id"),
    # params
    wrong("params list", with_params(b"[]"), "params", code=PARAMS, echoed=1),
    wrong("params list of name", with_params(b'["rec__echo"]'), "params", code=PARAMS, echoed=1),
    wrong("params string", with_params(b'"rec__echo"'), "params", code=PARAMS, echoed=1),
    wrong("params null", with_params(b"null"), "params", code=PARAMS, echoed=1),
    wrong("params number", with_params(b"0"), "params", code=PARAMS, echoed=1),
    wrong("params true", with_params(b"true"), "params", code=PARAMS, echoed=1),
    # look-alikes (CVE-2026-27896)
    wrong("Method", GOOD.replace(b'"id":1', b'"id":1,"Method":"tools/list"'), LIKE, echoed=1),
    wrong("METHOD", GOOD.replace(b'"id":1', b'"id":1,"METHOD":"tools/list"'), LIKE, echoed=1),
    wrong("Params", GOOD.replace(b'"id":1', b'"id":1,"Params":{}'), LIKE, echoed=1),
    wrong("param with long s", GOOD.replace(b'"id":1', '"id":1,"param\u017f":{}'.encode()), LIKE, echoed=1),
    wrong("escaped long s", GOOD.replace(b'"id":1', b'"id":1,"param\\u017f":{}'), LIKE, echoed=1),
    wrong("ID", GOOD.replace(b'"id":1', b'"id":1,"ID":2'), LIKE, echoed=1),
    wrong("JsonRPC", GOOD.replace(b'"id":1', b'"id":1,"JsonRPC":"1.0"'), LIKE, echoed=1),
    wrong("fullwidth method", GOOD.replace(b'"id":1', '"id":1,"\uff4dethod":"x"'.encode()), LIKE, echoed=1),
    wrong("only Method", b'{"jsonrpc":"2.0","id":1,"Method":"tools/list"}', LIKE, echoed=1),
    wrong("Result", GOOD.replace(b'"id":1', b'"id":1,"Result":{}'), LIKE, echoed=1),
    wrong("Name", with_params(b'{"Name":"rec__ask","name":"rec__echo","_meta":@META@}'), LIKE, echoed=1),
    wrong("Arguments", with_params(b'{"name":"rec__echo","Arguments":{},"_meta":@META@}'), LIKE, echoed=1),
    wrong("URI", with_params(b'{"name":"rec__echo","URI":"x","_meta":@META@}'), LIKE, echoed=1),
    wrong("_Meta", with_params(b'{"name":"rec__echo","_Meta":{},"_meta":@META@}'), LIKE, echoed=1),
    wrong("Cursor", with_params(b'{"name":"rec__echo","Cursor":"x","_meta":@META@}'), LIKE, echoed=1),
    wrong(
        "argument\u017f",
        with_params('{"name":"rec__echo","argument\u017f":{},"_meta":@META@}'.encode()),
        LIKE,
        echoed=1,
    ),
    wrong("RequestState", with_params(b'{"name":"rec__echo","RequestState":"x","_meta":@META@}'), LIKE, echoed=1),
    # members nobody knows are nobody's business
    Message("rpc fine unknown member", GOOD.replace(b'"id":1', b'"id":1,"extra":{"a":1}'), None, called=True),
    Message("rpc fine unknown param", with_params(b'{"name":"rec__echo","extra":1,"_meta":@META@}'), None, called=True),
    Message("rpc fine no arguments", with_params(b'{"name":"rec__echo","_meta":@META@}'), None, called=True),
    Message("rpc fine null arguments", call(b"null"), None, called=True),
    # what a call needs
    Message("rpc arguments list", call(b"[]"), PARAMS, "arguments"),
    Message("rpc arguments string", call(b'"{}"'), PARAMS, "arguments"),
    Message("rpc arguments number", call(b"1"), PARAMS, "arguments"),
    Message("rpc arguments false", call(b"false"), PARAMS, "arguments"),
)

# Methods: the modern face answers 404 to what it does not know, the older ones 200 (R15).
UNKNOWN = tuple(
    (name, b'{"jsonrpc":"2.0","id":1,"method":"' + name.encode() + b'","params":{"_meta":@META@}}', METHOD)
    for name in (
        "",
        "nothing",
        "tools",
        "tools/",
        "tools/call/",
        "/tools/call",
        "Tools/Call",
        "tools/call ",
        " tools/call",
        "tools\\u0000/call",
        "tools%2Fcall",
        "tools.call",
        "rpc.discover",
        "__init__",
        "x" * 10_000,
        "notifications/initialized",
        "notifications/cancelled",
        "elicitation/create",
        "sampling/createMessage",
        "roots/list",
        "tasks/list",
        "tasks/get",
        "\U0001f600",
        "\\u202etools/call",
    )
)
