"""Checks of limits on calls: each says a number, and no two say the same.

Knows: `rate_limit`, `quota`, `shared`. Refuses to know: places and their order.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.control.validate import suggest
from narthex.model.rules.rate import Quota, RateLimit
from narthex.model.rules.rules import Rules

_RATES = ("requests_per_second", "requests_per_minute", "requests_per_hour")
_QUOTAS = ("calls_per_day", "calls_per_month", "cost_per_day", "cost_per_month")
_SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")


def check_rates(findings: Findings, path: Path, rules: Rules) -> None:
    for key, rule in (("rate_limit", rules.rate_limit), ("quota", rules.quota)):
        if rule == ():
            findings.problem((*path, key), "must not be empty", "Leave the key out, and a less specific place decides.")
        seen: list[object] = []
        for inner, one in _each((*path, key), rule):
            if one in seen:
                findings.problem(inner, "stands there twice", "Remove one of them.")
            seen.append(one)
            _one(findings, inner, one)


def check_shared(findings: Findings) -> None:
    shared = findings.config.shared
    if shared is None:
        return
    scheme, colon, rest = shared.url.partition("://")
    if scheme not in _SCHEMES or not colon or not rest:
        what = "must be the URL of a Redis or Valkey server"
        findings.problem(("shared", "url"), what, "Like 'redis://cache.internal:6379/0'.")
        return
    try:
        parts = urlsplit(shared.url)
        readable = bool(parts.path if scheme == "unix" else parts.hostname) and parts.port != 0
    except ValueError:
        readable = False
    if not readable:
        what = "is no address: its host or its port cannot be read"
        findings.problem(
            ("shared", "url"), what, "A '/', '@', ':' or '#' in a password is written as %2F, %40, %3A, %23."
        )


def _each(path: Path, rule: object) -> Iterator[tuple[Path, object]]:
    if isinstance(rule, tuple):
        yield from (((*path, place), one) for place, one in enumerate(rule))
    elif rule is not None:
        yield path, rule


def _one(findings: Findings, path: Path, rule: object) -> None:
    if isinstance(rule, RateLimit):
        _rate(findings, path, rule)
    elif isinstance(rule, Quota):
        _quota(findings, path, rule)
    if getattr(rule, "per", "") == "tenant" and findings.config.authentication is None:
        what = "counts all callers together: without authentication nobody belongs to a tenant"
        findings.warn((*path, "per"), what, "Add 'authentication', or write 'per: principal'.")


def _rate(findings: Findings, path: Path, rate: RateLimit) -> None:
    named = [key for key in _RATES if getattr(rate, key) is not None]
    if rate.burst is not None and not named:
        what = "says how many calls may come at once, and no rate says how many may come in the long run"
        findings.problem((*path, "burst"), what, "Add 'requests_per_minute', or write 'concurrent' if that is meant.")
    elif not named and rate.concurrent is None:
        findings.problem(path, "says no limit", "Like '{requests_per_minute: 60}'.")


def _quota(findings: Findings, path: Path, quota: Quota) -> None:
    if all(getattr(quota, key) is None for key in _QUOTAS):
        findings.problem(path, "says no quota", "Like '{calls_per_day: 1000}'.")
    for day, month in (("calls_per_day", "calls_per_month"), ("cost_per_day", "cost_per_month")):
        of_day, of_month = getattr(quota, day), getattr(quota, month)
        if of_day is not None and of_month is not None and of_day > of_month:
            findings.warn((*path, day), f"is never reached: '{month}' is less")
    if not _is_zone(quota.time_zone):
        zones = sorted(available_timezones())
        known = suggest(quota.time_zone, zones) or "Like 'Europe/Berlin'; 'UTC' is the default."
        remedy = known if zones else "This machine knows none but UTC: 'pip install tzdata' brings them."
        findings.problem((*path, "time_zone"), f"there is no time zone '{quota.time_zone}' on this machine", remedy)


def _is_zone(name: str) -> bool:
    if name == "UTC":
        return True
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a folder of names, no name at all, or none that is known
        return False
    return True
