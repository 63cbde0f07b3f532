"""What the short readers accept, the general ones accept too, and read alike; everything else they leave to them."""

import json
import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from narthex.limits import DEFAULTS, MIB, Limits, answer_depth_max, request_id_chars_max, usual_call_bytes_max
from narthex.model.outcome import Result
from narthex.upstream.link.http_common import outcome_of
from narthex.wire.envelope import Request, encode_result, read, read_incoming
from narthex.wire.ladder import Routing, climb, is_modern
from narthex.wire.revisions import LEGACY, META_VERSION, MODERN
from narthex.wire.strict import decode, encode, flaw
from narthex.wire.translate import is_complete, legacy_result, meta_upstream, modern_result, shared_capabilities
from narthex.wire.usual import UsualCall, legacy_answer, legacy_meta, modern_answer, modern_meta, read_call, read_result

MUCH = settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TIGHT = Limits(json_depth_max=6, json_keys_max=16, json_values_max=60, json_string_bytes_max=200)
META = "io.modelcontextprotocol/"
MODERN_META = f'{{"{META}protocolVersion":"{MODERN}","{META}clientCapabilities":{{}}}}'
SERVER_INFO = {"name": "narthex", "version": "1"}

# ---- texts that are nearly JSON ------------------------------------------------------------------------------------

WORDS = ["", "a", "A", "name", "arguments", "_meta", "progressToken", ":", "a:b", "{", "[", "}]", "é", "\u2028", "😀"]
WORDS += [
    "id",
    "params",
    "ＮＡＭＥ",
    "naſe",
    "x" * 70,
    "tools/call",
    "2.0",
    f"{META}protocolVersion",
    f"{META}logLevel",
]
STRINGS = [json.dumps(word, ensure_ascii=False) for word in WORDS]
STRINGS += [r'"\u0061"', r'"a\"b"', r'"\\"', r'"\/"', r'"\ud800"', r'"\ud83d\ude00"', '"\x01"', r'"\q"', '"open', "'a'"]
NUMBERS = [
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "-0.0",
    "1e2",
    "1E-2",
    "1e400",
    "-1e400",
    "1e-400",
    "01",
    "1.",
    ".5",
    "+1",
    "0x1",
]
NUMBERS += ["NaN", "Infinity", "-Infinity", "9" * 19, "9" * 25, "-" + "9" * 25, "0.1234567890123456789", "1_0"]
NUMBERS += [str(2**53 + 1), str(2**63), str(2**64), "9" * 256, "9" * 257]
OTHERS = [
    "true",
    "false",
    "null",
    "True",
    "nul",
    "undefined",
    "",
    "//c",
    "{}",
    "[]",
    "[[]]",
    '{"a":{}}',
    "{",
    "}",
    "[1,]",
]
BAD_BYTES = ["\udcff", "\udcc3", "\udced\udca0\udc80", "\udcc0\udcaf", "\ufeff", "\x00"]  # as surrogateescape has them

scalars = st.sampled_from([*STRINGS, *NUMBERS, *OTHERS])
keys = st.sampled_from([*STRINGS[:20], *STRINGS[:4], r'"\u0061"'])
spaces = st.sampled_from(["", "", "", " ", "\n\t", "\r\n", "\x0b", "\u00a0"])


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    pairs = draw(st.lists(st.tuples(keys, values), max_size=4))
    space = draw(spaces)
    return "{" + space + f"{space},{space}".join(f"{key}{space}:{space}{value}" for key, value in pairs) + space + "}"


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=4).map(lambda items: "[" + ",".join(items) + "]")


anything = st.recursive(scalars, lambda inner: st.one_of(objects(inner), lists(inner)), max_leaves=8)
sound = st.recursive(
    st.sampled_from([*STRINGS[: len(WORDS)], "0", "-1", "1.5", "true", "null", str(2**64)]),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(STRINGS[: len(WORDS)]), inner, max_size=4).map(
            lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found.items()) + "}"
        ),
        lists(inner),
    ),
    max_leaves=8,
)


def members(text: list[tuple[str, str]], space: str = "") -> str:
    return "{" + ",".join(f"{space}{key}{space}:{space}{value}" for key, value in text) + "}"


@st.composite
def disturbed(draw: st.DrawFn, pairs: list[tuple[str, str]], values: st.SearchStrategy[str]) -> list[tuple[str, str]]:
    """The members of an object as they are, or one changed, missing, twice, in other words, or beside a stranger."""
    pairs = list(pairs)
    place = draw(st.integers(0, len(pairs) - 1))
    key, value = pairs[place]
    match draw(st.sampled_from(["none", "none", "none", "value", "missing", "twice", "again", "key", "stranger"])):
        case "value":
            pairs[place] = (key, draw(values))
        case "missing":
            del pairs[place]
        case "twice":
            pairs.insert(draw(st.integers(0, len(pairs))), (key, value))
        case "again":
            pairs.insert(draw(st.integers(0, len(pairs))), (key, draw(values)))
        case "key":
            pairs[place] = (draw(st.sampled_from([key.upper(), key.title(), key[:-1] + ' "', r'"\u0069d"'])), value)
        case "stranger":
            pairs.append((draw(keys), draw(values)))
    return draw(st.permutations(pairs)) if draw(st.booleans()) else pairs


@st.composite
def broken(draw: st.DrawFn, text: str) -> bytes:
    """The text as bytes, some of them changed."""
    body = bytearray(text.encode("utf-8", "surrogateescape"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        place = draw(st.integers(0, len(body)))
        piece = draw(st.sampled_from([*'":{}[],\\ 0', "\t", "tru", '"a":1,', *BAD_BYTES]))
        body[place : place + draw(st.integers(0, 3))] = piece.encode("utf-8", "surrogateescape")
    return bytes(body)


metas = st.one_of(
    st.just(MODERN_META),
    st.just("{}"),
    objects(anything),
    anything,
    disturbed(
        [
            (f'"{META}protocolVersion"', f'"{MODERN}"'),
            (f'"{META}clientCapabilities"', '{"elicitation":{"form":{}},"tasks":{}}'),
            (f'"{META}logLevel"', '"info"'),
            ('"x/trace"', '"a:b"'),
            (f'"{META}clientInfo"', '{"name":"c","version":"1"}'),
        ],
        anything,
    ).map(members),
)


@st.composite
def calls(draw: st.DrawFn) -> bytes:
    params = [('"name"', draw(st.sampled_from(['"t"', '"a:b"', '"größe"', '""']))), ('"arguments"', draw(sound))]
    if draw(st.booleans()):
        params[1] = ('"arguments"', draw(objects(anything)))
    if draw(st.booleans()):
        params.append(('"_meta"', draw(metas)))
    message = [
        ('"jsonrpc"', '"2.0"'),
        ('"id"', draw(st.sampled_from(["1", '"i"', '"a:b"', "-7", str(2**64), *NUMBERS]))),
    ]
    message += [('"method"', '"tools/call"'), ('"params"', members(draw(disturbed(params, anything)), draw(spaces)))]
    return draw(broken(members(draw(disturbed(message, anything)), draw(spaces))))


# ---- calls ---------------------------------------------------------------------------------------------------------


def routing(name: str) -> Routing:
    return Routing(False, MODERN, "tools/call", name, False, {})


def check_call(body: bytes, limits: Limits) -> bool:
    """Whether the call is taken by the short reader; then the general ones must have understood the same."""
    usual = read_call(body, limits)
    if usual is None:
        return False
    modern, legacy = modern_meta(usual.meta), legacy_meta(usual.meta)
    if modern is None and legacy is None:
        return False
    message = read(decode(body, limits))
    assert type(message) is Request
    check_alike(usual, message)
    meta = message.params.get("_meta", {})
    if legacy is not None:
        assert not is_modern(Routing(False, None, None, None, False, {}), message)
        assert type(meta) is dict
        assert "progressToken" not in meta
        assert (legacy.members, legacy.capabilities, legacy.log_level) == (meta, {}, None)
        assert (legacy.vendor, legacy.shared) == (meta_upstream(meta), {})
    if modern is not None:
        assert meta[META_VERSION] == MODERN
        found = climb(routing(usual.name), message)
        assert found.progress_token is None
        assert (modern.members, modern.capabilities, modern.log_level) == (
            found.meta,
            found.capabilities,
            found.log_level,
        )
        assert (modern.vendor, modern.shared) == (meta_upstream(meta), shared_capabilities(found.capabilities))
    return True


def check_alike(usual: UsualCall, message: Request) -> None:
    assert message.method == "tools/call"
    assert (type(message.id), message.id) == (type(usual.id), usual.id)
    assert message.params.keys() == {"name", "arguments", *(["_meta"] if usual.meta else [])}
    assert message.params["name"] == usual.name
    # 1 and 1.0 and true are equal, but not the same: as written they are.
    assert encode(message.params["arguments"]) == encode(usual.arguments) == usual.encoded


@MUCH
@given(calls())
def test_what_is_taken_for_a_usual_call_is_one(body: bytes) -> None:
    check_call(body, DEFAULTS)


@MUCH
@given(calls())
def test_bounds_of_the_operator_hold_for_usual_calls_too(body: bytes) -> None:
    check_call(body, TIGHT)


@given(
    sound, st.sampled_from(["1", '"i"', '"a:b"', "-7", str(2**64)]), st.sampled_from(["{}", MODERN_META, '{"v":":"}'])
)
def test_what_is_usual_is_taken(value: str, request_id: str, meta: str) -> None:
    body = whole(f'{{"a":{value}}}', request_id=request_id, meta=meta)
    if len(body) <= usual_call_bytes_max:
        assert check_call(body, DEFAULTS)


def whole(
    arguments: str = "{}", *, request_id: str = "1", name: str = '"t"', meta: str = "{}", more: str = ""
) -> bytes:
    text = f'{{"jsonrpc":"2.0","id":{request_id},"method":"tools/call","params":{{"name":{name},"arguments":{arguments}'
    return f'{text},"_meta":{meta}}}{more}}}'.encode("utf-8", "surrogateescape")


UNUSUAL = {
    "a float as id": whole(request_id="1.0"),
    "an exponent as id": whole(request_id="1e2"),
    "true as id": whole(request_id="true"),
    "null as id": whole(request_id="null"),
    "a list as id": whole(request_id="[1]"),
    "too long a number as id": whole(request_id="9" * (request_id_chars_max + 1)),
    "too long a negative number as id": whole(request_id="-" + "9" * (request_id_chars_max + 1)),
    "too long a string as id": whole(request_id='"' + "i" * (request_id_chars_max + 1) + '"'),
    "a number as name": whole(name="1"),
    "null as name": whole(name="null"),
    "a list of arguments": whole("[]"),
    "null as arguments": whole("null"),
    "a string of arguments": whole('"{}"'),
    "the same key twice in arguments": whole('{"a":1,"a":1}'),
    "the same key twice, deep": whole('{"a":[{"b":{"c":1,"c":":"}}]}'),
    "the same key twice, with an escape": whole(r'{"a":1,"\u0061":1}'),
    "the same key twice, made up for by a colon in a value": whole('{"a":":","a":1}'),
    "the same key twice in _meta": whole(meta='{"a":1,"a":2}'),
    "the same key twice, deep in _meta": whole(meta='{"a":{"b":1,"b":2}}'),
    "id twice": whole(more=',"id":2'),
    "method twice": whole(more=',"method":"tools/call"'),
    "jsonrpc twice": whole(more=',"jsonrpc":"2.0"'),
    "params twice": whole(more=',"params":{"name":"t","arguments":{}}'),
    "name twice": whole(name='"t","name":"t"'),
    "arguments twice": whole('{},"arguments":{}'),
    "_meta twice": whole(meta='{},"_meta":{}'),
    "a stranger beside method": whole(more=',"x":1'),
    "a lookalike of method": whole(more=',"Method":"ping"'),
    "a lookalike of name": whole(name='"t","ＮＡＭＥ":"u"'),
    "a result beside the method": whole(more=',"result":{}'),
    "invalid UTF-8 in a string": whole('{"a":"\udcff"}'),
    "an overlong sequence": whole('{"a":"\udcc0\udcaf"}'),
    "a surrogate in UTF-8": whole('{"a":"\udced\udca0\udc80"}'),
    "invalid UTF-8 in _meta": whole(meta='{"a":"\udcff"}'),
    "invalid UTF-8 in a key of _meta": whole(meta='{"\udcff":1}'),
    "a byte order mark": b"\xef\xbb\xbf" + whole(),
    "an escape": whole(r'{"a":"\n"}'),
    "too large a float": whole('{"a":1e400}'),
    "NaN": whole('{"a":NaN}'),
    "a number with a leading zero": whole('{"a":01}'),
    "a control character": whole('{"a":"\x01"}'),
    "too deep": whole('{"a":' + "[" * DEFAULTS.json_depth_max + "]" * DEFAULTS.json_depth_max + "}"),
    "too deep in _meta": whole(meta='{"a":' + "[" * DEFAULTS.json_depth_max + "]" * DEFAULTS.json_depth_max + "}"),
    "too long": whole('{"a":"' + "x" * usual_call_bytes_max + '"}'),
    "something after the end": whole() + b"{}",
    "another version of JSON-RPC": whole().replace(b'"2.0"', b'"1.0"'),
    "no version of JSON-RPC": whole().replace(b'"jsonrpc":"2.0",', b""),
    "a number as version": whole().replace(b'"2.0"', b"2.0"),
    "another method": whole().replace(b"tools/call", b"tools/list"),
    "a notification": whole().replace(b'"id":1,', b""),
    "a batch": b"[" + whole() + b"]",
    "no arguments": whole().replace(b'"arguments":{},', b""),
    "a token for progress": whole(meta='{"progressToken":1}'),
    "null for progress": whole(meta='{"progressToken":null}'),
    "a list as _meta": whole(meta="[]"),
    "null as _meta": whole(meta="null"),
    "an answer to a question": whole(name='"t","inputResponses":{}'),
    "a state that comes back": whole(name='"t","requestState":"s"'),
    "nothing": b"",
}


@pytest.mark.parametrize("body", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_needs_a_closer_look_is_left_to_the_general_readers(body: bytes) -> None:
    assert not check_call(body, DEFAULTS)


UNUSUAL_META = {
    "no revision": MODERN_META.replace("protocolVersion", "protocolversion"),
    "another revision": MODERN_META.replace(MODERN, "2026-07-29"),
    "an older revision": MODERN_META.replace(MODERN, "2025-11-25"),
    "a number as revision": MODERN_META.replace(f'"{MODERN}"', "1"),
    "no capabilities": f'{{"{META}protocolVersion":"{MODERN}"}}',
    "a list of capabilities": MODERN_META.replace("{}", "[]"),
    "a level that there is not": MODERN_META[:-1] + f',"{META}logLevel":"loud"}}',
    "a list as level": MODERN_META[:-1] + f',"{META}logLevel":[]}}',
    "a token for progress": MODERN_META[:-1] + ',"progressToken":"p"}',
    "null for progress": MODERN_META[:-1] + ',"progressToken":null}',
    "a key twice": MODERN_META[:-1] + f',"{META}protocolVersion":"{MODERN}"}}',
    "nothing": "",
}


@pytest.mark.parametrize("meta", UNUSUAL_META.values(), ids=UNUSUAL_META.keys())
def test_a_meta_that_the_ladder_would_refuse_or_answer_with_progress_is_left_to_it(meta: str) -> None:
    assert modern_meta(meta.encode()) is None


def test_a_meta_that_names_the_modern_revision_is_none_of_an_older_client() -> None:
    assert legacy_meta(MODERN_META.encode()) is None
    assert legacy_meta(MODERN_META.replace(MODERN, "2025-11-25").encode()) is None


def test_equal_metas_are_one_object_and_others_are_not() -> None:
    one, other = (MODERN_META[:-1] + f',"x/n":{number}}}' for number in (1, 2))

    assert modern_meta(one.encode()) is modern_meta(one.encode())
    assert modern_meta(one.encode()) != modern_meta(other.encode())


@pytest.mark.parametrize(
    ("limits", "arguments"),
    [
        (Limits(json_values_max=40), "{" + ",".join(f'"{number}":[]' for number in range(30)) + "}"),
        (Limits(json_string_bytes_max=20), '{"a":"' + "x" * 21 + '"}'),
        (Limits(json_keys_max=8), "{" + ",".join(f'"{number}":1' for number in range(9)) + "}"),
        (Limits(json_depth_max=4), '{"a":[[[]]]}'),
    ],
    ids=["values", "string", "keys", "depth"],
)
def test_a_bound_that_the_operator_made_narrow_is_kept(limits: Limits, arguments: str) -> None:
    assert check_call(whole(arguments), DEFAULTS)
    assert not check_call(whole(arguments), limits)


# ---- answers -------------------------------------------------------------------------------------------------------

CONTENTS = ["[]", '[{"type":"text","text":"x"}]', '[{"type":"audio","data":"","mimeType":"a/b"}]', "null", "{}", '"x"']
CONTENTS += ['[{"type":"resource_link","uri":"a:b","name":"n"}]', '[{"type":"image","data":"","mimeType":"a/b"}]']
CONTENTS += [
    '[{"type":"new","x":1}]',
    '[{"text":"no type"}]',
    '[{"type":5}]',
    "[5]",
    '[{"type":"text"},{"type":"audio"}]',
]
CONTENTS += ['[{"type":"resource","resource":{"uri":"a:b","text":""}}]', "[1e400]", r'["\ud800"]', '["\udcff"]']
CONTENTS += ['[{"type":"audio","type":"text","text":""}]', r'[{"type":"\u0061udio"}]', "[NaN]", '[{"type":null}]']
STRUCTURED = ["{}", '{"a":1}', ' {"a":[]}', "[]", "5", "null", '"s"', '{"a":1e400}', '{"a":1,"a":2}', "{"]
KINDS = ['"complete"', '"input_required"', '"task"', "null", "1", r'"\u0063omplete"', '"Complete"', '""']
ERRORS = ["true", "false", "null", "1", '"true"', "[]"]
ANSWER_METAS = [
    "{}",
    '{"x":1}',
    "null",
    "[]",
    '"m"',
    f'{{"{META}serverInfo":{{"name":"up"}}}}',
    '{"x":1e400}',
    '{"x":1,"x":2}',
]
ANSWER_METAS += [
    f'{{"{META}subscriptionId":"1"}}',
    f'{{"{META}serverInfo":{{}},"x/y":"\u2028:é"}}',
    r'{"\u0078":1}',
    '{"x":NaN}',
]


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    result = [('"content"', draw(st.sampled_from(CONTENTS) | anything))]
    for key, values in (
        ('"structuredContent"', STRUCTURED),
        ('"isError"', ERRORS),
        ('"resultType"', [KINDS[0], *KINDS]),
        ('"_meta"', ANSWER_METAS),
    ):
        if draw(st.booleans()):
            result.append((key, draw(st.sampled_from(values) | anything)))
    result = draw(disturbed(result, anything))
    message = [
        ('"jsonrpc"', '"2.0"'),
        ('"id"', draw(st.sampled_from(["7", "7", "7", "8", '"7"', "7.0", "null", "true"]))),
    ]
    message.append(('"result"', members(result, draw(spaces))))
    if draw(st.sampled_from([False] * 7 + [True])):
        message.append(('"error"', draw(st.sampled_from(["null", "{}", '{"code":-1,"message":"m"}']))))
    return draw(broken(members(draw(disturbed(message, anything)), draw(spaces))))


def general(body: bytes, bytes_max: int) -> dict[str, Any] | None:
    """The members of a complete result that the general way would pass on; None: it would not."""
    outcome = outcome_of(read_incoming(body), 7)
    assert type(outcome) is Result
    found = [bytes(value) for value in outcome.members.values()]
    if sum(map(len, found)) > bytes_max or any(flaw(text, answer_depth_max) for text in found):
        return None
    return outcome.members if is_complete(outcome.members) else None


def taken_apart(body: bytes) -> tuple[bytes, dict[str, Any]]:
    """The id as it is written, and the members of the result: `_meta` decoded, the others as they are written."""
    response = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    assert response.keys() == {"jsonrpc", "id", "result"}
    assert bytes(response["jsonrpc"]) == b'"2.0"'
    found = msgspec.json.decode(response["result"], type=dict[str, msgspec.Raw])
    texts: dict[str, Any] = {name: bytes(value).strip() for name, value in found.items()}
    for name in texts.keys() & {"_meta", "resultType"}:
        texts[name] = json.loads(texts[name], parse_float=Decimal)
    return bytes(response["id"]), texts


def check_answer(body: bytes, bytes_max: int = MIB) -> int:
    """For how many kinds of clients the short way has an answer. Each must be the one that the general way has."""
    result = read_result(body, 7, bytes_max)
    if result is None:
        return 0
    members = general(body, bytes_max)
    assert members is not None
    made = 0
    answer = modern_answer("i", result, encode(SERVER_INFO))
    if answer is not None:
        made += 1
        other = encode_result("i", modern_result("tools/call", dict(members), SERVER_INFO))
        assert taken_apart(answer) == taken_apart(other)
    for revision in LEGACY:
        answer = legacy_answer("i", result, revision)
        if answer is not None:
            made += 1
            other = encode_result("i", legacy_result("tools/call", dict(members), revision))
            assert taken_apart(answer) == taken_apart(other)
    return made


@MUCH
@given(answers())
@example(b'{"jsonrpc":"2.0","id":7,"result":{"content":[],"resultType":"\\u0063omplete"}}')
def test_a_usual_answer_is_the_one_that_the_general_way_makes(body: bytes) -> None:
    check_answer(body)


@given(answers(), st.integers(0, 120))
def test_an_answer_over_the_bound_is_left_to_the_general_way(body: bytes, bytes_max: int) -> None:
    check_answer(body, bytes_max)


def said(result: str, more: str = "") -> bytes:
    return f'{{"jsonrpc":"2.0","id":7,"result":{result}{more}}}'.encode("utf-8", "surrogateescape")


TEXT = '"content":[{"type":"text","text":"x"}]'
ALL = 1 + len(LEGACY)
SINCE = {revision: sum(one >= revision for one in LEGACY) for revision in LEGACY}
ANSWERS = {
    "a text": (said(f"{{{TEXT}}}"), ALL),
    "an error": (said(f'{{{TEXT},"isError":true}}'), ALL),
    "no error": (said(f'{{{TEXT},"isError":false}}'), ALL),
    "null for an error": (said(f'{{{TEXT},"isError":null}}'), 0),
    "complete": (said(f'{{"resultType":"complete",{TEXT}}}'), ALL),
    "not complete": (said('{"resultType":"input_required","inputRequests":{}}'), 0),
    "of another kind": (said(f'{{"resultType":"task",{TEXT}}}'), 0),
    "structured": (said(f'{{{TEXT},"structuredContent":{{"a":1}}}}'), 1 + SINCE["2025-06-18"]),
    "structured, but no object": (said(f'{{{TEXT},"structuredContent":[1]}}'), 1),
    "structured null": (said(f'{{{TEXT},"structuredContent":null}}'), 1),
    "sound": (said('{"content":[{"type":"audio","data":"","mimeType":"a/b"}]}'), 1 + SINCE["2025-03-26"]),
    "a link": (said('{"content":[{"type":"resource_link","uri":"a:b","name":"n"}]}'), 1 + SINCE["2025-06-18"]),
    "a kind nobody knows": (said('{"content":[{"type":"hologram"}]}'), 1),
    "a _meta": (said(f'{{{TEXT},"_meta":{{"x/y":{{"a":1.10}}}}}}'), ALL),
    "a server's name": (said(f'{{{TEXT},"_meta":{{"{META}serverInfo":{{"name":"up"}}}}}}'), ALL),
    "a _meta that cannot be read": (said(f'{{{TEXT},"_meta":{{"a":1e400}}}}'), 0),
    "a _meta that is none": (said(f'{{{TEXT},"_meta":5}}'), 0),
    "hints for a cache": (said(f'{{{TEXT},"ttlMs":5}}'), 0),
    "a stranger": (said(f'{{{TEXT},"x":1}}'), 0),
    "no content": (said("{}"), 0),
    "null as result": (said("null"), 0),
    "an error beside a result": (said(f"{{{TEXT}}}", ',"error":{"code":1,"message":""}'), 0),
    "null beside a result": (said(f"{{{TEXT}}}", ',"error":null'), 0),
    "a refusal": (b'{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":""}}', 0),
    "another id": (said(f"{{{TEXT}}}").replace(b'"id":7', b'"id":8'), 0),
    "a string as id": (said(f"{{{TEXT}}}").replace(b'"id":7', b'"id":"7"'), 0),
    "no id": (said(f"{{{TEXT}}}").replace(b'"id":7,', b""), 0),
    "a batch": (b"[" + said(f"{{{TEXT}}}") + b"]", 0),
    "a question": (b'{"jsonrpc":"2.0","id":7,"method":"ping"}', 0),
    "not UTF-8": (said('{"content":["\udcff"]}'), 0),
    "a surrogate in UTF-8": (said('{"content":["\udced\udca0\udc80"]}'), 0),
    "too deep": (said('{"content":' + "[" * (answer_depth_max + 1) + "]" * (answer_depth_max + 1) + "}"), 0),
    "far too deep": (said('{"content":' + "[" * 100_000 + "]" * 100_000 + "}"), 0),
    "a number beyond all": (said('{"content":[1e400]}'), ALL),
    "broken off": (said(f"{{{TEXT}}}")[:-1], 0),
    "nothing": (b"", 0),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_each_kind_of_answer_is_usual_for_those_who_need_it_as_it_came(name: str) -> None:
    body, wanted = ANSWERS[name]

    assert check_answer(body) == wanted


def test_content_goes_on_as_the_very_bytes_it_came_in() -> None:
    content = rb'[ {"type":"text" ,"text":"\u00e9\/\ud83d\ude00", "n":1.10E+2, "big":12345678901234567890123} ]'
    result = read_result(b'{"jsonrpc":"2.0","id":7,"result":{"content":' + content + b"}}", 7, MIB)
    assert result is not None
    found = [modern_answer(1, result, b"{}"), *(legacy_answer(1, result, revision) for revision in LEGACY)]

    assert all(answer is not None and content in answer for answer in found)


@pytest.mark.parametrize("request_id", [0, -1, 2**70, "", "a", 'q"\\', "é\u2028😀", "\x01"])
def test_the_id_of_the_client_comes_back_in_its_own_form(request_id: int | str) -> None:
    result = read_result(said(f"{{{TEXT}}}"), 7, MIB)
    assert result is not None
    for answer in (modern_answer(request_id, result, b"{}"), legacy_answer(request_id, result, LEGACY[0])):
        assert answer is not None
        found = json.loads(answer)["id"]
        assert (type(found), found) == (type(request_id), request_id)
        assert re.match(rb'\{"jsonrpc":"2.0","id":', answer)
