"""How fast answers are looked through: megabytes a second, of processor time, and the slowest hostile text.

    python bench/redaction.py [--json]

Knows: answers as tools give them, with nothing in them and with something. Refuses to know: how much is found that is
there (docs/redaction.md says that). One thread's processor time is measured, the best of five: others may be busy.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "policy"))

from redaction_hostile import large

from goals import Verdict
from narthex.model.rules.redaction import Redaction
from narthex.policy.redaction.compiling import compiled_rule
from narthex.policy.redaction.engine import Work
from narthex.policy.redaction.matcher import Budget, TooMuch

ROUNDS = 5
PROSE = (
    "The quick brown fox jumps over the lazy dog, 12 says he; "
    "order 1234567 was sent at 2024-01-15T10:30:00Z for $12.99. "
)
GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund – täglich\u00a0um 12 Uhr. "
CLEAN, FULL = 100.0, 30.0  # MB/s


def orders(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": place,
            "order": f"ORD-{place:07}",
            "created": f"2024-01-{place % 28 + 1:02}T10:30:{place % 60:02}Z",
            "amount": place * 1.25,
            "status": "shipped",
            "key": f"550e8400-e29b-41d4-a716-4466554{place:05}",
        }
        for place in range(count)
    ]


def contacts(count: int, notes: int) -> list[dict[str, Any]]:
    return [
        {
            "id": place,
            "name": "Anna Schmidt",
            "email": f"anna{place}@example.com",
            "phone": f"+49 30 {1_000_000 + place}",
            "company": "Acme GmbH & Co KG",
            "notes": PROSE * notes,
        }
        for place in range(count)
    ]


def encoded(value: Any, *, ascii_only: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":")).encode()


def text_block(value: Any) -> bytes:
    return encoded([{"type": "text", "text": encoded(value).decode()}])


def answers() -> dict[str, tuple[bytes, float | None]]:
    """What is measured, and the goal, in megabytes a second."""
    return {
        "prose": (encoded([{"type": "text", "text": PROSE * 9_000}]), CLEAN),
        "rows of orders": (encoded(orders(6_000)), CLEAN),
        "rows of orders, as text": (text_block(orders(5_000)), CLEAN),
        "prose with dashes and umlauts": (encoded([{"type": "text", "text": GERMAN * 12_000}]), None),
        "prose with dashes and umlauts, escaped": (
            encoded([{"type": "text", "text": GERMAN * 9_000}], ascii_only=True),
            None,
        ),
        "two things in 1,300 bytes": (encoded(contacts(800, 10)), FULL),
        "two things in 1,300 bytes, as text": (text_block(contacts(800, 10)), FULL),
        "two things in 260 bytes": (encoded(contacts(4_000, 1)), FULL),
        "two things in 260 bytes, as text": (text_block(contacts(4_000, 1)), None),
        "two things in 150 bytes": (encoded(contacts(5_000, 0)), None),
    }


def seconds(work: Callable[[], object]) -> float:
    best = 1e9
    for _ in range(ROUNDS):
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
    return best


def looked_through() -> list[Verdict]:
    """The rows for the table of `make bench`."""
    return [
        Verdict(
            f"redaction: {row['what']}",
            f"{row['mb_per_second']:.0f} MB/s",
            f"≥ {row['goal']:.0f} MB/s" if row["goal"] else "",
            row["goal"] / row["mb_per_second"] if row["goal"] else None,
        )
        for row in speeds()
    ]


def speeds() -> list[dict[str, Any]]:
    engine = compiled_rule(Redaction()).engine
    rows: list[dict[str, Any]] = []
    for name, (raw, goal) in answers().items():
        found: dict[str, int] = {}

        def look(raw: bytes = raw, found: dict[str, int] = found) -> None:
            work = Work(Budget(len(raw), 1_000), lambda *_: "x")
            engine.json(raw, work)
            found.update(work.counts)

        speed = len(raw) / seconds(look) / 1e6
        rows.append(
            {"what": name, "bytes": len(raw), "found": sum(found.values()), "mb_per_second": speed, "goal": goal}
        )
    return rows


def main() -> None:
    rows = speeds()
    slowest = max((hostile(raw_of(text)), unit) for unit, text in large(7))
    if "--json" in sys.argv:
        print(json.dumps({"rows": rows, "hostile_ms_per_100_kb": slowest[0], "hostile": slowest[1]}))
        return
    for row in rows:
        goal = f"{row['goal']:5.0f}" if row["goal"] else "    -"
        size, speed = f"{row['bytes']:9,} bytes", f"{row['mb_per_second']:7.1f} MB/s"
        print(f"{row['what']:40} {size} {row['found']:6,} found {speed}, goal {goal}")
    print(f"slowest of the large hostile texts: {slowest[0]:.1f} ms for 100 kB ({slowest[1]!r})")


def raw_of(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")


def hostile(raw: bytes) -> float:
    engine = compiled_rule(Redaction(detect=("all",))).engine

    def look() -> None:
        try:
            engine.json(raw, Work(Budget(len(raw)), lambda *_: "x"))
        except TooMuch:
            pass

    return seconds(look) * 1_000 * 100_000 / len(raw)


if __name__ == "__main__":
    main()
