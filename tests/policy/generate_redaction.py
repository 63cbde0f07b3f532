"""Writes the tables of docs/redaction.md from the corpus; a test holds the gateway to them.

    python tests/policy/generate_redaction.py

Knows: Markdown. Refuses to round up: what is shown is what was measured, to a tenth of a percent.
"""

import re
import sys
from pathlib import Path

from redaction_measured import COUNT, Measured, Rate, measured

from narthex.policy.redaction.compiling import KINDS
from narthex.policy.redaction.kind import GROUPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "redaction.md"
BEGINS, ENDS = "<!-- measured: begin -->", "<!-- measured: end -->"
_BARE = (
    "The same numbers as above, but without their names beside them: rows of digits, which nobody can tell from other "
    "rows of digits, and which therefore pass."
)
GROUP_OF = {kind.name: kind.group for kind in KINDS}


def tables(shown: Measured) -> str:
    found = [
        f"Of {COUNT} texts of each kind, in which it is known what is in them:",
        "",
        "| kind | group | hidden | called by its name |",
        "|---|---|---|---|",
        *(
            f"| `{kind}` | {GROUP_OF[kind]} | {percent(rate)} | {percent(shown.named[kind])} |"
            for kind, rate in shown.hidden.items()
        ),
        "",
        f"Of {COUNT} texts of each kind that only look as if something were in them:",
        "",
        "| lookalikes | taken for something |",
        "|---|---|",
        *(f"| {kind} | {percent(rate)} |" for kind, rate in shown.false.items()),
        "",
        _BARE,
        "",
        "| kind | hidden |",
        "|---|---|",
        *(f"| `{kind}` | {percent(rate)} |" for kind, rate in shown.bare.items()),
    ]
    return "\n".join(found)


def percent(rate: Rate) -> str:
    return f"{int(rate.share * 1_000) / 10:.1f} %"


def kinds() -> str:
    """What there is to be found, by group."""
    names: dict[str, list[str]] = {group: [] for group in GROUPS if not GROUPS[group]}
    for kind in KINDS:
        if kind.name not in names[kind.group]:
            names[kind.group].append(kind.name)
    groups = {**names, **{group: list(inside) for group, inside in GROUPS.items() if inside}}
    rows = [f"| `{group}` | {', '.join(f'`{name}`' for name in inside)} |" for group, inside in groups.items()]
    return "\n".join(["| group | kinds |", "|---|---|", *rows])


def said() -> dict[str, float]:
    """What the page says: the name of each row, and its last share in percent."""
    rows = re.findall(r"^\| (.+?) \|.*?([0-9.]+) % \|$", between(PAGE.read_text("utf-8"), BEGINS, ENDS), re.MULTILINE)
    return {name.strip("`"): float(share) for name, share in rows}


def between(text: str, begins: str, ends: str) -> str:
    return text.partition(begins)[2].partition(ends)[0]


def main() -> None:
    text = PAGE.read_text("utf-8")
    for begins, ends, made in (
        (BEGINS, ENDS, tables(measured())),
        ("<!-- kinds: begin -->", "<!-- kinds: end -->", kinds()),
    ):
        before, _, rest = text.partition(begins)
        text = f"{before}{begins}\n\n{made}\n\n{ends}{rest.partition(ends)[2]}"
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
