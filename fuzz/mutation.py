"""Good bytes with wounds: a piece cut out, put in, doubled, or moved."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy


def mutated(good: SearchStrategy[bytes], pieces: SearchStrategy[bytes], wounds_max: int = 4) -> SearchStrategy[bytes]:
    @st.composite
    def wounded(draw: DrawFn) -> bytes:
        data = draw(good)
        for _ in range(draw(st.integers(0, wounds_max))):
            at = draw(st.integers(0, len(data)))
            end = min(len(data), at + draw(st.integers(0, 12)))
            put = draw(st.one_of(pieces, st.binary(max_size=3), st.just(data[at:end] * 2), st.just(b"")))
            data = data[:at] + put + data[end:]
        return data

    return wounded()
