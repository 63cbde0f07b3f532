"""What models send: hostile values for every kind of parameter, to real databases, and the words of refusals."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sql_house import compiled, house

from narthex.libraries.server import Principal, Refusal
from narthex.model.sql import ParameterConfig
from narthex.upstream.sql import time_range
from narthex.upstream.sql.kinds import KINDS
from narthex.upstream.sql.parameters import Parameter

# Everything that has ever ended a literal, a statement or a parser.
HOSTILE: list[Any] = [
    "'", "''", "';", "'; drop table sales; --", '"; drop table sales; --', "\\'; drop table sales; -- ", "\\",
    "1 or 1=1", "1; select pg_sleep(9)", "$$", "$1", ":city", "?", "%s", "%", "_", "{0}", "${x}", "/*", "*/", "--", "#",
    "x' union select 1,2,3 --", "\u02bc", "\uff07", "\u2019; drop", "é" * 50, "\x1b[31m", "\r\n", "\x08", "\x1a",
    "0x27", "X'27'", "_utf8mb4 X'27'", "@narthex_0", "NULL", "null", "true", "NaN", "Infinity", "1e309", "-0",
    "\ud800", "a\0b", "", " ", "x" * 100_000, 0, -1, 2**63, -(2**63) - 1, 1e308, 1.5, True, False, [], ["'"], [[]],
    {}, {"'": "'"}, {"$gt": ""}, ["x"] * 1000, "2026-01-01'; --", "2026-13-45", "AP8='", "١٢٣", "1_000", "0b1",
]  # fmt: skip
PARAMETERS: dict[str, dict[str, Any]] = {
    **{kind: {"type": kind} for kind in KINDS},
    "list": {"type": "list", "items": "string", "max_items": 50},
    "numbers": {"type": "list", "items": "integer", "max_items": 50},
    "time_range": {"type": "time_range"},
    "identifier": {"type": "identifier", "enum": ["city"]},
    "enum": {"enum": ["Berlin"]},
    "pattern": {"pattern": "^[a-z]+$"},
}


def text_of(kind: str, dialect: str) -> str:
    """A statement in which a value that was put into the text would be seen."""
    if kind == "identifier":
        return "select :value as given from sales where id = 1"
    if kind == "time_range":
        return "select :value_start as given, :value_end as until"
    if dialect == "postgres":
        types = {
            "integer": "int8", "number": "float8", "decimal": "numeric", "boolean": "bool", "date": "date",
            "time": "time", "datetime": "timestamptz", "uuid": "uuid", "binary": "bytea", "json": "jsonb",
            "list": "text[]", "numbers": "int8[]",
        }  # fmt: skip
        return f"select :value::{types.get(kind, 'text')} as given"
    return "select :value as given"


async def test_no_value_of_any_kind_is_more_than_a_value(shop: str) -> None:
    dialect = {"postgresql": "postgres"}.get(shop.partition(":")[0], shop.partition(":")[0])
    queries = {
        kind: {"sql": text_of(kind, dialect), "parameters": {"value": parameter}}
        for kind, parameter in PARAMETERS.items()
    }
    if dialect == "postgres":
        queries["time_range"]["sql"] = "select :value_start::timestamptz as given, :value_end::timestamptz as until"
    queries["count"] = {"sql": "select count(*) as n from sales"}
    answered = 0
    async with house(shop, queries) as shown:
        for kind in PARAMETERS:
            for value in HOSTILE:
                result = await shown.call(kind, value=value)
                if result["isError"]:
                    said = result["content"][0]["text"]
                    assert "'value'" in said or "cannot" in said or "Missing" in said, (kind, value, said)
                    continue
                answered += 1
                rows = result["structuredContent"]["rows"]
                assert len(rows) == 1, (kind, value)
                if kind == "string":
                    assert rows[0]["given"] == value
        assert await shown.rows("count") == [{"n": 4}]

    assert answered > 100
    assert shown.reported == []  # nothing came as a surprise


@pytest.mark.parametrize(
    ("parameter", "given", "said"),
    [
        ({}, 5, "'x' must be text."),
        ({}, None, "Missing: x."),
        ({"type": "integer"}, "5", "'x' must be a whole number."),
        ({"type": "integer"}, True, "'x' must be a whole number."),
        ({"type": "integer", "minimum": 1}, 0, "'x' must be at least 1."),
        ({"type": "integer", "maximum": 9_999_999.0}, 10_000_000, "'x' must be at most 9999999."),
        ({"type": "number", "maximum": 1.5}, 2, "'x' must be at most 1.5."),
        ({"type": "decimal"}, "1e5", "'x' must be a decimal number as text, like '12.50', of at most 100 digits."),
        ({"type": "date"}, "2026-02-30", "'x' must be a date like '2026-01-31' that is in the calendar."),
        ({"type": "date"}, "20260130", "'x' must be a date like '2026-01-31'."),
        ({"type": "uuid"}, "123e4567e89b12d3a456426614174000", "'x' must be a UUID like"),
        ({"type": "binary"}, "?", "'x' must be bytes in base64."),
        ({"min_length": 2}, "a", "'x' must be text of at least 2 characters."),
        ({"max_length": 2}, "abc", "'x' must be text of at most 2 characters."),
        ({}, "x" * 65_537, "'x' must be text of at most 65536 bytes."),
        ({}, "\ud800", "'x' must be text in Unicode, without halves of surrogate pairs."),
        ({}, "a\0", "'x' must be text without NUL characters."),
        ({"enum": ["a", "b"]}, "c", "'x' must be one of: a, b."),
        ({"enum": [1, 2], "type": "integer"}, 3, "'x' must be one of: 1, 2."),
        ({"pattern": "^a$"}, "b", "'x' must be text that matches ^a$."),
        ({"type": "list"}, "a", "'x' must be a list."),
        ({"type": "list", "max_items": 1}, ["a", "b"], "'x' must be a list of at most 1 items."),
        ({"type": "list", "items": "integer"}, ["a"], "'x' must be a whole number."),
    ],
)
def test_what_is_wrong_is_said_so_that_it_can_be_mended(parameter: dict[str, Any], given: Any, said: str) -> None:
    query = compiled("sqlite:////tmp/x", {"q": {"sql": "select :x", "parameters": {"x": parameter}}}).queries["q"]

    with pytest.raises(Refusal) as raised:
        query.job({"x": given}, None)
    assert str(raised.value).startswith(said)


def test_a_schema_says_what_is_taken() -> None:
    parameters = {
        "city": {"enum": ["Berlin", "Paris"], "default": "Berlin", "description": "Where"},
        "ids": {"type": "list", "items": "integer", "minimum": 1, "max_items": 5},
        "since": {"type": "date", "optional": True},
        "tenant": {"bound": "principal.tenant"},
        "by": {"type": "identifier", "enum": ["a", "b"]},
    }
    query = {"sql": "select :city, :ids, :since, :tenant, :by from t", "parameters": parameters}

    assert compiled("sqlite:////tmp/x", {"q": query}).queries["q"].schema() == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "enum": ["Berlin", "Paris"], "default": "Berlin", "description": "Where"},
            "ids": {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": 5},
            "since": {"type": ["string", "null"], "format": "date"},
            "by": {"type": "string", "enum": ["a", "b"]},
        },
        "additionalProperties": False,
        "required": ["ids", "by"],
    }


@pytest.mark.parametrize(
    "claims", [{}, {"tenant": None}, {"tenant": ""}, {"tenant": ["acme"]}, {"tenant": {"a": 1}}, {"tenant": "a\0"}]
)
def test_a_claim_that_is_no_such_value_is_never_bound(claims: dict[str, Any]) -> None:
    query = {"sql": "select :tenant", "parameters": {"tenant": {"bound": "claims.tenant"}}}

    with pytest.raises(Refusal) as raised:
        compiled("sqlite:////tmp/x", {"q": query}).queries["q"].job({}, Principal("ana", "", frozenset(), claims))
    assert "of you" in str(raised.value)


@pytest.mark.parametrize(
    ("source", "value"), [("claims.org.id", 7), ("principal.subject", "ana"), ("principal.tenant", "acme")]
)
def test_claims_inside_of_claims_subject_and_tenant_are_bound(source: str, value: Any) -> None:
    kind = "integer" if value == 7 else "string"
    query = {"sql": "select :x", "parameters": {"x": {"bound": source, "type": kind}}}
    principal = Principal("ana", "acme", frozenset(), {"org": {"id": 7}})

    assert compiled("sqlite:////tmp/x", {"q": query}).queries["q"].job({}, principal).values == [value]


NOW = datetime(2026, 3, 31, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01T00:00", "2027-01-01T00:00"),
        ("2026-Q2", "2026-04-01T00:00", "2026-07-01T00:00"),
        ("2026-02", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("2026-W01", "2025-12-29T00:00", "2026-01-05T00:00"),
        ("2026-02-28", "2026-02-28T00:00", "2026-03-01T00:00"),
        ("2026-01/2026-03", "2026-01-01T00:00", "2026-04-01T00:00"),
        ("2026-01-30/2026-01-31", "2026-01-30T00:00", "2026-02-01T00:00"),
        ("1h", "2026-03-31T14:30", "2026-03-31T15:30"),
        ("15m", "2026-03-31T15:15", "2026-03-31T15:30"),
        ("1mo", "2026-02-28T15:30", "2026-03-31T15:30"),
        ("P1M", "2026-02-28T15:30", "2026-03-31T15:30"),
        ("PT90M", "2026-03-31T14:00", "2026-03-31T15:30"),
        ("2026-01-01T10:00Z/PT6H", "2026-01-01T10:00", "2026-01-01T16:00"),
        ("2026-01-01T10:00:00+02:00/2026-01-01T10:00Z", "2026-01-01T08:00", "2026-01-01T10:00"),
        ("P1W/2026-03-01", "2026-02-23T00:00", "2026-03-02T00:00"),
    ],
)
def test_stretches_of_time_are_read_as_people_mean_them(text: str, start: str, end: str) -> None:
    found = time_range.read(text, NOW)

    assert (found.start, found.end) == tuple(datetime.fromisoformat(side).replace(tzinfo=UTC) for side in (start, end))


@pytest.mark.parametrize(
    "text",
    ["", "/", "2026/", "/2026", "P", "PT", "1", "h", "1x", "2026-13", "2026-02-30", "2026-W60", "2026-Q5", "1h/1h",
     "2026/2027/2028", "2027/2026", "9999", "99999y", "999999mo", "0s", "2026-01-01T25:00Z/PT1H", "'; --", "0001/9998",
     "２０２６", "1h" * 50, "2026-01-01T00:00:00Z/P999999D", "P2M/0001-01", "\0"],
)  # fmt: skip
def test_what_is_no_stretch_of_time_is_said_to_be_none(text: str) -> None:
    with pytest.raises(time_range.NotATimeRange):
        time_range.read(text, NOW)


def test_days_are_whole_where_a_column_knows_no_hours() -> None:
    parameter = Parameter("p", ParameterConfig(type="time_range", reaches_as="date", zone="Europe/Berlin"), lambda: NOW)

    assert parameter.values({"p": "2d"}) == (date(2026, 3, 30), date(2026, 4, 1))
    assert parameter.values({"p": "2026-03"}) == (date(2026, 3, 1), date(2026, 4, 1))
    with pytest.raises(ValueError, match="only whole days are known here"):
        parameter.values({"p": "1h"})


def test_a_month_begins_where_the_operator_is() -> None:
    zone = {"type": "time_range", "zone": "Europe/Berlin"}
    aware = Parameter("p", ParameterConfig(**zone), lambda: NOW).values({"p": "2026-01"})
    epoch = Parameter("p", ParameterConfig(**zone, reaches_as="epoch"), lambda: NOW).values({"p": "2026-01"})
    local = Parameter("p", ParameterConfig(**zone, reaches_as="local"), lambda: NOW).values({"p": "2026-01"})

    assert aware[0] == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert epoch[0] == datetime(2025, 12, 31, 23, tzinfo=UTC).timestamp()
    assert local[0] == datetime(2026, 1, 1)  # noqa: DTZ001 - without a zone is the point


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "now", "start"),
    [
        ("15m", "2026-03-29T01:10", "2026-03-29T00:55"),  # 03:10 there; 02:55 has never been
        ("1h", "2026-03-29T01:10", "2026-03-29T00:10"),
        ("1d", "2026-03-29T01:10", "2026-03-28T02:10"),  # the same time of day, 23 hours before
        ("1h", "2026-10-25T02:10", "2026-10-25T01:10"),  # 03:10 there
        ("2h", "2026-10-25T01:10", "2026-10-24T23:10"),  # 02:10 there, for the second time
    ],
)
def test_hours_are_hours_while_clocks_are_set(text: str, now: str, start: str) -> None:
    until = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = time_range.read(text, until, BERLIN)

    assert found.start.astimezone(UTC) == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert found.end.astimezone(UTC) == until


def test_no_stretch_is_empty_for_a_column_that_cannot_tell_two_hours_apart() -> None:
    """02:10 for the second time: a quarter of an hour ago it was 02:55."""
    parameter = Parameter(
        "p",
        ParameterConfig(type="time_range", reaches_as="local", zone="Europe/Berlin"),
        lambda: datetime(2026, 10, 25, 1, 10, tzinfo=UTC),
    )

    start, end = parameter.values({"p": "15m"})
    assert (start.isoformat(), end.isoformat()) == ("2026-10-25T01:55:00", "2026-10-25T02:10:00")


@pytest.mark.parametrize("text", ["2026-01-01T22:00Z/PT6H", "2026-01-01T22:00Z/2026-01-02T04:00Z"])
def test_moments_of_another_zone_reach_a_column_without_zones_in_its_own(text: str) -> None:
    config = ParameterConfig(type="time_range", reaches_as="local", zone="Europe/Berlin")
    start, end = Parameter("p", config, lambda: NOW).values({"p": text})

    assert (start.isoformat(), end.isoformat()) == ("2026-01-01T23:00:00", "2026-01-02T05:00:00")


def test_an_empty_list_of_claims_is_nothing_known() -> None:
    query = {"sql": "select :groups", "parameters": {"groups": {"bound": "claims.groups", "type": "list"}}}

    with pytest.raises(Refusal, match="of you it is not"):
        compiled("sqlite:////tmp/x", {"q": query}).queries["q"].job(
            {}, Principal("ana", "", frozenset(), {"groups": []})
        )
