"""Checks of what is done about servers that are slow or fail: numbers that cannot mean what somebody hopes.

Knows: the keys of `model/rules/resilience`. Refuses to know: which place wins.
"""

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.config import Config, ServerConfig
from narthex.model.rules.rules import Rules


def check_resilience(findings: Findings, path: Path, rules: Rules) -> None:
    _timeout(findings, path, rules)
    _hedge(findings, path, rules)
    if rules.breaker is not None and not isinstance(rules, ServerConfig | Config):
        what = "has no effect here: a server is left alone by everybody, or by nobody"
        findings.warn((*path, "breaker"), what, "Write it at a server, or at the gateway.", at_key=True)
    if rules.repeatable is False and rules.retries:
        what = "a call that is not repeatable is sent anew only where it never left"
        findings.warn((*path, "retries"), what, at_key=True)


def _timeout(findings: Findings, path: Path, rules: Rules) -> None:
    longest = findings.config.limits.call_seconds_absolute_max
    if rules.timeout_seconds is not None and rules.timeout_seconds > longest:
        what = f"no call lasts longer than {longest:g} seconds, whatever its server is allowed"
        findings.warn((*path, "timeout_seconds"), what, "Raise 'limits.call_seconds_absolute_max' too.")


def _hedge(findings: Findings, path: Path, rules: Rules) -> None:
    after = rules.hedge_after_seconds
    if after is None:
        return
    if rules.repeatable is False:
        what = "asks a second time what must not be called twice"
        findings.problem((*path, "hedge_after_seconds"), what, "Remove it, or 'repeatable: false'.", at_key=True)
    if rules.timeout_seconds is not None and after >= rules.timeout_seconds:
        what = "is never reached: 'timeout_seconds' ends the call before"
        findings.warn((*path, "hedge_after_seconds"), what, at_key=True)
