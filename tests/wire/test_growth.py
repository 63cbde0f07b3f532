"""What a message may take in memory once it is decoded, whatever its shape. Measured, not calculated."""

import tracemalloc

import pytest

from narthex.limits import DEFAULTS, MIB, Limits, json_growth_free_bytes
from narthex.wire.faults import PeerFault
from narthex.wire.strict import decode


def many(item: bytes, count: int) -> bytes:
    return b"[" + b",".join([item] * count) + b"]"


def numbered(form: bytes, count: int) -> bytes:
    return b"[" + b",".join(form % number for number in range(count)) + b"]"


SHAPES = {
    "lists in lists": b"[" * 60 + b"]" * 60,
    "empty lists": b"[]",
    "empty objects": b"{}",
    "lists of one": b"[0]",
    "objects of one": b'{"":1}',
    "objects in objects": b'{"":' * 60 + b"1" + b"}" * 60,
    "objects with a string": b'{"a":"b"}',
    "lists of objects of lists": b'[{"":[{"":[]}]}]',
    "both, with spaces": b' { "" : [ [ ] ] } ',
    "short strings": b'"a"',
    "short wide strings": '"€"'.encode(),
    "escaped wide strings": rb'"\u20ac"',
    "numbers": b"1e9",
    "pairs": b"[1,2]",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [30_000, 200_000, MIB, 4 * MIB])
def test_no_message_that_is_taken_costs_more_than_twenty_times_its_size_and_a_mebibyte(shape: str, size: int) -> None:
    item = SHAPES[shape]
    body = many(item, size // (len(item) + 1))

    most = DEFAULTS.json_growth_max * len(body) + json_growth_free_bytes

    assert cost(body) <= most


def test_keys_of_many_objects_that_are_all_different_are_counted() -> None:
    body = numbered(b'{"%x":"a"}', 49_000)

    assert refusal(body) == "json_growth"


def test_what_is_refused_would_have_cost_too_much() -> None:
    body = many(b"[" * 60 + b"]" * 60, 1_600)

    assert 190_000 < len(body) < 200_000
    assert refusal(body) == "json_growth"
    assert cost(body, Limits(json_growth_max=1_000)) > DEFAULTS.json_growth_max * len(body) + json_growth_free_bytes


ROWS = {
    "numbers and strings": b'[1,2.5,"abc","de",555,6,"Hamburg","2024-01-01"]',
    "digits": b"[1,2,3,4,5,6,7,8]",
    "objects": b'{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8}',
    "long objects": b'{"identifier":12345,"name":"Ada","mail":"ada@example.org","amount":12.75,"currency":"EUR",'
    b'"date":"2024-01-01","note":"' + b"some words " * 12 + b'","flag":true}',
    "wide objects": '{"id":1,"name":"Zoë 😀","city":"Łódź","a":1,"b":22,"c":333,"d":"ü","e":null}'.encode(),
}


@pytest.mark.parametrize("row", ROWS)
def test_ten_thousand_rows_of_eight_columns_are_taken(row: str) -> None:
    body = many(ROWS[row], 10_000)

    assert len(decode(body, DEFAULTS)) == 10_000


def test_a_line_of_thirty_thousand_points_is_taken() -> None:
    assert len(decode(many(b'{"x":1,"y":2}', 30_000), DEFAULTS)) == 30_000
    assert len(decode(many(b"[1,2]", 30_000), DEFAULTS)) == 30_000


def test_brackets_inside_strings_cost_nothing() -> None:
    code = many(b'"[[[[[[[[[[[[[[[[[[[[{{{{{{{{{{{{{{{{{{{{,,,,,,,,:::::::: \\\\\\" ]]]]"', 10_000)

    assert len(decode(code, DEFAULTS)) == 10_000


def test_the_operator_may_allow_less_and_more() -> None:
    body = many(b"[0]", 20_000)

    assert decode(body, DEFAULTS)
    assert refusal(body, Limits(json_growth_max=2)) == "json_growth"
    assert refusal(many(b"[]", 45_000)) == "json_growth"
    assert decode(many(b"[]", 45_000), Limits(json_growth_max=60))


def refusal(body: bytes, limits: Limits = DEFAULTS) -> str:
    with pytest.raises(PeerFault) as caught:
        decode(body, limits)
    return str(caught.value.data["reason"])


def cost(body: bytes, limits: Limits = DEFAULTS) -> int:
    """The most bytes held at any moment, while the value was made and after; 0 where it was refused."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        value = decode(body, limits)
        held = tracemalloc.get_traced_memory()[0] - before
        return held if value is not None else 0
    except PeerFault:
        return 0
    finally:
        tracemalloc.stop()
