"""Checks of `validation`: nothing in it is without effect.

Knows: which of its keys need another one. Refuses to know: schemas.
"""

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.rules.rules import Rules


def check_validation(findings: Findings, path: Path, rules: Rules) -> None:
    rule = rules.validation
    if rule is None or rule.arguments != "off":
        return
    for key in ("coerce", "formats"):
        if getattr(rule, key) and (key == "coerce" or rule.results == "off"):
            what = "has no effect: nothing is checked here"
            findings.warn((*path, "validation", key), what, "Remove it, or write 'arguments: enforce'.", at_key=True)
