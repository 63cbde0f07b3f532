"""One sentence per call."""

import pytest

from narthex.telemetry.event import CallEvent, duration, sentence, size


def event(**changes: object) -> CallEvent:
    usual: dict = {
        "at": 1_786_000_000.25,
        "serial": 7,
        "method": "tools/call",
        "outcome": "ok",
        "seconds": 0.0031,
        "tool": "crm__find_contact",
        "server": "crm",
        "principal": "local",
        "revision": "2026-07-28",
        "bytes_in": 412,
        "bytes_out": 1_203,
    }
    return CallEvent(**(usual | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "crm__find_contact by local: ok in 3.1 ms (412 B in, 1.2 kB out)"),
        ({"endpoint": "support"}, "crm__find_contact on support by local: ok in 3.1 ms (412 B in, 1.2 kB out)"),
        ({"outcome": "tool_error"}, "crm__find_contact by local: tool error in 3.1 ms (412 B in, 1.2 kB out)"),
        (
            {"outcome": "denied", "reason": "rate"},
            "crm__find_contact by local: denied (rate) in 3.1 ms (412 B in, 1.2 kB out)",
        ),
        (
            {"outcome": "error", "reason": "upstream_lost", "code": -32603},
            "crm__find_contact by local: error (upstream_lost, -32603) in 3.1 ms (412 B in, 1.2 kB out)",
        ),
        ({"outcome": "cancelled"}, "crm__find_contact by local: cancelled after 3.1 ms (412 B in, 1.2 kB out)"),
        ({"outcome": "input_required"}, "crm__find_contact by local: asked back after 3.1 ms (412 B in, 1.2 kB out)"),
        (
            {"method": "tools/list", "tool": ""},
            "tools/list by local: ok in 3.1 ms (412 B in, 1.2 kB out)",
        ),
        (
            {"method": "resources/read", "tool": "docs://a/b", "principal": ""},
            "resources/read docs://a/b by nobody: ok in 3.1 ms (412 B in, 1.2 kB out)",
        ),
    ],
)
def test_every_outcome_is_one_sentence(changes: dict, said: str) -> None:
    assert sentence(event(**changes)) == said
    assert repr(event(**changes)) == f"<CallEvent 7 {said}>"


def test_a_name_cannot_end_the_line_or_colour_it() -> None:
    said = sentence(event(tool="a\nb\x1b[31m\u202ec\udce4", principal="x\r\ny"))

    assert said.startswith("a\\nb\\e[31m\\u202ec\\udce4 by x\\r\\ny: ok")
    assert said.encode("utf-8")


def test_a_name_without_end_is_cut() -> None:
    assert len(sentence(event(tool="x" * 100_000))) < 400


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.00004, "0.04 ms"),
        (0.0031, "3.1 ms"),
        (0.412, "412 ms"),
        (1.25, "1.25 s"),
        (125.0, "2 min 5 s"),
        (0.0, "0.00 ms"),
    ],
)
def test_durations_have_the_digits_that_matter(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (999, "999 B"), (1_203, "1.2 kB"), (3_400_000, "3.4 MB")])
def test_sizes_are_decimal(count: int, said: str) -> None:
    assert size(count) == said
