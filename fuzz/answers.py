"""Answers of servers on their way to clients of every era: whatever a server says, a result or one clear fault."""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from fuzz.mutation import mutated
from fuzz.speech import ANY
from fuzz.target import Target
from narthex.limits import answer_depth_max
from narthex.upstream.link.ask import response_of
from narthex.upstream.link.http_common import outcome_of
from narthex.upstream.link.peer import params_of
from narthex.wire.envelope import read_incoming
from narthex.wire.revisions import LEGACY
from narthex.wire.strict import encode, flaw
from narthex.wire.translate import legacy_result, modern_result, opened

KINDS = st.sampled_from(["text", "image", "audio", "resource", "resource_link", "x"]) | ANY
BLOCKS = st.dictionaries(st.sampled_from(["text", "uri", "name", "title", "mimeType", "resource"]), ANY, max_size=3)
CONTENT = ANY | st.lists(st.builds(lambda block, kind: {**block, "type": kind}, BLOCKS, KINDS), max_size=3)
MESSAGES = ANY | st.lists(st.fixed_dictionaries({"role": ANY, "content": CONTENT}) | ANY, max_size=3)
RESULTS = st.fixed_dictionaries(
    {},
    optional={
        "content": CONTENT,
        "messages": MESSAGES,
        "structuredContent": ANY,
        "isError": ANY,
        "resultType": st.sampled_from(["complete", "input_required", "x"]) | ANY,
        "_meta": ANY,
        "ttlMs": ANY,
    },
)
ANSWERS = st.builds(
    lambda result: json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode(), RESULTS | ANY
) | st.builds(lambda error: json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode(), ANY)
PIECES = st.sampled_from(
    [b"1e400", b"\xff", b"\\ud800", b"9" * 5_000, b"[" * 70 + b"]" * 70, b"null", b"{", b"}", b'"']
)


def check(data: bytes) -> None:
    try:
        incoming = read_incoming(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    params_of(incoming)
    outcome_of(incoming, 1)
    try:
        response = response_of(incoming)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    members: dict[str, Any] | None = getattr(response, "members", None)
    if members is None:
        encode(vars_of(response))
        return
    if any(type(value) is msgspec.Raw and flaw(bytes(value), answer_depth_max) for value in members.values()):
        return
    for method in ("tools/call", "prompts/get", "resources/read"):
        check_json(modern_result(method, dict(members), {"name": "x"}), members)
        for revision in LEGACY:
            check_json(legacy_result(method, dict(members), revision), members)


def check_json(shown: dict[str, Any], members: dict[str, Any]) -> None:
    """It can be written, and read again unless the server wrote numbers that none can read."""
    written = encode(shown)
    if all(value is None or opened(value) is not None or bytes(value) == b"null" for value in members.values()):
        msgspec.json.decode(written)


def vars_of(failure: Any) -> dict[str, Any]:
    return {"code": failure.code, "message": failure.message, "data": failure.data}


TARGET = Target("answers", ANSWERS | mutated(ANSWERS, PIECES), check)
