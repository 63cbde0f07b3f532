"""The log on real pipes and a real terminal: it says things once, in one line, and never makes anyone wait."""

import asyncio
import fcntl
import json
import os
import pty
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from narthex.limits import log_close_seconds_max
from narthex.model.config import LogConfig
from narthex.telemetry.event import CallEvent
from narthex.telemetry.lines import HumanForm, JsonForm, Line
from narthex.telemetry.log import Log


def event(**changes: Any) -> CallEvent:
    usual = {"at": 1.5, "serial": 1, "method": "tools/call", "outcome": "ok", "seconds": 0.0031, "tool": "crm__find"}
    return CallEvent(**(usual | {"principal": "local"} | changes))


@contextmanager
def opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        yield fd
    finally:
        os.close(fd)


async def written(path: Path, config: LogConfig, *says: Any, **options: Any) -> list[str]:
    """The lines of a log on which each of `says` was called."""
    with opened(path) as fd:
        log = Log(config, fd=fd, **options)
        await log.start()
        for say in says:
            say(log)
        await log.aclose()
    return path.read_text("utf-8").splitlines()


async def test_a_call_is_one_json_line_with_its_sentence_and_its_parts(tmp_path: Path) -> None:
    lines = await written(tmp_path / "log", LogConfig(), lambda log: log.call(event(server="crm", bytes_in=5)))

    assert [json.loads(line) for line in lines] == [
        {
            "at": "1970-01-01T00:00:01.500Z",
            "level": "info",
            "message": "crm__find by local: ok",
            "serial": 1,
            "method": "tools/call",
            "endpoint": "",
            "tool": "crm__find",
            "server": "crm",
            "principal": "local",
            "revision": "",
            "outcome": "ok",
            "seconds": 0.0031,
            "bytes_in": 5,
            "bytes_out": 0,
        }
    ]


async def test_other_lines_carry_their_fields(tmp_path: Path) -> None:
    lines = await written(
        tmp_path / "log", LogConfig(), lambda log: log.warning("crm restarts", server="crm", level=3, attempts=[1, 2])
    )
    line = json.loads(lines[0])

    assert (line["level"], line["message"], line["server"]) == ("warning", "crm restarts", "crm")
    assert (line["level_"], line["attempts"]) == (3, [1, 2])


async def test_a_human_reads_level_sentence_and_fields(tmp_path: Path) -> None:
    config = LogConfig(format="human")
    lines = await written(tmp_path / "log", config, lambda log: log.error("crm ended", code=1, said="two words"))

    assert lines[0].split(" ", 1)[1] == 'error   crm ended code=1 said="two words"'


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LogConfig(level="debug"), ["d", "i", "w", "e", "ok", "error"]),
        (LogConfig(level="info"), ["i", "w", "e", "ok", "error"]),
        (LogConfig(level="warning"), ["w", "e", "error"]),
        (LogConfig(level="info", calls=False), ["i", "w", "e"]),
    ],
)
async def test_levels_decide_what_is_said(tmp_path: Path, config: LogConfig, expected: list[str]) -> None:
    def say(log: Log) -> None:
        log.debug("d")
        log.info("i")
        log.warning("w")
        log.error("e")
        log.call(event())
        log.call(event(outcome="error"))

    lines = [json.loads(line) for line in await written(tmp_path / "log", config, say)]

    assert [line.get("outcome", line["message"]) for line in lines] == expected


async def test_a_reload_changes_form_and_level_from_the_next_line_on(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as fd:
        log = Log(LogConfig(level="error"), fd=fd)
        log.info("unheard")
        log.configure(LogConfig(level="info"))
        log.info("heard")

    assert log.waiting() == ["heard"]


async def test_lines_that_the_log_cannot_keep_are_counted_and_admitted(tmp_path: Path) -> None:
    def say(log: Log) -> None:
        for number in range(1_214):
            log.info("line", number=number)

    with opened(tmp_path / "log") as fd:
        log = Log(fd=fd, lines_queued_max=10)
        say(log)
        await log.start()
        await log.aclose()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]

    assert [line["number"] for line in lines[:10]] == list(range(10))
    assert lines[10]["message"] == "1,204 lines were not written, the log could not keep up"
    assert log.dropped == 1_204


async def test_a_reader_that_does_not_read_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    log = Log(fd=writing, lines_queued_max=2_000)
    await log.start()
    try:
        worst = 0.0
        deadline = time.monotonic() + 5
        while log.dropped == 0 and time.monotonic() < deadline:
            for _ in range(500):
                log.info("x" * 500)
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            worst = max(worst, time.perf_counter() - before)

        assert log.dropped > 0
        assert worst < 0.5
        closing = time.monotonic()
        await log.aclose()
        assert time.monotonic() - closing < log_close_seconds_max + 1
    finally:
        os.close(reading)  # which also lets the writer's thread go
        os.close(writing)


async def test_a_reader_that_went_away_is_survived() -> None:
    reading, writing = os.pipe()
    log = Log(fd=writing)
    await log.start()
    os.close(reading)
    os.close(writing)
    log.info("to nobody")
    async with asyncio.timeout(5):
        while log.dropped == 0:
            await asyncio.sleep(0.01)
    await log.aclose()

    assert log.dropped == 1


async def test_a_closed_descriptor_is_survived() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    log = Log(fd=writing)
    await log.start()
    log.info("to nobody")
    await log.aclose()

    assert log.waiting() == []


async def test_a_shared_pipe_that_somebody_made_non_blocking_loses_nothing() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)
    log = Log(fd=writing)
    await log.start()
    for number in range(2_000):
        log.info(str(number).zfill(100))
    closing = asyncio.create_task(log.aclose())
    received = b""
    while received.count(b"\n") < 2_000:
        received += await asyncio.to_thread(os.read, reading, 65_536)
    await closing
    os.close(reading)
    os.close(writing)

    assert log.dropped == 0


async def test_a_terminal_is_shown_colours_unless_asked_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    shown = []
    try:
        for value in (None, "1"):
            monkeypatch.delenv("NO_COLOR", raising=False)
            if value is not None:
                monkeypatch.setenv("NO_COLOR", value)
            log = Log(fd=theirs)
            await log.start()
            log.info("hello")
            await log.aclose()
            shown.append(await asyncio.to_thread(os.read, ours, 1_000))
    finally:
        os.close(ours)
        os.close(theirs)

    assert b"\x1b[32minfo" in shown[0]
    assert b"\x1b" not in shown[1]
    assert b"info    hello" in shown[1]


SECRETS = {
    "authorization": "Bearer abcdefgh12345678",
    "api_key": "sk-123",
    "x-api-key": "sk-123",
    "client_secret": "sk-123",
    "accessToken": "sk-123",
    "password": "sk-123",
    "Set-Cookie": "sid=sk-123",
    "nested": {"headers": {"Authorization": "sk-123"}, "list": [{"token": "sk-123"}]},
    "said": "sent authorization: Bearer sk-1234567 to http://me:sk-123@host/?token=sk-123&x=1",
    "environment": "PASSWORD=sk-123",
}


@pytest.mark.parametrize("form", [HumanForm(colours=False), JsonForm()])
@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_written(form: Any, name: str) -> None:
    line = form(Line(0.0, "info", "hello", {name: SECRETS[name]}))

    assert b"sk-123" not in line
    assert b"abcdefgh" not in line
    assert b"***" in line


@pytest.mark.parametrize("form", [HumanForm(colours=False), JsonForm()])
def test_what_only_resembles_a_secret_is_written(form: Any) -> None:
    fields = {"tokens_left": 3, "keys": 4, "tokenizer": "fast", "monkey": "capuchin", "token": None}

    assert b"***" not in form(Line(0.0, "info", "the token bucket is full", fields))


@pytest.mark.parametrize("form", [HumanForm(colours=False), JsonForm()])
def test_hostile_text_stays_on_its_line(form: Any) -> None:
    hostile = "a\nb\r\x1b]0;owned\x07\u2028\u202e\udcff\x85"
    line = form(Line(0.0, "info", hostile, {"x\ny": hostile, "deep": {hostile: [hostile]}, "raw": b"\xff\n"}))
    text = line.decode("utf-8")

    assert text.count("\n") == 1
    assert len(text.splitlines()) == 1
    assert not set(hostile.replace("a", "").replace("b", "")) & set("\r\x1b\x07\u2028\u202e\x85") & set(text)


def test_odd_values_are_written_as_something() -> None:
    deep: list = []
    for _ in range(50):
        deep = [deep]
    fields = {"nan": float("nan"), "deep": deep, "fault": ValueError("no"), "many": list(range(1_000)), "big": 2**80}
    line = json.loads(JsonForm()(Line(0.0, "info", "odd", fields)))

    assert line["nan"] == "nan"
    assert line["fault"] == "no"
    assert len(line["many"]) == 50
    assert line["big"] == 2**80


def test_a_call_costs_the_caller_next_to_nothing() -> None:
    """Half a microsecond is the budget; the test allows ten times as much, for machines that do other things, too."""
    log, one = Log(lines_queued_max=200_000), event()
    best = min(_timed(log, one) for _ in range(5))

    assert best < 5e-6


def _timed(log: Log, one: CallEvent) -> float:
    before = time.perf_counter()
    for _ in range(20_000):
        log.call(one)
    return (time.perf_counter() - before) / 20_000
