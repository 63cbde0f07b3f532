"""What was found, where, why it counts, and how much all of it together counts.

Knows: how findings add up. Refuses to know: how any of them is found.
"""

from collections.abc import Iterable
from typing import NamedTuple

from narthex.limits import poison_excerpt_chars_max, poison_findings_max, poison_near_bytes


class Finding(NamedTuple):
    kind: str  # override, secrecy, hidden, …: docs/definitions.md has them all
    where: str  # a JSON Pointer into the definition; empty for the whole and for a text
    excerpt: str  # ASCII only, printable, short: fit for a terminal and a log
    why: str
    weight: float  # how sure this one alone makes us, 0 to 1


class Verdict(NamedTuple):
    score: float  # 0 to 1; narthex.limits.poison_score_alarm is where the measured figures hold
    findings: tuple[Finding, ...]  # the weightiest first
    whole: bool  # everything was looked at; if not, nothing is known of the rest


class Sight(NamedTuple):
    """One thing in one text, before anything is said of where that text stands."""

    kind: str
    at: int  # bytes from the start of what was looked through
    excerpt: str
    why: str
    weight: float


def shown(text: str) -> str:
    """An excerpt that does nothing where it is printed: every other sign is spelled out."""
    bare = "".join(sign if " " <= sign <= "~" and sign != "\\" else _spelled(sign) for sign in text)
    return bare if len(bare) <= poison_excerpt_chars_max else bare[: poison_excerpt_chars_max - 3] + "..."


def _spelled(sign: str) -> str:
    if sign in "\n\t\r ":
        return " "
    return f"\\u{ord(sign):04x}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08x}"


def around(text: bytes, start: int, end: int) -> str:
    return shown(text[start : min(end, start + poison_excerpt_chars_max)].decode("utf-8", "ignore").strip())


def together(found: Iterable[tuple[str, float]]) -> float:
    """Each kind counts once, by its strongest; different kinds make each other more likely."""
    strongest: dict[str, float] = {}
    for kind, weight in found:
        strongest[kind] = max(weight, strongest.get(kind, 0.0))
    doubt = 1.0
    for weight in strongest.values():
        doubt *= 1.0 - weight
    return 1.0 - doubt


def nearby(sights: list[Sight]) -> float:
    """The worst stretch of a text: what stands pages apart does not add up."""
    sights = sorted(sights, key=lambda sight: sight.at)
    worst, first = 0.0, 0
    for last, sight in enumerate(sights):
        while sight.at - sights[first].at > poison_near_bytes:
            first += 1
        worst = max(worst, together((one.kind, one.weight) for one in sights[first : last + 1]))
    return worst


def verdict(score: float, findings: Iterable[Finding], *, whole: bool) -> Verdict:
    """The strongest of each kind at each place; no more than are worth reading."""
    best: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        seat = finding.kind, finding.where
        if seat not in best or best[seat].weight < finding.weight:
            best[seat] = finding
    ordered = sorted(best.values(), key=lambda finding: (-finding.weight, finding.where, finding.kind))
    return Verdict(round(score, 3), tuple(ordered[:poison_findings_max]), whole)
