"""Bytes to lines, however they arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.upstream.stdio.framing import LineFramer, looks_like_message

BYTES = st.binary(max_size=200).map(lambda data: data.replace(b"a", b"\n"))


def framed(
    chunks: list[bytes], line_bytes_max: int = 1_000
) -> tuple[list[bytes], list[tuple[bytes, int]], bytes | None]:
    oversize: list[tuple[bytes, int]] = []
    framer = LineFramer(line_bytes_max, lambda beginning, size: oversize.append((beginning, size)))
    lines = [line for chunk in chunks for line in framer.feed(chunk)]
    return lines, oversize, framer.rest()


@given(BYTES, st.lists(st.integers(0, 200)))
def test_lines_do_not_depend_on_how_they_were_cut(data: bytes, cuts: list[int]) -> None:
    at = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    chunks = [data[start:end] for start, end in pairwise(at)]

    *lines, rest = data.split(b"\n")

    assert framed(chunks) == (lines, [], rest or None)


@given(BYTES, st.lists(st.integers(0, 200)), st.integers(0, 20))
def test_long_lines_are_skipped_alone_however_they_were_cut(data: bytes, cuts: list[int], line_bytes_max: int) -> None:
    at = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    chunks = [data[start:end] for start, end in pairwise(at)]
    *whole, rest = data.split(b"\n")

    lines, oversize, held = framed(chunks, line_bytes_max)

    assert lines == [line for line in whole if len(line) <= line_bytes_max]
    assert [size for _, size in oversize] == [len(line) for line in [*whole, rest] if len(line) > line_bytes_max]
    assert held == (rest if 0 < len(rest) <= line_bytes_max else None)


def test_a_long_line_is_not_held() -> None:
    heard: list[int] = []
    framer = LineFramer(1_000, lambda beginning, size: heard.append(size))

    for _ in range(1_000):
        framer.feed(b"x" * 1_000)
    held = sum(map(len, framer._held))
    framer.feed(b"\n")

    assert held <= 2_000
    assert heard == [1_000_000]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"jsonrpc":"2.0"}', True),
        (b' {"jsonrpc":"2.0"}\r', True),
        (b'[{"jsonrpc":"2.0"}]', True),
        (b'[ {"jsonrpc":"2.0"} ] ', True),
        (b"[INFO] started", False),
        (b"[INFO] started [main]", False),
        (b"{INFO started", False),
        (b"Listening on stdio", False),
        (b"\x00\xff\xfe", False),
        (b"42", False),
        (b"", False),
    ],
)
def test_a_message_is_an_object_or_an_array_of_objects(line: bytes, expected: bool) -> None:
    actual = looks_like_message(line)

    assert expected == actual
