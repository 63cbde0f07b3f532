"""What a maker of kites sold, to whom, how the kites were flown, and who asked for help: invented, always the same.

Knows: five tables and their rows. Refuses to know: databases.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from math import cos, pi
from random import Random
from typing import Any, NamedTuple

from narthex.libraries.analytics.period import Period

FIRST_DAY, END = date(2024, 1, 1), date(2026, 7, 1)
_SEED = 1903
_REGIONS = ("Europe", "Europe", "Europe", "Americas", "Americas", "Asia")  # as often as customers live there
_SEGMENTS = ("shops", "shops", "shops", "schools", "resorts")
_PRICES = {"Comet": 3_900, "Delta 3": 12_900, "Box 1903": 22_000}  # in cents
_PRODUCTS = ("Comet", "Comet", "Comet", "Delta 3", "Delta 3", "Box 1903")
_PRIORITIES = ("low", "low", "normal", "normal", "normal", "urgent")
_CUSTOMERS = 1_200


class Table(NamedTuple):
    """`columns`: name and type, in words that every SQL knows."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]


def tables() -> Iterator[Table]:
    chance = Random(_SEED)  # noqa: S311 - the same figures every time are what is wanted
    days = [FIRST_DAY + timedelta(days=number) for number in range((END - FIRST_DAY).days)]
    when = (("day", "date"), ("month", "text"), ("quarter", "text"))
    yield Table("months", (("month", "text"), ("first_day", "date"), ("next_day", "date")), list(_months()))
    lived = (("since", "date"), ("left_on", "date"), ("region", "text"), ("segment", "text"))
    yield Table("customers", lived, [_customer(chance) for _ in range(_CUSTOMERS)])
    sold = (*when, ("region", "text"), ("segment", "text"), ("product", "text"), ("cents", "integer"))
    yield Table("orders", sold, [_order(chance, day) for day in days for _ in range(_busy(chance, day, 10))])
    flown = (*when, ("region", "text"), ("product", "text"), ("flights", "integer"), ("minutes", "integer"))
    yield Table("flights", flown, [_flight(chance, day) for day in days for _ in range(_busy(chance, day, 6))])
    asked = (*when, ("region", "text"), ("product", "text"), ("priority", "text"), ("minutes_to_answer", "integer"))
    yield Table("tickets", asked, [_ticket(chance, day) for day in days for _ in range(_busy(chance, day, 4))])


def _busy(chance: Random, day: date, usually: int) -> int:
    """How often something happens on a day: more in summer, and a little more each year."""
    summer = 1 - 0.5 * cos(2 * pi * (day.timetuple().tm_yday - 15) / 365)
    grown = 1 + 0.15 * (day - FIRST_DAY).days / 365
    return max(1, round(usually * summer * grown * chance.uniform(0.6, 1.4)))


def _when(day: date) -> tuple[date, str, str]:
    return day, f"{day:%Y-%m}", f"{day.year}-Q{(day.month + 2) // 3}"


def _months() -> Iterator[tuple[Any, ...]]:
    day = FIRST_DAY
    while day < END:
        month = Period.of(f"{day:%Y-%m}")
        yield f"{day:%Y-%m}", month.start, month.end
        day = month.end


def _customer(chance: Random) -> tuple[Any, ...]:
    since = FIRST_DAY - timedelta(days=chance.randrange(1_500)) + timedelta(days=chance.randrange(1_500))
    left = since + timedelta(days=90 + int(chance.expovariate(1 / 1_400)))
    return since, left if left < END else None, chance.choice(_REGIONS), chance.choice(_SEGMENTS)


def _order(chance: Random, day: date) -> tuple[Any, ...]:
    product, segment = chance.choice(_PRODUCTS), chance.choice(_SEGMENTS)
    pieces = chance.randrange(1, 40 if segment == "schools" else 12)
    return (*_when(day), chance.choice(_REGIONS), segment, product, pieces * _PRICES[product])


def _flight(chance: Random, day: date) -> tuple[Any, ...]:
    flights = chance.randrange(1, 60)
    return (*_when(day), chance.choice(_REGIONS), chance.choice(_PRODUCTS), flights, flights * chance.randrange(5, 40))


def _ticket(chance: Random, day: date) -> tuple[Any, ...]:
    priority = chance.choice(_PRIORITIES)
    minutes = int(chance.expovariate(1 / (90 if priority == "urgent" else 420)))
    return (*_when(day), chance.choice(_REGIONS), chance.choice(_PRODUCTS), priority, minutes)
