"""The text of an API key: made of random bytes, known by its prefix, refused when it is not whole."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.wire.api_key import (
    RANDOM_BYTES,
    ApiKey,
    compose,
    digest_of,
    looks_like_key,
    named_prefix,
    prefix_of,
)

SOME = compose(bytes(range(RANDOM_BYTES)))


def test_a_key_has_a_form_that_scanners_can_find() -> None:
    assert SOME.token == "nx_000g40r4_1Br7B1D3aZ7nQji35sJKX7wsuY0WOLGSmbPEcSR1MwO4CsJ3G"
    assert len(SOME.token) == 61
    assert SOME.token.startswith(f"nx_{SOME.prefix}_")


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_every_key_is_known_by_its_prefix(random: bytes) -> None:
    key = compose(random)

    assert prefix_of(key.token) == key.prefix
    assert len(key.token) == 61


@given(st.integers(0, 60), st.characters(min_codepoint=33, max_codepoint=126))
def test_one_wrong_sign_is_noticed(place: int, sign: str) -> None:
    wrong = SOME.token[:place] + sign + SOME.token[place + 1 :]

    assert prefix_of(wrong) is None or wrong == SOME.token


@pytest.mark.parametrize(
    "text",
    ["", "nx_", "nx_abc", SOME.token[:-1], SOME.token + "a", SOME.token.upper(), " " + SOME.token, SOME.token + "\n"],
)
def test_what_is_not_whole_is_no_key(text: str) -> None:
    assert prefix_of(text) is None


@given(st.text(max_size=100))
def test_any_text_is_answered(text: str) -> None:
    assert prefix_of(text) is None
    assert named_prefix(text) is None or len(text.strip()) >= 8


def test_two_keys_of_different_randomness_differ_in_everything() -> None:
    one, other = compose(os.urandom(RANDOM_BYTES)), compose(os.urandom(RANDOM_BYTES))

    assert one.prefix != other.prefix
    assert digest_of(one.token) != digest_of(other.token)


def test_the_secret_takes_all_of_its_bytes() -> None:
    most = compose(b"\xff" * RANDOM_BYTES)
    nearly = compose(b"\xff" * (RANDOM_BYTES - 1) + b"\xfe")

    assert prefix_of(most.token) == prefix_of(nearly.token) == "z" * 8
    assert most.token != nearly.token


def test_too_little_randomness_makes_no_key() -> None:
    with pytest.raises(ValueError, match="37 random bytes"):
        compose(b"short")


@pytest.mark.parametrize(
    "text", [SOME.prefix, f"nx_{SOME.prefix}", SOME.token, f"  {SOME.token}\n", f"nx_{SOME.prefix}_"]
)
def test_an_operator_names_a_key_in_many_ways(text: str) -> None:
    assert named_prefix(text) == SOME.prefix


@pytest.mark.parametrize("text", ["", "nx_", "ci", "nx_!!!!!!!!", "nx_ABCDEFGH", "k3v9x2mp-more"])
def test_what_names_no_key(text: str) -> None:
    assert named_prefix(text) is None


def test_who_meant_a_key_is_told_about_keys() -> None:
    assert looks_like_key("nx_cut")
    assert not looks_like_key("eyJhbGciOi")


def test_a_key_is_not_printed() -> None:
    assert repr(SOME) == str(SOME) == f"<ApiKey nx_{SOME.prefix}>"
    assert SOME.token not in repr([ApiKey(SOME.prefix, SOME.token)])
