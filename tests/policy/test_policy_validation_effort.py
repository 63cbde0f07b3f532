"""What checking may cost is known before it is done, for schemas that were made to be slow too."""

import math
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from validation_makers import SEARCH, Tree, ready, refused, spent

from narthex.limits import validation_ns_max
from narthex.policy.validation.checked import Checked, Unchecked
from narthex.policy.validation.compiling import compiled
from narthex.policy.validation.flaws import flaws_of

SLOW_SECONDS = 0.05  # what nobody may be held up for
SLACK = 0.2  # a test machine that does other things meanwhile


def cpu_seconds(work: Callable[[], Any]) -> float:
    """The least of a few runs."""
    found = []
    for _ in range(3):
        before = time.thread_time()
        work()
        found.append(time.thread_time() - before)
    return min(found)


def nested(depth: int, key: str = "c") -> Tree:
    value: Tree = {}
    for _ in range(depth):
        value = {key: value}
    return value


TWICE: Tree = {
    "anyOf": [
        {"properties": {"c": {"$ref": "#"}}, "required": ["k"]},
        {"properties": {"c": {"$ref": "#"}}, "required": ["l"]},
    ]
}
TREE: Tree = {"properties": {"kids": {"type": "array", "items": {"$ref": "#"}}, "name": {"type": "string"}}}


def unevaluated(depth: int, branch: str = "allOf") -> Tree:
    schema: Tree = {"properties": {"z": {"type": "integer"}}}
    for _ in range(depth):
        schema = {branch: [schema], "unevaluatedProperties": {"type": "integer"}}
    return schema


def doubled(depth: int) -> Tree:
    defs: Tree = {"d0": {"type": "object"}}
    for level in range(1, depth):
        defs[f"d{level}"] = {"allOf": [{"$ref": f"#/$defs/d{level - 1}"}] * 2}
    return {"$defs": defs, "$ref": f"#/$defs/d{depth - 1}"}


HOSTILE: list[tuple[str, Tree, Any]] = [
    ("twice itself at each level", TWICE, nested(60)),
    ("twice itself, not too deep", TWICE, nested(12)),
    ("a wide tree", TREE, {"kids": [{"kids": [{"name": "x"}] * 200}] * 200}),
    ("nested allOf", doubled(12), {}),
    ("nested unevaluatedProperties", unevaluated(6), {"a": 1, "b": "x"}),
    ("unevaluated in anyOf", unevaluated(5, "anyOf"), {"a": 1, "b": "x"}),
    ("many distinct items", {"uniqueItems": True}, [{"a": n} for n in range(40_000)]),
    ("distinct in distinct", {"uniqueItems": True, "items": {"uniqueItems": True}}, [[n, [n]] for n in range(20_000)]),
    ("a huge enum of texts", {"items": {"enum": [f"v{n}" for n in range(9_000)]}}, ["z"] * 2_000),
    ("a huge enum of objects", {"items": {"enum": [{"a": n} for n in range(9_000)]}}, [{"a": -1}] * 2_000),
    ("a large constant", {"items": {"const": list(range(20_000))}}, [list(range(20_000))] * 5),
    ("a pattern of old", {"pattern": "^(a+)+$"}, "a" * 1_000_000 + "b"),
    ("a pattern that counts", {"pattern": "[a-z]{0,100}[0-9]{0,100}x"}, "a" * 1_000_000),
    ("a large pattern", {"pattern": "^([a-z]{0,40}){0,40}x"}, "a" * 1_000_000),
    ("a pattern that looks ahead", {"pattern": "(?=.*b)(?=.*c)a"}, "a" * 1_000_000),
    ("one that begins at the start", {"pattern": "^(?!x)(a+)+$"}, "a" * 1_000_000),
    ("one that refers back", {"pattern": r"(a+)+(?<!b)\1c"}, "a" * 100_000),
    (
        "patterns for names",
        {"patternProperties": {f"a{n}": {} for n in range(150)}},
        {f"a{n}": 1 for n in range(9_000)},
    ),
    ("names under a rule", {"propertyNames": {"pattern": "^(a|aa)+$"}}, {"a" * n: 1 for n in range(1, 2_000)}),
    ("many properties", {"items": {"properties": {f"p{n}": {} for n in range(1_500)}}}, [{"p1": 1}] * 20_000),
    ("many required", {"items": {"required": [f"p{n}" for n in range(1_500)]}}, [{"p0": 1}] * 20_000),
    ("contains", {"items": {"contains": {"const": 1}}}, [[2] * 300] * 300),
    ("large fractions", {"items": {"multipleOf": 1e-300}}, [1e300] * 50_000),
    ("fractions", {"items": {"multipleOf": 0.01}}, [19.99] * 9_000),
    ("near fractions", {"items": {"multipleOf": 0.01}}, [1e-300] * 9_000),
    ("far fractions", {"items": {"multipleOf": 0.01}}, [1e300] * 9_000),
    ("large numbers", {"items": {"multipleOf": 7}}, [int("9" * 1_000)] * 2_000),
    ("large numbers of fractions", {"items": {"multipleOf": 0.1}}, [int("9" * 1_000)] * 2_000),
    ("large numbers compared", {"items": {"minimum": 3.5}}, [int("9" * 1_000)] * 4_000),
    ("alternatives in a row", {"items": {"anyOf": [{"const": n} for n in range(1_500)]}}, [-1] * 20_000),
]


@pytest.mark.parametrize(("name", "schema", "value"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_nobody_is_held_up(name: str, schema: Tree, value: Any) -> None:
    """Compiled within its time, checked within its time if it is checked at all, and explained within it."""
    assert cpu_seconds(lambda: compiled(lambda: schema, formats=False)) < SLACK
    made = compiled(lambda: schema, formats=False)
    if isinstance(made, Unchecked) or not made.affordable(value):
        return
    assert cpu_seconds(lambda: made.accepts(value)) < SLOW_SECONDS
    assert cpu_seconds(lambda: made.accepts(value)) * 1e9 <= made.effort(value) * 1.5 + 100_000
    if not made.accepts(value):
        assert cpu_seconds(lambda: flaws_of(made, value)) < SLACK


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (TWICE, nested(60)),
        ({"pattern": "(?=.*b)(?=.*c)a"}, "a" * 1_000_000),
        ({"items": {"enum": [{"a": n} for n in range(9_000)]}}, [{"a": -1}] * 2_000),
        ({"items": {"properties": {f"p{n}": {} for n in range(1_500)}}}, [{"p1": 1}] * 20_000),
    ],
)
def test_what_would_hold_everybody_up_is_not_checked(schema: Tree, value: Any) -> None:
    assert math.isinf(spent(schema, value))


def test_a_schema_that_is_slow_whatever_is_sent_is_not_used() -> None:
    assert "would take too long" in refused(unevaluated(14))


def test_the_usual_is_affordable_without_a_look() -> None:
    found = ready(SEARCH)

    assert found.cheap(1_000)
    assert found.cheap(100_000)
    assert not found.cheap(0)


def test_a_tree_that_meets_itself_once_per_level_costs_what_it_holds() -> None:
    assert spent(TREE, {"kids": [TREE] * 1_000}) < 1.0
    assert not math.isinf(ready(TREE).ns_per_byte)


def test_where_alternatives_meet_themselves_it_doubles() -> None:
    ratio = spent(TWICE, nested(9)) / spent(TWICE, nested(8))

    assert 1.8 < ratio < 2.2


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.text("ab", max_size=4)
    | st.sampled_from([10**400, -(10**30), 1e300, -1e200, 1e-300, 0.25]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=30,
)


def schemas() -> Any:
    leaf = st.sampled_from(
        (
            *({}, {"type": "integer"}, {"type": "string"}, {"minLength": 2}, {"uniqueItems": True}, {"enum": ["a", 1]}),
            *({"$ref": "#"}, {"$ref": "#/$defs/d"}, {"required": ["a"]}, {"pattern": "^a+$"}, {"maxProperties": 1}),
            *({"minimum": 0.5}, {"multipleOf": 0.1}, {"multipleOf": 1e-200}, {"exclusiveMaximum": 7}),
        )
    )

    def around(inner: Any) -> Any:
        several = st.lists(inner, min_size=1, max_size=3)
        named = st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)
        return st.one_of(
            several.map(lambda found: {"anyOf": found}),
            several.map(lambda found: {"allOf": found, "unevaluatedProperties": {"type": "integer"}}),
            several.map(lambda found: {"oneOf": found}),
            several.map(lambda found: {"prefixItems": found}),
            inner.map(lambda found: {"items": found}),
            inner.map(lambda found: {"not": found}),
            inner.map(lambda found: {"additionalProperties": found}),
            inner.map(lambda found: {"propertyNames": found}),
            named.map(lambda found: {"properties": found}),
            named.map(lambda found: {"dependentSchemas": found}),
            st.tuples(inner, inner).map(lambda pair: {"if": pair[0], "then": pair[1], "contains": pair[0]}),
        )

    whole = st.recursive(leaf, around, max_leaves=12)
    return st.tuples(whole, whole).map(lambda pair: {**pair[0], "$defs": {"d": pair[1]}})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schemas(), VALUES)
def test_the_bound_by_length_is_never_less_than_the_look(schema: Tree, value: Any) -> None:
    made = compiled(lambda: schema, formats=False)
    if isinstance(made, Checked):
        exact = made.effort(value)
        assert 0 < exact <= made.ns_per_byte * (len(msgspec.json.encode(value)) + 1) or math.isinf(exact)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schemas(), VALUES)
def test_what_is_affordable_is_quick(schema: Tree, value: Any) -> None:
    made = compiled(lambda: schema, formats=False)
    if isinstance(made, Checked) and made.affordable(value):
        before = time.thread_time()
        accepted = made.accepts(value)
        taken = time.thread_time() - before
        assert taken * 1e9 < validation_ns_max * 2
        if not accepted:
            assert flaws_of(made, value).told or not flaws_of(made, value).whole
