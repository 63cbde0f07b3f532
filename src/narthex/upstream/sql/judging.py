"""Whether a statement is one statement, and whether it only reads.

Knows: which kinds of statements there are. Refuses to know: the database; that a connection cannot write is the
dialect's own doing, and this is the second wall, not the first.
"""

import logging
import re
from typing import Any

from narthex.upstream.sql.address import Dialect
from narthex.upstream.sql.faults import SqlConfigError
from narthex.upstream.sql.functions import EFFECTS

_COLOURS = re.compile(r"\x1b\[[0-9]*m")
_WRITING = ("Insert", "Update", "Delete", "Merge")
# Whatever else stands inside of a statement and is more than a question to tables.
_NEVER = (
    "Command", "Create", "Drop", "Alter", "TruncateTable", "Copy", "LoadData", "Set", "SetItem", "Pragma", "Attach",
    "Detach", "Use", "Transaction", "Commit", "Rollback", "Kill", "Grant", "Revoke", "Cache", "Uncache", "Refresh",
    "Analyze", "Describe", "Summarize", "Install", "Export", "Comment", "Parameter", "SessionParameter",
)  # fmt: skip
_EFFECTS_IN_QUERIES = ("Into", "Lock")


def judge(text: str, dialect: Dialect, *, writes: bool) -> None:
    """Raises SqlConfigError unless it is one statement that reads, or, with `writes`, changes rows."""
    tree = _parsed(text, dialect)
    kinds = {type(node).__name__ for node in tree.walk()}
    never = sorted(kinds.intersection(_NEVER))
    if never:
        raise SqlConfigError(f"a query cannot hold this kind of statement: {', '.join(never).lower()}")
    root = type(tree).__name__
    if root in _WRITING or kinds.intersection(_WRITING):
        if not writes:
            what = ", ".join(sorted(kinds.intersection(_WRITING))).lower()
            raise SqlConfigError(f"the statement writes ({what})", "Say 'writes: true' if it is meant to.")
    elif not _asks(tree):
        raise SqlConfigError(f"this kind of statement is not a query: {root.lower()}")
    if kinds.intersection(_EFFECTS_IN_QUERIES) and not writes:
        raise SqlConfigError("'into' and 'for update' change something", "Say 'writes: true' if that is meant.")
    _functions(tree, writes=writes)


def _parsed(text: str, dialect: Dialect) -> Any:
    import sqlglot
    from sqlglot.errors import SqlglotError

    quiet = logging.getLogger("sqlglot")
    before, quiet.disabled = quiet.disabled, True  # what it does not understand becomes a Command, which is refused
    try:
        found = [tree for tree in sqlglot.parse(text, read=dialect) if tree is not None]
    except (SqlglotError, IndexError, RecursionError) as fault:
        said = _COLOURS.sub("", " ".join(str(fault).split()))[:200]
        raise SqlConfigError(f"the statement cannot be understood: {said}") from None
    finally:
        quiet.disabled = before
    found = [tree for tree in found if type(tree).__name__ != "Semicolon"]
    if len(found) != 1:
        raise SqlConfigError(f"there must be one statement, and there are {len(found)}", "Make a query of each.")
    return found[0]


def _asks(tree: Any) -> bool:
    from sqlglot import exp

    return isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery, exp.Values))


def _functions(tree: Any, *, writes: bool) -> None:
    from sqlglot import exp

    names = {node.name.lower() for node in tree.find_all(exp.Anonymous)}
    names |= {node.sql_name().lower() for node in tree.find_all(exp.Func) if not isinstance(node, exp.Anonymous)}
    found = sorted(name for name in names if name.startswith(EFFECTS.always_prefixes) or name in EFFECTS.always)
    if not found and not writes:
        found = sorted(name for name in names if name in EFFECTS.unless_writing)
    if found:
        raise SqlConfigError(f"functions that do more than compute are not allowed here: {', '.join(found)}")
