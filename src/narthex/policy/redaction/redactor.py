"""What holds for a call about what may not be shown or sent, ready to work.

Knows: the rule of each direction, and what has to be found out before it can judge. Refuses to know: messages.
"""

from typing import NamedTuple

from narthex.limits import redaction_findings_per_kb
from narthex.model.rules.redaction import Redaction
from narthex.model.settled import Settled
from narthex.policy.redaction.compiling import Compiled, compiled_rule

KEY = "redaction"


class Redactor(NamedTuple):
    """What holds for a call: one rule for each direction, and the tokens that its tool may have opened."""

    results: Compiled | None
    arguments: Compiled | None
    opens: frozenset[str]
    named: frozenset[str]  # the kinds that only a model finds, in either direction
    forth: bool  # something is to be judged before the call leaves
    asks: bool  # something about the arguments, or about what they lead to, has to be found out first
    findings_per_kb: int


def prepare(settled: Settled) -> Redactor | None:
    """The rules of this object, compiled: once, and before a call needs them."""
    found = settled.rules.redaction
    if found is None:
        return None
    known: Redactor | None = settled.kit.get(KEY)
    if known is None:
        several = (found,) if isinstance(found, Redaction) else found
        results = next((compiled_rule(one) for one in several if one.direction != "arguments"), None)
        arguments = next((compiled_rule(one) for one in several if one.direction != "results"), None)
        opens = frozenset(kind for one in several for kind in one.opens)
        named = frozenset(name for one in (results, arguments) if one is not None for name in one.named)
        rules = [one.rule.findings_per_kb for one in (results, arguments) if one is not None]
        findings_per_kb = max(rules, default=redaction_findings_per_kb)
        forth, asks = arguments is not None or bool(named), bool(opens or named)
        known = settled.kit[KEY] = Redactor(results, arguments, opens, named, forth, asks, findings_per_kb)
    return known


def kinds_by_model(settled: Settled) -> frozenset[str]:
    """The kinds of names that somebody else has to look for, before anything is decided."""
    redactor = prepare(settled)
    return redactor.named if redactor is not None else frozenset()


def names_in_results(settled: Settled) -> bool:
    """Whether they are looked for in what servers answer."""
    redactor = prepare(settled)
    return redactor is not None and redactor.results is not None and bool(redactor.results.named)
