"""Changes as people and programs read them.

Knows: lines for a terminal, trees for JSON. Refuses to know: how changes are found.

What a terminal obeys, and what no eye sees, is written out: a diff that hides what was hidden is worse than none.
"""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from narthex.catalog.change import ABSENT, Change
from narthex.limits import definition_said_chars_max
from narthex.wire.canonical_json import canonical

_MARKS = {"breaking": "!", "text": "~", "compatible": "+"}
# Characters that take part in words, or count as printable, and are not seen.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


def tree(change: Change) -> dict[str, Any]:
    """A member that was not there is not there."""
    values = {"before": change.before, "after": change.after}
    there = {name: value for name, value in values.items() if value is not ABSENT}
    return {"class": change.kind, "where": change.where, "what": change.what, **there}


def lines(changes: Iterable[Change]) -> Iterator[str]:
    """One line for each change, and under it what it was and what it is."""
    for change in changes:
        where = f"{visible(change.where)} " if change.where else ""
        yield f"{_MARKS[change.kind]} {where}{change.what} ({change.kind})"
        yield from (f"    {line}" for line in _values(change.before, change.after))


def visible(text: str) -> str:
    """With a code for every sign that is not seen, or that a terminal obeys."""
    return "".join(sign if _is_seen(sign) else f"\\u{{{ord(sign):x}}}" for sign in text)


def _is_seen(sign: str) -> bool:
    selects = "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"  # variants of the sign before
    return sign.isprintable() and sign not in _UNSEEN and not selects


def _values(before: Any, after: Any) -> Iterator[str]:
    if type(before) is str and type(after) is str and ("\n" in before or "\n" in after):
        yield from _by_line(before, after)
        return
    for sign, value in (("-", before), ("+", after)):
        if value is not ABSENT:
            yield f"{sign} {_said(value)}"


def _by_line(before: str, after: str) -> Iterator[str]:
    for line in difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=1):
        if not line.startswith(("---", "+++")):
            yield line[:1] + " " + _cut(visible(line[1:]))


def _said(value: Any) -> str:
    return _cut(visible(value if type(value) is str else canonical(value).decode("utf-8", "replace")))


def _cut(text: str) -> str:
    beyond = len(text) - definition_said_chars_max
    return text if beyond <= 0 else f"{text[:definition_said_chars_max]} […{beyond} more]"
