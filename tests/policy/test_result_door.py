"""Whatever a result is, and whatever the rule: what passes is within the bound, valid, and says what is missing."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_makers import compiled, offer, server, tool, who

from narthex.model.call import Call
from narthex.model.outcome import Denial, Failure
from narthex.model.rules.result import ResultSize
from narthex.policy import result
from narthex.policy.guarding.whole import Page
from narthex.policy.validation.checked import NOTHING_DECLARED, Ready
from narthex.policy.validation.compiling import compiled as compiled_schema
from narthex.relay.resolve import resolve
from narthex.relay.trial import trial

MOST = 4_096
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4_000)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=9), inner, max_size=20),
    max_leaves=200,
)
BLOCKS = st.one_of(
    TEXTS.map(lambda text: {"type": "text", "text": text}),
    JSONS.map(lambda value: {"type": "text", "text": json.dumps(value)}),
    st.integers(0, 6_000).map(lambda size: {"type": "image", "data": "Q" * size, "mimeType": "image/png"}),
    TEXTS.map(lambda text: {"type": "resource", "resource": {"uri": "a:b", "text": text}}),
    st.just({"type": "resource_link", "uri": "a:b", "name": "b"}),
    JSONS,  # what no server should send
)
MEMBERS = st.fixed_dictionaries(
    {"content": st.lists(BLOCKS, max_size=8)},
    optional={"structuredContent": JSONS, "isError": st.booleans(), "_meta": JSONS, "x": JSONS},
)


class Paper:
    """Where a result is put aside."""

    uri = "narthex-result:n1." + "x" * 100

    def __init__(self) -> None:
        self.pages: tuple[Page, ...] = ()


def a_call(rule: ResultSize, promised: Ready = NOTHING_DECLARED) -> Call:
    house = compiled(server("crm", result=rule), offers=(offer("crm", tool("find")),))
    made = trial(house.endpoints[""], who(), "tools/call", {"name": "find", "arguments": {}})
    resolve(made)
    made.promised, made.slip = promised, Paper()
    return made


def raw(members: dict[str, Any]) -> dict[str, Any]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in members.items()}


def written(members: dict[str, Any]) -> bytes:
    return msgspec.json.encode(members)


@settings(max_examples=300, deadline=None)
@given(MEMBERS, st.sampled_from(["truncate", "offload"]), st.none() | st.text(min_size=1, max_size=40))
def test_a_result_that_passes_is_within_the_bound_and_valid(members: Any, when: Any, hint: str | None) -> None:
    call = a_call(ResultSize(bytes_max=MOST, when_larger=when, hint=hint))
    before = raw(members)
    found = result.response(call, before)

    assert before == raw(members)
    if isinstance(found, Denial):
        assert found.reason == "result_too_large"
        assert len(written(before)) > MOST - 200
        return
    text = written(found)
    shown = json.loads(text.decode())
    assert len(text) <= MOST
    assert type(shown["content"]) is list
    if found is before:
        assert not call.shortened
        return
    assert shown["_meta"][result.NOTE]["bytes"] == result.weight(before)
    assert any("… [truncated: " in json.dumps(block, ensure_ascii=False) for block in shown["content"])
    assert shown.get("isError") == members.get("isError")
    if when == "offload":
        assert shown["content"][-1]["type"] == "resource_link"
        texts = [block["text"] for block in members["content"] if _speaks(block)]
        kept = "".join(page.content.decode() for page in call.slip.pages if not page.is_blob)
        assert all(text in kept for text in texts)
        assert all(
            len(msgspec.json.encode(page.content.decode())) <= MOST for page in call.slip.pages if not page.is_blob
        )


def _speaks(block: Any) -> bool:
    return type(block) is dict and block.get("type") == "text"


@given(JSONS, st.integers(1, 60))
def test_structured_content_never_breaks_its_schema_in_silence(value: Any, least: int) -> None:
    """A schema that asks for so many rows: the result has them, or is refused."""
    schema = {"type": "object", "properties": {"rows": {"type": "array", "minItems": least}}}
    ready = compiled_schema(lambda: schema, formats=False)
    call = a_call(ResultSize(bytes_max=MOST), ready)
    structured = {"rows": [value] * 60, "pad": ["x" * 50] * 100}
    found = result.response(call, raw({"content": [], "structuredContent": structured}))

    if not isinstance(found, Denial):
        shown = json.loads(written(found))["structuredContent"]
        assert len(shown["rows"]) >= least


def test_a_schema_that_cannot_be_used_promises_what_nobody_can_check() -> None:
    ready = compiled_schema(lambda: {"$ref": "https://elsewhere.example/schema"}, formats=False)
    found = result.response(
        a_call(ResultSize(bytes_max=MOST), ready), raw({"content": [], "structuredContent": {"rows": ["x" * 99] * 99}})
    )

    assert isinstance(found, Denial)


def test_errors_promise_nothing() -> None:
    ready = compiled_schema(lambda: {"type": "object", "required": ["no"]}, formats=False)
    members = raw({"content": [], "structuredContent": {"rows": ["x" * 99] * 99}, "isError": True})
    found = result.response(a_call(ResultSize(bytes_max=MOST), ready), members)

    assert not isinstance(found, Denial)
    assert json.loads(written(found))["isError"] is True


def test_tokens_are_four_bytes_and_the_smaller_bound_holds() -> None:
    assert ResultSize(tokens_max=2_000).most == 8_000
    assert ResultSize(bytes_max=5_000, tokens_max=2_000).most == 5_000
    assert ResultSize(bytes_max=9_000, tokens_max=2_000).most == 8_000


@pytest.mark.parametrize("size", [10, 10_000])
def test_the_data_of_an_error_is_bounded_too(size: int) -> None:
    found = result.failure(a_call(ResultSize(bytes_max=MOST)), Failure(-32603, "no", {"why": "x" * size}))

    assert found.message == "no"
    assert found.has_data is (size == 10)


def test_a_resource_is_cut_and_a_file_is_refused() -> None:
    house = compiled(server("crm", result=ResultSize(bytes_max=MOST)), offers=(offer("crm", "find"),))
    call = trial(house.endpoints[""], who(), "resources/read", {"uri": "memo://one"})
    resolve(call)
    lines = "\n".join(f"line {number}" for number in range(2_000))
    cut = result.response(call, raw({"contents": [{"uri": "memo://one", "text": lines}]}))
    whole = result.response(call, raw({"contents": [{"uri": "memo://one", "blob": "Q" * 9_000}]}))

    assert not isinstance(cut, Denial)
    [shown] = json.loads(written(cut))["contents"]
    assert lines.startswith(shown["text"].rpartition("\n")[0])
    assert isinstance(whole, Denial)
