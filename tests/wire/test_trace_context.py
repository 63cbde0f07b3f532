"""Trace context: what W3C Trace Context calls valid passes, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.wire.trace_context import TraceContext, read, read_header, read_meta

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def test_a_valid_parent_is_read_and_written_the_same() -> None:
    found = read(GOOD, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")

    assert found == TraceContext(TRACE, SPAN, 1, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
    assert found.sampled
    assert found.fields() == {"traceparent": GOOD, "tracestate": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}
    assert read_header(GOOD.encode(), None) == read_meta({"traceparent": GOOD}) == TraceContext(TRACE, SPAN, 1)


@pytest.mark.parametrize(
    "parent",
    [
        None,
        1,
        "",
        GOOD.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{GOOD}-more",
        f"{GOOD} ",
        f" {GOOD}",
        f"{GOOD}\n",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"0-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01.more",
        f"01-{TRACE}-{SPAN}-01-{'x' * 500}",
    ],
)
def test_an_invalid_parent_is_none(parent: object) -> None:
    assert read(parent) is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert read(f"cc-{TRACE}-{SPAN}-01-what-the-future-holds") == TraceContext(TRACE, SPAN, 1)
    assert read(f"cc-{TRACE}-{SPAN}-09") == TraceContext(TRACE, SPAN, 1)


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("a=1, b=2 ,,c=3", "a=1,b=2,c=3"),
        ("tenant@vendor=x", "tenant@vendor=x"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=", ""),
        ("a=b=c", ""),
        ("a=1\r\nX-Injected: 1", ""),
        ("a=\u00e9", ""),
        (",".join(f"k{n}=1" for n in range(33)), ""),
        ("a=" + "x" * 511, ""),
        (7, ""),
    ],
)
def test_state_is_kept_whole_or_not_at_all(state: object, kept: str) -> None:
    assert read(GOOD, state) == TraceContext(TRACE, SPAN, 1, kept)


@given(st.text(), st.text())
def test_whatever_comes_what_goes_on_is_valid(parent: str, state: str) -> None:
    found = read(parent, state)

    if found is not None:
        assert read(found.parent, found.state) == found
        assert all(value.isascii() and value.isprintable() for value in found.fields().values())
