"""Writes the table of docs/definitions.md on what of our own corpus is found; a test holds the heuristics to it.

    python tests/policy/generate_poison.py

Knows: Markdown. Refuses to round up. The table of other people's corpora is written by `bench/poison.py`.
"""

import re
import sys
from pathlib import Path

from poison_corpus import honest, poisoned
from poison_measured import COUNT, Rate, rates

PAGE = Path(__file__).resolve().parents[2] / "docs" / "definitions.md"
BEGINS, ENDS = "<!-- poison: begin -->", "<!-- poison: end -->"


def table() -> str:
    lines = [
        "| made here | of | scored 0.5 or more | scored 0.8 or more |",
        "|---|---|---|---|",
        *(row(f"`{kind}`", rate) for kind, rate in rates(poisoned(COUNT)).items()),
        *(row(f"honest: {kind}", rate) for kind, rate in rates(honest(COUNT)).items()),
    ]
    return "\n".join(lines)


def row(name: str, rate: Rate) -> str:
    return f"| {name} | {rate.of} | {percent(rate.share)} | {percent(rate.sure_share)} |"


def percent(share: float) -> str:
    return f"{int(share * 1_000) / 10:.1f} %"


def said() -> dict[str, tuple[float, float]]:
    """What the page says, in percent."""
    rows = re.findall(
        r"^\| (.+?) \| \d+ \| ([0-9.]+) % \| ([0-9.]+) % \|$", between(PAGE.read_text("utf-8")), re.MULTILINE
    )
    return {name.strip("`"): (float(alarmed), float(sure)) for name, alarmed, sure in rows}


def between(text: str, begins: str = BEGINS, ends: str = ENDS) -> str:
    return text.partition(begins)[2].partition(ends)[0]


def put(made: str, begins: str = BEGINS, ends: str = ENDS) -> None:
    """Into the page, in place of what stands between the two."""
    text = PAGE.read_text("utf-8")
    if begins not in text:
        raise SystemExit(f"{PAGE} has no '{begins}'")
    before, _, rest = text.partition(begins)
    PAGE.write_text(f"{before}{begins}\n\n{made}\n\n{ends}{rest.partition(ends)[2]}", "utf-8")


if __name__ == "__main__":
    sys.exit(put(table()))
