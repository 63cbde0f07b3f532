"""Arguments and results at the door: what is refused, what is only said, what is sent instead."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from validation_makers import SEARCH, Tree, call, desk, directly

from narthex.model.call import Permit
from narthex.model.identity import LOCAL
from narthex.model.outcome import Denial
from narthex.model.rules.validation import Validation
from narthex.policy import chain, result_schema, schema
from narthex.relay.explain import described, explain
from narthex.wire.strict import encode

NAMES = [name for name, _ in chain.ORDER]


def test_it_stands_before_all_that_spends() -> None:
    assert NAMES.index("scopes") < NAMES.index("mirrored") < NAMES.index("schema") < NAMES.index("rate")


def test_arguments_are_checked_where_nothing_is_said() -> None:
    denial = schema.request(call(desk(SEARCH), {"limit": 5}))

    assert denial is not None
    assert (denial.filter, denial.reason, denial.code) == ("schema", "invalid_arguments", None)
    assert denial.message == (
        "The arguments for 'search' do not match its input schema, so it was not called. "
        "/query: expected a string, which is required; got nothing."
    )
    assert denial.data["errors"][0]["pointer"] == "/query"
    assert schema.request(call(desk(SEARCH), {"query": "x"})) is None


@pytest.mark.parametrize(("arguments", "passes"), [({"query": "x", "limit": None}, True), ({"query": None}, False)])
def test_null_is_not_given(arguments: Tree, passes: bool) -> None:
    made = call(desk(SEARCH), arguments)

    assert (schema.request(made) is None) == passes
    assert made.private["arguments"] == arguments


def test_several_mistakes_are_counted() -> None:
    denial = schema.request(call(desk(SEARCH), {"limit": "5"}))

    assert denial is not None
    assert "2 things to mend. /limit: " in denial.message


@pytest.mark.parametrize("arguments", [None, {}, {"a": [1, {"b": None}]}])
@pytest.mark.parametrize("rule", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_a_tool_that_asks_for_nothing_takes_anything(rule: Tree | None, arguments: Tree | None) -> None:
    assert schema.request(call(desk(rule), arguments)) is None


def test_off_is_off() -> None:
    made = call(desk(SEARCH, arguments="off"), {"limit": "x"})

    assert (schema.request(made), made.input_schema, made.warned) == (None, None, ())
    assert schema.standing(made) == "The arguments are not checked."


def test_a_warning_refuses_nothing_and_repeats_no_argument() -> None:
    made = call(desk(SEARCH, arguments="warn"), {"query": "x", "limit": "hunter2"})

    assert schema.request(made) is None
    assert [(one.filter, one.message, one.note) for one in made.warned] == [
        (
            "schema",
            "The arguments for 'search' do not match its input schema.",
            "/limit: expected an integer; got a string that is not repeated here.",
        )
    ]


def test_what_was_put_back_for_a_token_is_not_repeated() -> None:
    made = call(desk(SEARCH), {"query": "x", "limit": "«email:1»"})
    made.private = {**made.private, "arguments": {"query": "x", "limit": "ana@example.com"}}
    made.revealed = {"ana@example.com": "«email:1»"}
    denial = schema.request(made)

    assert denial is not None
    assert "ana@example.com" not in str(denial)


def test_a_schema_that_cannot_be_used_lets_the_call_pass_and_the_operator_know() -> None:
    told: list[str] = []
    made = call(desk({"type": "object", "pattern": "("}), {"a": 1}, told)

    assert schema.request(made) is None
    assert told == [
        (
            "The arguments of 'search' of server 'crm' are not checked: of its inputSchema, "
            "the pattern '(' is too large, or not one that can be read."
        )
    ]
    assert schema.standing(made).startswith("The arguments are not checked: of the input schema, the pattern")


def test_what_would_take_too_long_to_check_is_refused() -> None:
    twice = {"anyOf": [{"properties": {"c": {"$ref": "#"}}, "required": [key]} for key in "kl"], "type": "object"}
    arguments: Tree = {}
    for _ in range(50):
        arguments = {"c": arguments}
    denial = schema.request(call(desk(twice), arguments))

    assert denial is not None
    assert denial.reason == "arguments_too_complex"


# ---- put right


def test_coerced_arguments_are_what_is_sent() -> None:
    made = call(desk(SEARCH, coerce=True), {"query": "x", "limit": "10", "tags": "a", "status": None})

    assert schema.request(made) is None
    assert made.private["arguments"] == {"query": "x", "limit": 10, "tags": ["a"]}
    assert made.params["arguments"]["limit"] == "10", "what came stays, for whoever compares with what came"
    assert made.mended == (
        ("/limit", "string to integer"),
        ("/tags", "string to array"),
        ("/status", "null left out"),
    )


def test_the_answer_says_what_was_put_right() -> None:
    made = call(desk(SEARCH, coerce=True), {"query": "x", "limit": "10"})
    schema.request(made)

    assert chain.response(made, {"content": [], "_meta": msgspec.Raw(b'{"a":1}')}) == {
        "content": [],
        "_meta": {"a": 1, result_schema.MENDED: [{"pointer": "/limit", "change": "string to integer"}]},
    }


def test_what_is_still_wrong_is_refused_and_nothing_is_sent() -> None:
    made = call(desk(SEARCH, coerce=True), {"query": "x", "limit": "1000"})
    denial = schema.request(made)

    assert denial is not None
    assert denial.message.endswith("/limit: expected a number of at most 100; got the number 1000.")
    assert made.mended == ()
    assert made.private["arguments"]["limit"] == "1000"


def test_without_it_nothing_is_put_right() -> None:
    assert schema.request(call(desk(SEARCH), {"query": "x", "limit": "10"})) is not None


def test_a_second_look_finds_the_same() -> None:
    """A call that is sent anew is resolved and asked about anew."""
    endpoint = desk(SEARCH, coerce=True)
    made = call(endpoint, {"query": "x", "limit": "10"})
    schema.request(made)
    made.private = dict(made.params)

    assert schema.request(made) is None
    assert made.private["arguments"]["limit"] == 10


# ---- results

OUTPUT: Tree = {"type": "object", "properties": {"rows": {"type": "array", "items": {"type": "integer"}}}}
WRONG = {"structuredContent": msgspec.Raw(b'{"rows":[1,"secret"]}'), "content": []}


def answered(members: Tree, output: Tree | None = OUTPUT, **rule: Any) -> tuple[Any, tuple[Denial, ...]]:
    made = call(desk({}, output=output, **rule), {})
    return chain.response(made, members), made.warned


@pytest.mark.parametrize("members", [WRONG, {"content": []}])
def test_results_are_the_servers_own_affair_unless_the_operator_says_so(members: Tree) -> None:
    assert answered(members) == (members, ())


def test_a_result_that_does_not_match_is_noted() -> None:
    found, warned = answered(WRONG, results="warn")

    assert found["structuredContent"] is WRONG["structuredContent"]
    assert found["_meta"] == {
        result_schema.NOTE: {
            "errors": [
                {
                    "pointer": "/rows/1",
                    "expected": "an integer",
                    "got": "a string that is not repeated here",
                }
            ]
        }
    }
    assert "secret" not in str(warned)
    assert warned[0].message == "The result of 'search' of server 'crm' does not match its output schema."


def test_or_withheld() -> None:
    found, warned = answered(WRONG, results="enforce")

    assert isinstance(found, Denial)
    assert warned == ()
    assert (found.filter, found.reason) == ("result_schema", "invalid_result")
    assert found.message == (
        "The result of 'search' of server 'crm' does not match its output schema, and is withheld: /rows/1: expected "
        "an integer; got a string that is not repeated here. The call itself was carried out: check what it did "
        "before you repeat it."
    )
    assert "secret" not in str(found)


def test_a_result_without_what_it_promised_does_not_match() -> None:
    found, _ = answered({"content": []}, results="enforce")

    assert isinstance(found, Denial)
    assert "the structured content is missing" in found.message


@pytest.mark.parametrize("failed", [True, msgspec.Raw(b"true")])
def test_an_error_need_not_match(failed: Any) -> None:
    assert not isinstance(answered({"content": [], "isError": failed}, results="enforce")[0], Denial)


def test_a_tool_without_an_output_schema_may_answer_anything() -> None:
    assert answered(WRONG, None, results="enforce") == (WRONG, ())


def test_what_was_looked_at_is_what_is_passed_on() -> None:
    twice = {"structuredContent": msgspec.Raw(b'{"rows":["x"],"rows":[1]}'), "content": []}
    found, _ = answered(twice, results="enforce")

    assert bytes(found["structuredContent"]) == b'{"rows":[1]}'


def test_a_result_too_complex_to_check_does_not_match() -> None:
    twice = {"anyOf": [{"properties": {"c": {"$ref": "#"}}, "required": [key]} for key in "kl"]}
    text = b'{"c":' * 50 + b"1" + b"}" * 50
    found, _ = answered({"structuredContent": msgspec.Raw(text), "content": []}, twice, results="enforce")

    assert isinstance(found, Denial)
    assert "too large, or nests too deep" in found.message


# ---- explained


def test_explain_shows_the_errors_for_these_arguments() -> None:
    from narthex.model.config import Config
    from narthex.relay.checking import Checking

    endpoint = desk(SEARCH, coerce=True)
    look = Checking(lambda _sentence: None).look

    def asked(arguments: Tree) -> Tree:
        params = {"name": "search", "arguments": arguments}
        return described(explain(Config(), endpoint, LOCAL, "tools/call", params, look=look))

    wrong = asked({"query": "x", "limit": "ten"})
    right = asked({"query": "x", "limit": "10"})
    assert wrong["decided_by"] == "schema"
    assert '/limit: expected an integer; got the string "ten".' in str(wrong["told"])
    assert next(one["why"] for one in right["steps"] if one["name"] == "schema") == "1 value was put right."
    assert right["rules"] == {"validation": "servers.crm.validation"}


# ---- and nothing else gets through

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
ARGUMENTS = st.dictionaries(
    st.sampled_from([*SEARCH["properties"], "stauts"]), VALUES | st.sampled_from(["10", "x", 5])
)
SEARCHED, MENDED = desk(SEARCH), desk(SEARCH, coerce=True)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ARGUMENTS, st.booleans())
def test_what_is_let_through_is_what_the_library_accepts(arguments: Tree, coerced: bool) -> None:
    made = call(MENDED if coerced else SEARCHED, arguments)
    permit = chain.request(made)

    assert isinstance(permit, Permit) is accepted(msgspec.json.decode(encode(made.private["arguments"])))
    if not coerced:
        assert isinstance(permit, Permit) is accepted(arguments)


def accepted(arguments: Tree) -> bool:
    """By the library, as it stands or without what is null."""
    given = {name: value for name, value in arguments.items() if value is not None}
    return directly(SEARCH, arguments) or directly(SEARCH, given)


def test_the_default_is_what_is_documented() -> None:
    assert Validation() == Validation(arguments="enforce", results="off", coerce=False, formats=False)
