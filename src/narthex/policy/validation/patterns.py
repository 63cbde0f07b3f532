"""The patterns of a schema: which engine they need, and what a character costs.

Knows: prices that were measured, and bounds. Refuses to know: what a pattern means.

The usual engine takes time linear in the text, but times the size of the pattern: `(a{0,90}){0,90}` is large. Patterns
that look around or refer back need an engine that tries and fails, as often as it is allowed to, at every place of the
text unless the pattern says that it begins at the start.
"""

from typing import Any

import jsonschema_rs

from narthex.limits import (
    pattern_bytes_max,
    pattern_chars_max,
    pattern_small_bytes_max,
    pattern_steps_max,
    patterns_large_max,
    patterns_max,
)
from narthex.policy.validation.references import Uncheckable

_SMALL = jsonschema_rs.RegexOptions(size_limit=pattern_small_bytes_max, dfa_size_limit=pattern_bytes_max)
_LINEAR = jsonschema_rs.RegexOptions(size_limit=pattern_bytes_max, dfa_size_limit=pattern_bytes_max)
_TRYING = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=pattern_steps_max, size_limit=pattern_bytes_max, dfa_size_limit=pattern_bytes_max
)
_PLAIN_NS, _SMALL_NS, _LARGE_NS, _STEP_NS = 20.0, 100.0, 1_000.0, 10.0


class Patterns:
    """Those of one schema."""

    def __init__(self) -> None:
        self._ns: dict[str, float] = {}
        self._large = 0
        self.options: Any = _LINEAR

    @property
    def weight(self) -> int:
        """Bytes, about."""
        return len(self._ns) * pattern_small_bytes_max + self._large * pattern_bytes_max

    def ns(self, pattern: str) -> float:
        """Nanoseconds for a character. Raises `Uncheckable`."""
        found = self._ns.get(pattern)
        if found is None:
            found = self._ns[pattern] = self._looked_at(pattern)
            if len(self._ns) > patterns_max:
                raise Uncheckable(f"it holds more than {patterns_max} patterns")
            if self._large > patterns_large_max:
                raise Uncheckable(f"it holds more than {patterns_large_max} patterns that are large")
        return found

    def _looked_at(self, pattern: str) -> float:
        if len(pattern) > pattern_chars_max:
            raise Uncheckable(f"a pattern has more than {pattern_chars_max} characters")
        if _takes(pattern, _SMALL):
            return _SMALL_NS if "{" in pattern else _PLAIN_NS  # nothing is counted, nothing multiplied
        self._large += 1
        if _takes(pattern, _LINEAR):
            return _LARGE_NS
        if _takes(pattern, _TRYING):
            self.options = _TRYING
            return _LARGE_NS if _begins_at_the_start(pattern) else pattern_steps_max * _STEP_NS
        raise Uncheckable(f"the pattern {pattern[:100]!r} is too large, or not one that can be read")


def _takes(pattern: str, options: Any) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, offline=True, pattern_options=options)
    except ValueError:
        return False
    return True


def _begins_at_the_start(pattern: str) -> bool:
    """Whether it can match nowhere else. Where that takes a closer look, it is not believed."""
    return pattern.startswith("^") and "|" not in pattern and not pattern.startswith(("^*", "^?", "^{"))
