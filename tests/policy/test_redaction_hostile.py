"""Texts made to be slow, to break JSON, or to slip through."""

import json
import time
from random import Random
from typing import Any

import msgspec
import pytest
from redaction_hostile import large, texts, wrapped
from redaction_kit import ready, work

from narthex.limits import redaction_findings_free, redaction_findings_per_kb
from narthex.policy.redaction.engine import Work
from narthex.policy.redaction.matcher import Budget, TooMuch

COUNT = 100_000
PART = COUNT // 10
MS_MAX = 5.0  # for each 100 kB, and for whatever is shorter
USUAL_LOOP_SECONDS = 0.0075  # what `pace` takes where the times of docs/redaction.md were measured


def pace() -> float:
    """How much slower this machine is at this moment, at least 1: others may be busy on it."""
    began, total = time.thread_time(), 0
    for number in range(200_000):
        total += number & 3
    return max(1.0, (time.thread_time() - began) / USUAL_LOOP_SECONDS)


def milliseconds(raw: bytes) -> float:
    engine, found = ready().engine, Work(Budget(len(raw)), lambda *_: "x")
    began = time.thread_time()
    try:
        engine.json(raw, found)
    except TooMuch:
        pass
    return (time.thread_time() - began) * 1_000


def allowed(size: int) -> float:
    return MS_MAX * max(1.0, size / 100_000)


@pytest.mark.parametrize("part", range(10))
def test_a_hundred_thousand_hostile_texts_are_quick_and_stay_json(part: int) -> None:
    random, engine = Random(part), ready().engine
    slow: list[bytes] = []
    for text in texts(PART, part):
        raw = json.dumps(wrapped(random, text), ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
        began = time.thread_time()
        try:
            left = engine.json(raw, work(len(raw)))
        except TooMuch:
            left = b"null"
        if (time.thread_time() - began) * 1_000 > allowed(len(raw)):
            slow.append(raw)
        msgspec.json.decode(left)

    # The first of its kind teaches the automaton its states, and others may have the processor: what is slow stays so.
    assert [raw[:200] for raw in slow if min(milliseconds(raw) / pace() for _ in range(5)) > allowed(len(raw))] == []


def test_large_hostile_texts_take_no_longer_than_their_size_allows() -> None:
    slow: list[tuple[float, str]] = []
    for unit, text in large(7):
        raw = json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")
        took = milliseconds(raw)
        if took > allowed(len(raw)):
            took = min(milliseconds(raw) / pace() for _ in range(5))
        # Twice: a text of which every sign is looked at as another one is searched twice.
        if took > 2 * allowed(len(raw)):
            slow.append((took, unit))

    assert slow == []


def nested(text: str, layers: int) -> Any:
    value: Any = text
    for _ in range(layers):
        value = [json.dumps(value)]
    return value


@pytest.mark.parametrize("unit", ["a", "[", '["', '{"a":', "\\", "\\u0041", '\\"', "anna@example.com "])
def test_layers_upon_layers_take_no_longer(unit: str) -> None:
    raw = json.dumps(nested(unit * 2_000, 3)).encode()

    assert min(milliseconds(raw) / pace() for _ in range(5)) <= 2 * allowed(len(raw))


def test_many_small_texts_that_begin_like_json_are_counted() -> None:
    raw = b"[" + b",".join([b'"[\\\\n]aaaaaaaa]"'] * 20_000) + b"]"

    with pytest.raises(TooMuch):
        ready().engine.json(raw, work(len(raw)))


def test_what_is_too_dense_says_so_at_once() -> None:
    raw = json.dumps("x@y.zz " * 14_000).encode()
    budget = Budget(len(raw))

    assert budget.left == redaction_findings_free + len(raw) * redaction_findings_per_kb // 1024
    with pytest.raises(TooMuch):
        ready().engine.json(raw, Work(budget, lambda *_: ""))
