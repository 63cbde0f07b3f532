"""Values that are hidden because of what they are, wherever they come back: those that tokens stood for.

Knows: the values, and the words that stand for each. Refuses to know: where they came from.
"""

from collections.abc import Mapping

from narthex.policy.redaction.automaton import literal
from narthex.policy.redaction.engine import Engine
from narthex.policy.redaction.matcher import Matcher, compiled


def engine_for(values: Mapping[str, str]) -> Engine:
    """`values`: value -> what is written instead. Large and small letters are alike."""
    own = tuple(compiled(literal(value), ignore_case=True) for value in values)
    names = tuple(f"value{place}" for place in range(len(own)))
    words = dict(zip(names, values.values(), strict=True))
    return Engine(Matcher((), own), names, dict.fromkeys(names, "mask"), numbers=True, words=words)
