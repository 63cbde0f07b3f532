"""Names in JSON: hidden where somebody found them, and nothing passes that nobody has looked at."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.model.rules.redaction import Redaction
from narthex.policy.redaction.compiling import compiled_rule
from narthex.policy.redaction.engine import Blocked, Engine, NamedWork
from narthex.policy.redaction.matcher import Budget
from narthex.policy.redaction.naming import Informed, Unnamed
from narthex.wire.strict import encode

NAMES = {"Anna Schmidt": "person", "José": "person", "Berlin": "location", 'O"Hara\n': "person"}


def engine(*detect: str, **rule: Any) -> Engine:
    return compiled_rule(Redaction(detect=detect or ("email", "person", "location"), **rule)).engine


def spans(text: str) -> tuple[tuple[int, int, str], ...]:
    """Every one of the names, wherever it is: what a model would say."""
    found = []
    for name, kind in NAMES.items():
        start = text.find(name)
        while start >= 0:
            found.append((start, start + len(name), kind))
            start = text.find(name, start + len(name))
    return tuple(found)


def work(informed: Informed) -> NamedWork:
    return NamedWork(Budget(100_000), lambda kind, action, _: f"<{action} {kind}>", frozenset(), frozenset(), informed)


def hidden(raw: bytes, one: Engine) -> bytes:
    """In two steps, as a gateway does it: what would be asked for, and then with the answers."""
    informed = Informed(None)
    informed.wanted = set()
    one.json(raw, work(informed))
    wanted, informed.wanted = informed.wanted, None
    informed.found = {text: spans(text) for text in wanted}
    return one.json(raw, work(informed))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Anna Schmidt in Berlin", "[person] in [location]"),
        ("Anna Schmidt <anna@example.com>", "[person] <[email]>"),
        ('José\n\t"José" \\ é Berlin\u2028🙂 José', '[person]\n\t"[person]" \\ é [location]\u2028🙂 [person]'),
        ('by O"Hara\n, Berlin', "by [person], [location]"),
        ("Berlin@example.com", "[email]"),
        ("nobody", "nobody"),
        ({"Anna Schmidt": {"José": 1, "name": "Berlin"}}, {"[person]": {"[person 2]": 1, "name": "[location]"}}),
        ([1.5, None, True, "José", {"a": ["Berlin"]}], [1.5, None, True, "[person]", {"a": ["[location]"]}]),
        (json.dumps({"who": "Anna Schmidt", "n": [json.dumps(["José"])]}), None),
        ("Anna Schmidt\u00a0in\u2014Berlin", "[person] in-[location]"),
    ],
)
def test_names_are_hidden_and_all_else_stays(said: Any, shown: Any) -> None:
    done = json.loads(hidden(encode(said), engine()))
    if shown is None:
        done, shown = json.loads(done), {"who": "[person]", "n": ['["[person]"]']}

    assert done == shown


def test_escapes_of_every_kind_change_no_place() -> None:
    raw = rb'{"a": "\u004aos\u00e9 \/ \u000a \uD83D\uDE42 Berlin \u0001 Jos\u00E9"}'

    assert json.loads(hidden(raw, engine())) == {"a": "[person] / \n 🙂 [location] \x01 [person]"}


def test_where_nothing_is_found_the_very_same_bytes_go_on() -> None:
    raw = b'{ "a" :  [ "nobody", 1.50 ] }'

    assert hidden(raw, engine()) is raw


def test_what_nobody_has_looked_at_does_not_pass() -> None:
    informed = Informed(None)
    informed.gone = "nobody is there"
    with pytest.raises(Unnamed, match="nobody is there"):
        engine().json(b'["Anna Schmidt"]', work(informed))
    assert engine().json(b'[1, "", "12.5", {"name": 3}, {"type": "text"}]', work(informed))


def test_where_the_operator_said_so_it_passes() -> None:
    informed = Informed(None)
    informed.lenient = True

    assert engine().json(b'["Anna Schmidt", "a@example.com"]', work(informed)) == b'["Anna Schmidt", "[email]"]'


def test_a_rule_without_names_asks_for_nothing_and_one_with_them_is_never_sure_at_a_glance() -> None:
    assert engine("email").clean(b'["Anna Schmidt"]')
    assert not engine().clean(b'["nobody"]')


def test_only_kinds_of_the_rule_are_hidden_and_actions_hold() -> None:
    assert hidden(b'["Anna Schmidt in Berlin"]', engine("location", action="drop")) == b'["Anna Schmidt in "]'
    with pytest.raises(Blocked):
        hidden(b'["Anna Schmidt"]', engine("person", action="block"))


tree = st.recursive(
    st.text(max_size=12) | st.sampled_from(list(NAMES)) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(tree, st.integers(0, 2))
def test_it_stays_json_and_no_name_is_left(value: Any, layers: int) -> None:
    for _ in range(layers):
        value = json.dumps({"in": value}, ensure_ascii=bool(layers % 2))
    done = json.loads(hidden(encode(value), engine()))

    assert shape(done) == shape(value)
    assert not any(encode(name)[1:-1] in encode(done) for name in NAMES)


def shape(value: Any) -> Any:
    """What may not change: everything but the words."""
    if isinstance(value, dict):
        return sorted(json.dumps(shape(one)) for one in value.values())
    if isinstance(value, list):
        return [shape(one) for one in value]
    return "text" if isinstance(value, str) else value
