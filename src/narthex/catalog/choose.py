"""Lists of tool names and globs, as the configuration writes them: `search_repos`, `get_*`, `crm/*`.

Knows: `*`, `?` and `[...]`, always case-sensitive, over `tool` and `server/tool`. Refuses to know: which list it is.
"""

import re
from collections.abc import Iterable
from fnmatch import translate

_GLOB_SIGNS = frozenset("*?[")


def is_glob(pattern: str) -> bool:
    return not _GLOB_SIGNS.isdisjoint(pattern)


class Choice:
    """A compiled list of patterns that remembers which of them have met a tool."""

    __slots__ = ("_exact", "_globs", "unmet")

    def __init__(self, patterns: Iterable[str]) -> None:
        self.unmet = dict.fromkeys(patterns)  # in their order
        self._exact = frozenset(self.unmet)
        self._globs = [(text, re.compile(translate(text)).match) for text in self.unmet if is_glob(text)]

    def holds(self, server: str, tool: str) -> bool:
        """Whether any pattern names this tool. All are asked, so that none is called unused because it came second."""
        forms = (tool, f"{server}/{tool}")
        met = [form for form in forms if form in self._exact]
        met += [text for text, matches in self._globs if any(matches(form) for form in forms)]
        for text in met:
            self.unmet.pop(text, None)
        return bool(met)
