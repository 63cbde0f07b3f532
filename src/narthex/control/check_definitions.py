"""Checks of `definitions`: it stands where definitions are chosen.

Knows: that one definition is for all callers. Refuses to know: pins.
"""

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.rules.rules import Rules


def check_definitions(findings: Findings, path: Path, rules: Rules) -> None:
    rule = rules.definitions
    if rule is None:
        return
    if path and path[0] == "tenants":
        what = "cannot differ between tenants: a server gives one definition for all of them"
        findings.problem((*path, "definitions"), what, "Write it for the gateway, an endpoint, a server or a tool.")
    if rule.changed == "quarantine" and rule.text == "announce":
        what = "shows changed texts although other changes are quarantined: most attacks are in texts"
        findings.warn((*path, "definitions", "text"), what, "Write 'hold', and the pinned text goes on being shown.")
    if rule.suspicious > rule.score:
        what = "is higher than 'score': what is done is announced in any case"
        findings.warn((*path, "definitions", "suspicious"), what, "Write a lower one, or leave it out.")
