"""Sealed tokens, cursors, mirrored header values: what is not ours is refused in the same words, whatever it is."""

import time

from hypothesis import strategies as st

from fuzz.target import Target
from narthex.wire.mirror import decode_value, header_value
from narthex.wire.seal import CURSOR, SESSION, STATE, Sealer, Unsealed

SEALER = Sealer((b"k" * 32,))
NOW = time.time()
OURS = [SEALER.seal(purpose, ["claims", 1], NOW + 60).encode() for purpose in (SESSION, STATE, CURSOR)]


SAME_WORDS = str(Unsealed())


def refused(purpose: bytes, token: str) -> str | None:
    try:
        SEALER.open(purpose, token, NOW)
    except Unsealed as refusal:
        return str(refusal)
    return None


def check(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for purpose, mine in zip((SESSION, STATE, CURSOR), OURS, strict=True):
        refusal = refused(purpose, text)
        assert refusal == (None if data == mine else SAME_WORDS), "only the very token opens, for its purpose only"
    assert decode_value(header_value(text) or "") == text
    try:
        plain = decode_value(text)
    except ValueError:
        return
    assert decode_value(header_value(plain) or "") == plain


@st.composite
def nearly(draw: st.DrawFn) -> bytes:
    token = bytearray(draw(st.sampled_from(OURS)))
    for _ in range(draw(st.integers(0, 2))):
        token[draw(st.integers(0, len(token) - 1))] = draw(st.integers(0, 255))
    return bytes(token[: draw(st.just(len(token)) | st.integers(0, len(token)))])


TARGET = Target("tokens", nearly() | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")), check)
