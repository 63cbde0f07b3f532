"""JSON in, the same JSON out, but for what may not be in it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redaction_kit import RAW, left_of, ready, shown, text_left, work

from narthex.limits import redaction_findings_free, redaction_nesting_max
from narthex.model.rules.redaction import Pattern
from narthex.policy.redaction.automaton import BadPattern
from narthex.policy.redaction.compiling import NAMES
from narthex.policy.redaction.engine import Blocked
from narthex.policy.redaction.matcher import TooMuch, compiled
from narthex.policy.redaction.writing import token_text

CARD = "4111111111111111"

# ---- where it stands


def test_values_keys_and_numbers_are_all_looked_through() -> None:
    value = {"anna@example.com": {"to": ["bob@example.com"], "card": int(CARD)}, "n": 1}

    assert shown(value) == {"[email]": {"to": ["[email]"], "card": "[card]"}, "n": 1}


def test_keys_that_are_hidden_stay_apart_and_the_same_key_stays_the_same() -> None:
    raw = b'[{"a@example.com":1,"b@example.com":2},{"b@example.com" : 3}]'

    assert json.loads(left_of(raw)) == [{"[email]": 1, "[email 2]": 2}, {"[email 2]": 3}]


def test_what_nothing_was_found_in_keeps_its_very_bytes() -> None:
    raw = b'{ "n":1.10, "big":123456789012345678901234567890, "e":1E+2,\n "\\u00e9":"\\/ \\u0001", "dup":1,"dup":2}'

    assert left_of(raw) is raw


def test_where_something_was_found_all_numbers_keep_their_digits() -> None:
    raw = b'{"a":1.10,"b":123456789012345678901234567890,"c":-0.0,"to":"anna@example.com","d":1e400}'

    assert left_of(raw) == raw.replace(b"anna@example.com", b"[email]")


def test_both_of_two_equal_keys_are_looked_through() -> None:
    assert left_of(b'{"a":"x@example.com","a":"y@example.com"}') == b'{"a":"[email]","a":"[email]"}'


@pytest.mark.parametrize("number", [f"{CARD}", f"-{CARD}", f"{CARD}.0", f"{CARD}e2"])
def test_a_number_goes_whole_or_stays(number: str) -> None:
    found = json.loads(left_of(f'{{"a":{number},"b":[{number}, {number}]}}'.encode()))

    assert found["a"] in ("[card]", json.loads(number))
    assert shown([int(CARD)], numbers=False) == [int(CARD)]
    assert shown([CARD], numbers=False) == ["[card]"]


def test_digits_that_look_like_a_bare_number_inside_of_a_text_stay_in_the_text() -> None:
    assert shown({"a": f"x:{CARD},{CARD}"}) == {"a": "x:[card],[card]"}


# ---- escapes and layers


@pytest.mark.parametrize(
    "raw",
    [
        rb'"\u0061nna\u0040example.com"',
        rb'"\nanna@example.com\n"',
        rb'"a\\nanna@example.com"',
        rb'"\"anna@example.com\""',
        rb'"https:\/\/x.invalid\/?m=anna%40example.com"',
        rb'"anna@example.com\\"',
        rb'"\ud83d\ude00anna@example.com\ud83d"',
        '"＜anna＠example.com＞"'.encode(),
        '"an\u200bna@exam\u00adple.com"'.encode(),
    ],
)
def test_no_spelling_hides_it(raw: bytes) -> None:
    left = left_of(raw)

    json.loads(left)
    assert b"example" not in left
    assert b"[email]" in left


@pytest.mark.parametrize(
    "digits",
    [
        "４１１１ １１１１ １１１１ １１１１",
        "٤١١١ ١١١١ ١١١١ ١١١١",
        "4111–1111–1111–1111",
        "4111\u00a01111\u20091111\u202f1111",
        "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏",
    ],
)
def test_digits_of_any_script_are_digits(digits: str) -> None:
    assert text_left(f"card {digits}.") == "card [card]."


def test_what_is_not_hidden_keeps_its_typography() -> None:
    text = "„Grüße“ – 12\u00a0kg, ½ m²,\u200b anna@example.com"

    assert text_left(text) == text.replace("anna@example.com", "[email]")


@pytest.mark.parametrize("depth", range(1, redaction_nesting_max + 1))
def test_json_in_text_is_json(depth: int) -> None:
    inner: Any = {"n": int(CARD), "to": "\nanna@example.com", "ok": [1.5, None]}
    value = inner
    for _ in range(depth):
        value = {"text": json.dumps(value)}
    left = shown([value])[0]
    for _ in range(depth):
        left = json.loads(left["text"])

    assert left == {"n": "[card]", "to": "\n[email]", "ok": [1.5, None]}


def test_too_many_layers_pass_nothing() -> None:
    value: Any = {"to": "anna@example.com"}
    for _ in range(redaction_nesting_max + 2):
        value = [json.dumps(value)]

    with pytest.raises(TooMuch):
        shown(value)


def test_json_that_stands_in_prose_stays_json() -> None:
    text = f'Here it is: {{"card": {CARD}, "to": "\\nanna@example.com"}} – done'

    assert text_left(text) == 'Here it is: {"card": "[card]", "to": "\\n[email]"} – done'


# ---- what is done


def test_each_action_does_what_it_says() -> None:
    rule: dict[str, Any] = {"actions": {"email": "drop", "card": "hash", "phone": "tokenise", "secrets": "mask"}}
    value = {"a": f"anna@example.com, {CARD}, +49 30 1234567, AKIAIOSFODNN7EXAMPLE", "n": int(CARD)}

    assert shown(value, **rule) == {"a": ", <hash card 16>, <tokenise phone 14>, [aws_key]", "n": "<hash card 16>"}
    assert shown({"n": int(CARD)}, action="drop") == {"n": None}


def test_an_action_of_a_kind_goes_before_one_of_its_group() -> None:
    rule: dict[str, Any] = {"action": "block", "actions": {"pii": "drop", "contact": "mask", "email": "hash"}}

    assert shown(["a@example.com", "+49 30 1234567", CARD], **rule) == ["<hash email 13>", "[phone]", ""]


def test_what_is_blocked_is_named_and_passes_nothing() -> None:
    with pytest.raises(Blocked) as caught:
        shown({"a": [CARD, "AKIAIOSFODNN7EXAMPLE", "anna@example.com"]}, actions={"card": "block", "secrets": "block"})

    assert caught.value.kinds == ("aws_key", "card")


def test_what_is_meant_to_be_there_stays() -> None:
    raw = json.dumps(["anna@example.com", "bob@example.com"]).encode()

    left = ready().engine.json(raw, work(spared=frozenset({"anna@example.com"})))

    assert json.loads(left) == ["anna@example.com", "[email]"]


def test_of_two_that_cross_the_graver_one_names_both() -> None:
    assert text_left("https://bob:hunter22x@example.com/") == "https://[url_credentials]/"


# ---- patterns of one's own


def own(pattern: str, **more: Any) -> dict[str, Any]:
    return {"detect": (), "patterns": (Pattern(name="own", pattern=pattern, **more),)}


def test_ones_own_patterns_see_values_and_their_ends() -> None:
    value = {"E-123456": ["E-123456", "xE-123456", "E-123456 and E-654321"], "n": 12345}

    assert shown(value, **own("^E-[0-9]{6}$")) == {"[own]": ["[own]", *value["E-123456"][1:]], "n": 12345}
    assert shown(["Straße 1", "STRASSE"], **own("straße [0-9]", ignore_case=True)) == ["[own]", "STRASSE"]
    assert shown({"a": "12345", "n": 12345}, **own("[0-9]{5}")) == {"a": "[own]", "n": "[own]"}


@pytest.mark.parametrize("pattern", [".+", "[^x]+", r"(?s).{3}", r"\W+", "true|null", r'["{}:,\[\]]+'])
def test_no_pattern_breaks_the_json(pattern: str) -> None:
    raw = b'{"a":"b","c":[1,"d\\n",true,null,{"e":-2.5}]}'

    assert shape(json.loads(left_of(raw, **own(pattern)))) == shape(json.loads(raw))


@pytest.mark.parametrize("pattern", ["(", "a**", r"(?=x)", r"\1", "x*", "", "(?P<n>"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled(pattern, ignore_case=False)


def test_a_pattern_that_would_hang_another_engine_takes_no_time() -> None:
    text = "a" * 50_000 + "b"

    assert text_left(text, **own("(a+)+$")) == text


def test_what_is_written_is_never_found_itself() -> None:
    written = [*(f"[{name}]" for name in NAMES), *(f"[{name}#1f0c9a52e8b7]" for name in NAMES)]
    written += [token_text(name, letters) for name in NAMES for letters in ("7h2k9m4xq0", "0123456789", "abcdefghjk")]

    assert [one for one in written if text_left(f"see {one}, {one}") != f"see {one}, {one}"] == []


# ---- bounds


def test_more_than_can_be_looked_at_passes_nothing() -> None:
    many = "a@b.cd " * 20_000

    with pytest.raises(TooMuch):
        text_left(many)
    assert text_left("a@b.cd " * (redaction_findings_free - 1)) == "[email] " * (redaction_findings_free - 1)


# ---- always

SIGNS = st.text(st.one_of(st.characters(), st.sampled_from('a4@.-+: /\\"[]{}()%é４＠\u200b\n\t‹')), max_size=60)
WORDS = st.lists(
    st.one_of(
        SIGNS,
        st.sampled_from(
            [
                "anna@example.com",
                CARD,
                "+49 30 1234567",
                "\\n",
                "\\u0040",
                '{"a":"',
                '"}',
                "password: ",
                "DE89370400440532013000",
                "AKIAIOSFODNN7EXAMPLE",
            ]
        ),
    ),
    max_size=6,
).map("".join)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4), inner.map(json.dumps)
    ),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """A value without its texts and numbers."""
    if isinstance(value, dict):
        return [len(value), *(shape(one) for one in value.values())]
    return (
        [shape(one) for one in value] if isinstance(value, list) else type(value) if isinstance(value, bool) else None
    )


@settings(max_examples=400, deadline=None)
@given(VALUES, st.booleans())
def test_whatever_comes_json_stays_json_of_the_same_shape(value: Any, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")
    engine = ready().engine
    try:
        left = engine.json(raw, work())
    except TooMuch:
        return

    assert shape(json.loads(left)) == shape(json.loads(raw))
    assert shape(json.loads(engine.json(left, work()))) == shape(json.loads(raw))
    assert not engine.clean(raw) or left is raw


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["anna@example.com", CARD, "AKIAIOSFODNN7EXAMPLE", "DE89370400440532013000"]),
    SIGNS,
    SIGNS,
    st.booleans(),
    st.integers(0, 3),
)
def test_whatever_stands_around_it_is_gone(secret: str, before: str, after: str, ascii_only: bool, depth: int) -> None:
    value: Any = f"{before} {secret} {after}"
    for _ in range(depth):
        value = [json.dumps(value, ensure_ascii=ascii_only)]
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")

    assert secret.encode() not in left_of(raw)


@settings(max_examples=200, deadline=None)
@given(WORDS)
def test_the_gate_lets_nothing_through_that_a_search_finds(text: str) -> None:
    raw = json.dumps(text, **RAW).encode("utf-8", "replace")
    engine = ready().engine

    assert engine.json(raw, work()) is raw or not engine.clean(raw)
