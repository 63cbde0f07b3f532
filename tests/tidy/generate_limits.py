"""Writes docs/limits.md from src/narthex/limits.py; a test compares. `make docs` calls it."""

import re
import sys
from pathlib import Path

from narthex import limits

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "limits.md"
SOURCE = Path(limits.__file__)

HEAD = """# Limits

Everything that could grow has a bound. This page is made from `src/narthex/limits.py` by `make docs`.

## What an operator may set

Under `limits:` in the configuration, each by its name. Sizes in bytes, times in seconds.
"""
BUILT_IN = """
## What is built in

Part of how the gateway is made; changing one means changing the code beside it.
"""
TABLE = "\n### {title}\n\n| limit | value | what it bounds |\n|---|---|---|\n"
SETTING = re.compile(r"^( {4}|)([a-z]\w+)(?:: \w+)? = [^#]+?(?:  # (.+))?$")
HEADING = re.compile(r"^(?: {4}|)# (.+)$")


def page() -> str:
    """The whole page, as it should stand in docs/."""
    out = [HEAD]
    inside = False  # the class `Limits`
    title: str | None = None
    for text in SOURCE.read_text("utf-8").splitlines():
        if text.startswith("class Limits"):
            inside = True
        elif inside and text and not text.startswith(" "):
            inside = False
            out.append(BUILT_IN)
        if heading := HEADING.match(text):
            title = heading[1]
        elif setting := SETTING.match(text):
            if title:
                out.append(TABLE.format(title=title[0].upper() + title[1:]))
                title = None
            holder = limits.DEFAULTS if setting[1] else limits
            value = said(setting[2], getattr(holder, setting[2]))
            out.append(f"| `{setting[2]}` | {value} | {setting[3] or ''} |\n")
    return "".join(out)


def said(name: str, value: float) -> str:
    """A number with its unit, which is in the name."""
    if "bytes" in name.split("_"):
        for size, unit in ((limits.MIB, "MiB"), (limits.KIB, "KiB")):
            if value >= size and value % size == 0:
                return f"{value // size} {unit}"
        return f"{value} bytes"
    for word, unit in (("seconds", "s"), ("ms", "ms"), ("chars", "characters")):
        if word in name.split("_"):
            return f"{value:,g} {unit}"
    return f"{value:,}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")
