"""The `prometheus` library where Prometheus is wrong, slow, shut, or none at all; and its charts at their edges."""

import base64
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fetch_site import Site, moved, page, site

from narthex.libraries.prometheus import library
from narthex.libraries.prometheus.asking import Sampled
from narthex.libraries.prometheus.chart import drawn
from narthex.libraries.prometheus.promql import seconds_of, step_of
from narthex.libraries.prometheus.series import Grid, Line, lines_of, summary
from narthex.testing import Client, connect

RANGE = "/api/v1/query_range"
SECRETS = {"TOKEN": "s3cret-token"}


@pytest.fixture
def wrong() -> Iterator[Site]:
    with site() as running:
        yield running


@pytest.fixture
async def client(wrong: Site) -> AsyncIterator[Client]:
    async with connect(library, settings={"url": wrong.origin}, secrets=SECRETS) as found:
        yield found


def said(data: Any, status: str = "200 OK") -> bytes:
    return page(json.dumps(data), "application/json", status)


def error(kind: str, words: str, status: str = "422 No") -> bytes:
    return said({"status": "error", "errorType": kind, "error": words}, status)


def matrix(*values: list[Any]) -> list[Sampled]:
    return [Sampled({"n": "1"}, values=[(at, value) for at, value in values])]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            error("bad_data", "parse error: no"),
            "Prometheus does not take this: parse error: no. Mend it, and ask again.",
        ),
        (error("execution", "query processing would load too many samples into memory"), "Ask for less: a shorter"),
        (error("timeout", "query timed out", "503 No"), "longer than 15 seconds, so Prometheus ended it. Ask for less"),
        (error("internal", "disk", "500 No"), "a trouble of its own (internal): disk. Try again later."),
        (error("bad_data", "x" * 100_000), "x" * 500 + ". Mend it"),
        (page("no", status="401 No"), "does not let this tool in (status 401). Nothing in the call can mend that"),
        (page("no", status="403 No"), "does not let this tool in (status 403)"),
        (page("<h1>Welcome</h1>"), "What answered (status 200) is no Prometheus."),
        (page("no", status="404 No"), "What answered (status 404) is no Prometheus."),
        (page("no", status="502 No"), "Prometheus answered with status 502. Try again later."),
        (moved("http://169.254.169.254/"), "What answered (status 302) is no Prometheus."),
        (said([]), "is no Prometheus"),
        (said({"status": 7}), "is no Prometheus"),
        (said({"status": "odd"}), "a trouble of its own"),
        (page("[" * 100_000, "application/json"), "is no Prometheus"),
        (b"", "cannot be reached at the moment"),
        (b"nonsense\r\n\r\n", "cannot be reached at the moment"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "cannot be reached at the moment"),
        (page(b"\xff" * 10, "application/json"), "is no Prometheus"),
        (page(b"not packed", "application/json", more="Content-Encoding: gzip\r\n"), "cannot be reached at the moment"),
    ],
    ids=lambda part: str(part)[:60],
)
async def test_what_goes_wrong_is_said(wrong: Site, client: Client, answer: bytes, words: str) -> None:
    wrong.answers[RANGE] = answer
    result = await client.call("query_metrics", metric_name="up")

    assert result.is_error
    assert words in result.text, result.text
    assert len(result.text) < 1_000
    assert wrong.origin not in result.text
    assert not client.reports, client.reports
    assert wrong.paths() == [RANGE]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"resultType": "matrix"},
        {"resultType": "matrix", "result": None},
        {"resultType": "matrix", "result": [7]},
        {"resultType": "matrix", "result": [{"metric": None, "values": [[1, "1"]]}]},
        {"resultType": "matrix", "result": [{"metric": {}, "values": [[None, None]]}]},
        {"resultType": "matrix", "result": [{"metric": {}, "values": [["x"]]}]},
        {"resultType": "matrix", "result": [{"metric": {}, "histogram": []}]},
    ],
    ids=str,
)
async def test_an_answer_of_another_form_is_no_crash(wrong: Site, client: Client, data: Any) -> None:
    wrong.answers[RANGE] = said({"status": "success", "data": data})
    wrong.answers["/api/v1/label/__name__/values"] = said({"status": "success", "data": None})
    result = await client.call("query_metrics", metric_name="up")

    assert result.is_error
    assert not client.reports, client.reports


async def test_an_answer_without_end_is_ended(wrong: Site, client: Client) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while not wrong.ending.is_set():
            connection.sendall(b" " * 65_536)

    wrong.answers[RANGE] = endless
    result = await client.call("query_metrics", metric_name="up")

    assert result.text.startswith("The answer is larger than 8 MiB. Ask for less")


@pytest.mark.slow
async def test_an_answer_that_never_comes_is_not_waited_for(wrong: Site, client: Client) -> None:
    wrong.answers[RANGE] = lambda _connection: wrong.ending.wait() and None
    result = await client.call("query_metrics", metric_name="up")

    assert result.text.startswith("Prometheus did not answer within 20 seconds. Ask for less")


async def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with connect(library, settings={"url": f"http://127.0.0.1:{port}"}) as client:
        for tool, arguments in (("query_metrics", {"metric_name": "up"}), ("list_metrics", {}), ("alerts", {})):
            result = await client.call(tool, **arguments)
            assert result.text == "Prometheus cannot be reached at the moment. Try again later."


@pytest.mark.parametrize(
    ("secrets", "header"),
    [
        (SECRETS, "Bearer s3cret-token"),
        ({"USER": "ana", "PASSWORD": "p"}, f"Basic {base64.b64encode(b'ana:p').decode()}"),
        ({}, None),
    ],
)
async def test_credentials_are_shown_to_prometheus_alone(
    wrong: Site, secrets: dict[str, str], header: str | None
) -> None:
    wrong.answers[RANGE] = moved("http://127.0.0.2/")
    async with connect(library, settings={"url": wrong.origin}, secrets=secrets) as client:
        result = await client.call("query_metrics", metric_name="up")

    shown = [line for line in wrong.asked[0].splitlines() if line.lower().startswith("authorization:")]
    assert shown == ([f"Authorization: {header}"] if header else [])
    assert "s3cret" not in result.text


@pytest.mark.parametrize(
    "settings", [{"url": "prometheus"}, {"url": 7}, {"url": "file:///x"}, {"scrape_seconds": "15"}]
)
async def test_settings_that_cannot_be_meant_are_told_to_the_operator(settings: dict[str, Any]) -> None:
    async with connect(library, settings=settings) as client:
        result = await client.call("query_metrics", metric_name="up")

    assert result.text.startswith("The tool failed (error ")
    assert "the setting `" in client.reports[0]


async def test_what_prometheus_warns_of_is_told(wrong: Site, client: Client) -> None:
    data = {"resultType": "matrix", "result": [{"metric": {}, "values": [[0, "1"]]}]}
    wrong.answers[RANGE] = said({"status": "success", "data": data, "warnings": ["a store did not answer"]})
    result = await client.call("query_metrics", metric_name="up")

    assert result.data["note"] == "a store did not answer"


# Numbers


def test_points_become_few_and_figures_stay_whole() -> None:
    grid = Grid(1_000, 1_000 + 999, 1)
    spike = [[1_000 + at, "100" if at == 500 else "1"] for at in range(1_000) if at not in (10, 11)]
    found = summary("q", lines_of(matrix(*spike), grid), grid, [])
    (series,) = found.series

    assert (series.min, series.max, series.first, series.last) == (1, 100, 1, 1)
    assert series.max_at == "1970-01-01T00:25:00Z"
    assert len(series.points) == 59
    assert found.step_seconds == 17
    assert series.avg == pytest.approx(1.0992, abs=1e-4)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e308", "-1.7e308"])
def test_what_json_cannot_say_is_null(value: str) -> None:
    grid = Grid(0, 4, 1)
    found = summary("q", lines_of(matrix([0, value], [1, "3"], [2, value]), grid), grid, [])

    assert found.series[0].points == [None, 3, None, None, None]
    assert (found.series[0].max, found.series[0].avg) == (3, 3)


@pytest.mark.parametrize(
    ("values", "points"),
    [(["1234567"], [1_234_567]), (["0.123456789"], [0.123457]), (["1e20"], [1e20]), (["-0"], [0])],
)
def test_numbers_are_short_and_whole_ones_whole(values: list[str], points: list[float]) -> None:
    grid = Grid(0, 0, 1)

    assert summary("q", lines_of(matrix([0, *values]), grid), grid, []).series[0].points == points


@pytest.mark.parametrize(("span", "seconds"), [("1m", 60), ("90m", 5_400), ("6h", 21_600), ("400d", 34_560_000)])
def test_ranges_are_read(span: str, seconds: int) -> None:
    assert seconds_of(span) == seconds
    assert seconds / step_of("", seconds) <= 2_000


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None],
        [0.0],
        [5.0],
        [-3, -1],
        [1e-9, 2e-9],
        [1e15, 2e18],
        [1e-320],
        [1e299, -1e299],
        [7, 7],
        [None, 1, None],
    ],
    ids=str,
)
def test_a_chart_of_anything_is_a_picture(values: list[float | None]) -> None:
    line = Line({}, [*values, *[None] * 3])

    assert drawn([line], Grid(0, len(line.values) - 1, 1)).endswith(b"IEND\xaeB`\x82")
