"""From `rate_limit`, `quota` and `cost`, as they are written, to what a call is held against.

Knows: windows, and how a limit is said. Refuses to know: who calls, and what is used up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from narthex.model.limit import MILLI, ONE_UNIT, TICKS_PER_SECOND, Limit, Tariff, Window
from narthex.model.rules.cost import Cost
from narthex.model.rules.rate import Quota, RateLimit
from narthex.model.rules.rules import Rules

_SECONDS: tuple[tuple[Window, int], ...] = (("second", 1), ("minute", 60), ("hour", 3_600))
_CALENDAR: tuple[Window, ...] = ("day", "month")


def limits_of(rules: Rules, places: dict[str, str]) -> tuple[Limit, ...]:
    """Every limit of these rules. `places`: where each key stands."""
    rates = (one for rate in _several(rules.rate_limit) for one in _of_rate(rate, places["rate_limit"]))
    quotas = (one for quota in _several(rules.quota) for one in _of_quota(quota, places["quota"]))
    return tuple(_apart((*rates, *quotas)))


def tariff_of(rules: Rules) -> Tariff:
    cost = rules.cost
    if cost is None:
        return ONE_UNIT
    if not isinstance(cost, Cost):
        return Tariff(_milli(cost))
    return Tariff(_milli(cost.per_call), _milli(cost.per_kb), _milli(cost.per_row))


def _several(rule: object) -> tuple[object, ...]:
    return rule if isinstance(rule, tuple) else () if rule is None else (rule,)


def _of_rate(rate: object, place: str) -> Iterator[Limit]:
    assert isinstance(rate, RateLimit)
    warns = rate.mode == "warn"
    for window, seconds in _SECONDS:
        count: int | None = getattr(rate, f"requests_per_{window}")
        if count is not None:
            # Rounded up: never more than was allowed, and by less than a ten-millionth of a second.
            interval = -(-seconds * TICKS_PER_SECOND // count)
            identity = f"{place}|{rate.per}|{count} per {window}"
            words = f"{_calls(count)} per {window}"
            burst = rate.burst or count
            yield Limit("rate", identity, place, words, window, rate.per, warns, interval=interval, burst=burst)
    if rate.concurrent is not None:
        identity = f"{place}|{rate.per}|concurrent"
        words = f"{_calls(rate.concurrent)} at one time"
        yield Limit("concurrent", identity, place, words, "", rate.per, warns, ceiling=rate.concurrent)


def _of_quota(quota: object, place: str) -> Iterator[Limit]:
    assert isinstance(quota, Quota)
    for window in _CALENDAR:
        for kind in ("calls", "cost"):
            amount: float | None = getattr(quota, f"{kind}_per_{window}")
            if amount is not None:
                # Without the amount: what is used up stays used up when the operator grants more, or less.
                identity = f"{place}|{quota.per}|{kind} per {window} in {quota.time_zone}"
                said = _calls(int(amount)) if kind == "calls" else f"{amount:,g} units of cost"
                yield Limit(
                    "quota",
                    identity,
                    place,
                    f"{said} per {window}",
                    window,
                    quota.per,
                    quota.mode == "warn",
                    ceiling=_milli(amount),
                    costs=kind == "cost",
                    zone=quota.time_zone,
                )


def _apart(limits: Iterable[Limit]) -> Iterator[Limit]:
    """Two that would be one counter, a warning below the limit itself say, are counted apart."""
    seen: dict[str, int] = {}
    for limit in limits:
        times = seen[limit.identity] = seen.get(limit.identity, 0) + 1
        yield limit if times == 1 else replace(limit, identity=f"{limit.identity}|{times}")


def _calls(count: int) -> str:
    return f"{count} call{'s' * (count != 1)}"


def _milli(amount: float) -> int:
    return round(amount * MILLI)
