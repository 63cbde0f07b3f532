"""The framing of pipes: cut anywhere, the lines are the same, and none over the limit is ever held."""

from hypothesis import strategies as st

from fuzz.target import Target
from narthex.upstream.stdio.framing import LineFramer, looks_like_message

LINE_BYTES_MAX = 16
SEPARATOR = b"\xfe\xfe"  # between two reads


def check(data: bytes) -> None:
    reads = data.split(SEPARATOR)
    skipped: list[int] = []
    framer = LineFramer(LINE_BYTES_MAX, lambda _beginning, size: skipped.append(size))
    found = [line for read in reads for line in framer.feed(read)]
    rest = framer.rest()
    *whole, last = b"".join(reads).split(b"\n")

    assert found == [line for line in whole if len(line) <= LINE_BYTES_MAX]
    over = [len(line) for line in (*whole, last) if len(line) > LINE_BYTES_MAX]
    assert skipped == over
    assert rest == (last if last and len(last) <= LINE_BYTES_MAX else None)
    for line in found:
        looks_like_message(line)


PIECES = st.sampled_from(
    [b"\n", b"\n\n", b"\r\n", SEPARATOR, b"{}", b"[]", b"a", b"a" * 15, b"a" * 16, b"a" * 17, b"a" * 50]
)
TARGET = Target("lines", st.lists(PIECES | st.binary(max_size=3), max_size=25).map(b"".join), check)
