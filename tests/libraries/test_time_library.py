"""The `time` library: what clocks show, how far apart moments are, and what a text means; and nothing guessed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from narthex.libraries.time import library
from narthex.libraries.time.reading import moment
from narthex.libraries.time.zones import zone
from narthex.testing import Client, connect

NOW = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)  # in Berlin half an hour before midnight, a day before clocks are set


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connect(library, settings={"zone": "Europe/Berlin"}) as found:
        yield found


async def test_the_time_now_in_several_zones(client: Client) -> None:
    before = datetime.now(UTC)
    clocks = (await client.call("current_time", zones=["UTC", "asia/kolkata", "America/New York"])).data
    after = datetime.now(UTC)

    assert [clock["zone"] for clock in clocks] == ["UTC", "Asia/Kolkata", "America/New_York"]
    assert all(before <= datetime.fromisoformat(clock["time"]) <= after for clock in clocks)
    assert clocks[1]["time"].endswith("+05:30")
    assert (await client.call("current_time")).data[0]["zone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    ("given", "of", "to", "time", "daylight"),
    [
        ("2026-07-01 12:00", "Europe/Berlin", "America/New_York", "2026-07-01T06:00:00-04:00", True),
        ("2026-01-01 12:00", "Europe/Berlin", "Asia/Kathmandu", "2026-01-01T16:45:00+05:45", False),
        ("2026-01-01T12:00Z", "Europe/Berlin", "UTC", "2026-01-01T12:00:00+00:00", False),
        ("2026-01-01T12:00:00+09:00", "", "UTC", "2026-01-01T03:00:00+00:00", False),
        ("2026-01-01 12:00 +09:00", "", "UTC", "2026-01-01T03:00:00+00:00", False),
        ("20260101T1200", "", "UTC", "2026-01-01T11:00:00+00:00", False),
        ("2026-W01-1", "", "UTC", "2025-12-28T23:00:00+00:00", False),
        ("Thu, 01 Jan 2026 12:00:00 +0100", "", "UTC", "2026-01-01T11:00:00+00:00", False),
        ("Thu, 01 Jan 2026 12:00:00 GMT", "", "UTC", "2026-01-01T12:00:00+00:00", False),
        ("0", "", "UTC", "1970-01-01T00:00:00+00:00", False),
        ("-1.5", "", "UTC", "1969-12-31T23:59:58.500000+00:00", False),
        ("1767268800000", "", "UTC", "2026-01-01T12:00:00+00:00", False),
    ],
)
async def test_times_are_converted(client: Client, given: str, of: str, to: str, time: str, daylight: bool) -> None:
    found = (await client.call("convert_time", time=given, from_zone=of, to=[to])).data

    assert found["elsewhere"][0]["time"] == time
    assert found["elsewhere"][0]["daylight_saving"] == daylight


@pytest.mark.parametrize(
    ("given", "time", "note"),
    [
        ("2026-03-29 02:30", "2026-03-29T03:30:00+02:00", "never showed 02:30"),
        ("2026-10-25 02:30", "2026-10-25T02:30:00+02:00", "showed 02:30 twice"),
        ("2026-10-25 02:30+01:00", "2026-10-25T02:30:00+01:00", ""),
    ],
)
async def test_times_that_clocks_show_twice_or_never(client: Client, given: str, time: str, note: str) -> None:
    found = (await client.call("parse_time", text=given)).data

    assert found["clock"]["time"] == time
    assert note in found["note"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("in 3 hours", NOW + timedelta(hours=3)),
        ("2 weeks ago", NOW - timedelta(weeks=2)),
        ("1 second ago", NOW - timedelta(seconds=1)),
        ("Today", datetime(2026, 3, 27, 23, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("tomorrow at 12:00", datetime(2026, 3, 29, 10, tzinfo=UTC)),
        ("yesterday 9:05", datetime(2026, 3, 27, 8, 5, tzinfo=UTC)),
    ],
)
def test_words_for_moments(text: str, expected: datetime) -> None:
    found, _ = moment(text, zone("Europe/Berlin"), lambda: NOW)

    assert found == expected


@pytest.mark.parametrize(
    ("start", "end", "seconds", "words"),
    [
        ("2026-03-28 12:00", "2026-03-29 12:00", 23 * 3_600, "23 hours"),
        ("2026-01-01", "2026-01-03 01:00:05", 176_405, "2 days 1 hour 5 seconds"),
        ("2026-01-02T00:00Z", "2026-01-01T00:00Z", -86_400, "1 day"),
        ("2026-01-01T00:00Z", "2026-01-01T00:00Z", 0, "less than a second"),
    ],
)
async def test_how_long_it_is(client: Client, start: str, end: str, seconds: int, words: str) -> None:
    found = (await client.call("time_difference", start=start, end=end)).data

    assert (found["seconds"], found["words"]) == (seconds, words)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Berlin",
        "Europe/Atlantis",
        "../../etc/passwd",
        "/etc/passwd",
        "Europe",
        "\0",
        "Europe/../UTC",
        "localtime\n/x",
    ],
)
async def test_a_zone_that_is_none_is_answered_with_others(client: Client, name: str) -> None:
    answer = await client.call("convert_time", time="now", to=[name])

    assert answer.is_error
    assert answer.text.startswith("There is no time zone '")
    assert not client.reports
    if name == "Berlin":
        assert answer.text.endswith("Perhaps Europe/Berlin?")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("03/04/2026", "can be read with the day first"),
        ("3.4.26 12:00", "can be read with the day first"),
        ("soon", "cannot be read as a time"),
        ("in 3 hours ago", "cannot be read as a time"),
        ("2026-02-30", "no calendar has"),
        ("2026-13-01", "no calendar has"),
        ("tomorrow 25:00", "no calendar has"),
        ("99999999999999999", "no calendar has"),
        ("9999999999999999", "no calendar has"),
        ("in 999999999 weeks", "no calendar has"),
        ("٢٠٢٦-٠١-٠١", "no calendar has"),
        ("1e400", "cannot be read as a time"),
        ("nan", "cannot be read as a time"),
        ("2026-01-01T00:00:00" + "0" * 90, "Wrong arguments"),
        ("Thu, 99 Jan 2026 12:00:00 +9999", "cannot be read as a time"),
        ("0001-01-01T00:00+14:00", "edge of the calendar"),
        ("9999-12-31T23:59-12:00", "edge of the calendar"),
        ("\0", "cannot be read as a time"),
    ],
)
async def test_what_cannot_be_read_is_said(client: Client, text: str, why: str) -> None:
    answer = await client.call("parse_time", text=text)

    assert answer.is_error, answer
    assert why in answer.text, answer.text
    assert not client.reports


async def test_differences_at_the_edges_of_the_calendar(client: Client) -> None:
    found = await client.call("time_difference", start="0001-01-01T00:00+14:00", end="9999-12-31T23:59-12:00")

    assert not client.reports
    assert not found.is_error
