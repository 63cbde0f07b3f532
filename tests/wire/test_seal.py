"""Sealed tokens: what comes back is what was given, or nothing."""

import base64
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.limits import cursor_bytes_max, session_id_bytes_max
from narthex.wire.seal import CURSOR, QUESTION, SESSION, STATE, TOKEN_BYTES_MAX, Sealer, Unsealed

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
NOW = 1_800_000_000.0
sealer = Sealer((NEW, OLD))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(claims=plain, purpose=st.sampled_from(sorted(TOKEN_BYTES_MAX)))
def test_what_was_sealed_comes_back(claims: Any, purpose: bytes) -> None:
    try:
        token = sealer.seal(purpose, claims, NOW + 1)
    except ValueError:
        return  # too long for a purpose with a small limit

    assert token.startswith("n1.")
    assert all("!" <= sign <= "~" for sign in token)
    assert sealer.open(purpose, token, NOW) == claims


def test_every_flipped_bit_is_refused() -> None:
    token = sealer.seal(SESSION, {"sid": "ab", "n": 7}, NOW + 60)

    for index in range(len(token)):
        for bit in range(7):
            forged = token[:index] + chr(ord(token[index]) ^ (1 << bit)) + token[index + 1 :]
            with pytest.raises(Unsealed):
                sealer.open(SESSION, forged, NOW)


def test_a_token_has_exactly_one_spelling() -> None:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/="
    for claims in ("a", "ab", "abc"):
        token = sealer.seal(SESSION, claims, NOW + 60)
        for sign in signs:
            if sign != token[-1]:
                with pytest.raises(Unsealed):
                    sealer.open(SESSION, token[:-1] + sign, NOW)
        for changed in (token + "=", token + "==", token + "A", token[:-1], token + "\n", " " + token):
            with pytest.raises(Unsealed):
                sealer.open(SESSION, changed, NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "n1.",
        "n1.A",
        "n1.AAAA",
        "n1." + "A" * 40,
        "n2." + "A" * 60,
        "n1.ä" + "A" * 60,
        "n1.\ud800",
        "n1." + "A" * 400,
    ],
)
def test_a_text_that_is_no_token_is_refused_with_the_same_words(token: str) -> None:
    with pytest.raises(Unsealed, match=r"^The token is not valid here, or no longer\.$"):
        sealer.open(SESSION, token, NOW)


def test_a_token_serves_its_purpose_only() -> None:
    for purpose in TOKEN_BYTES_MAX:
        token = sealer.seal(purpose, 1, NOW + 60)
        for other in TOKEN_BYTES_MAX:
            if other != purpose:
                with pytest.raises(Unsealed):
                    sealer.open(other, token, NOW)


def test_a_token_ends_when_it_said() -> None:
    token = sealer.seal(STATE, "x", NOW)

    assert sealer.open(STATE, token, NOW - 0.001) == "x"
    for late in (NOW, NOW + 1e6):
        with pytest.raises(Unsealed):
            sealer.open(STATE, token, late)


def test_rotation_keeps_what_is_under_way_and_retires_it_with_the_key() -> None:
    before = Sealer((OLD,)).seal(SESSION, "kept", NOW + 60)
    after = sealer.seal(SESSION, "new", NOW + 60)

    assert sealer.open(SESSION, before, NOW) == "kept"
    with pytest.raises(Unsealed):
        Sealer((OLD,)).open(SESSION, after, NOW)
    with pytest.raises(Unsealed):
        Sealer((OTHER, NEW)).open(SESSION, before, NOW)


def test_equal_claims_make_unequal_tokens() -> None:
    assert len({sealer.seal(SESSION, "same", NOW) for _ in range(50)}) == 50


def test_claims_too_long_for_their_purpose_are_not_sealed() -> None:
    with pytest.raises(ValueError, match=f"at most {cursor_bytes_max} bytes"):
        sealer.seal(CURSOR, "x" * cursor_bytes_max, NOW)
    with pytest.raises(ValueError, match="question"):
        sealer.seal(QUESTION, "x" * 200, NOW)


def test_a_session_id_of_the_usual_claims_stays_well_below_its_limit() -> None:
    claims = {"s": b"s" * 16, "p": b"p" * 16, "v": "2025-11-25", "c": 255, "i": NOW, "e": "customer-endpoint"}

    assert len(sealer.seal(SESSION, claims, NOW)) <= session_id_bytes_max / 2


@pytest.mark.parametrize("keys", [(), (b"short",), (NEW, b"")])
def test_keys_of_another_length_are_refused(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)


def test_neither_the_keys_nor_the_claims_can_be_read() -> None:
    token = sealer.seal(SESSION, "somebody@example.com", NOW)
    padded = token[3:] + "=" * (-len(token[3:]) % 4)

    assert b"somebody" not in base64.urlsafe_b64decode(padded)
    assert "nnnn" not in repr(sealer)
    assert repr(sealer).startswith("<Sealer 2 keys, sealing with ")


def test_sealing_and_opening_cost_microseconds() -> None:
    claims = {"s": b"s" * 16, "p": b"p" * 16, "v": "2025-11-25"}
    started = time.perf_counter()
    for _ in range(1_000):
        sealer.open(SESSION, sealer.seal(SESSION, claims, NOW + 1), NOW)

    assert time.perf_counter() - started < 0.5, "both together should take 10 to 20 us"
