"""Checks of `result` and `cache`: nothing in them is without effect.

Knows: which keys need another one. Refuses to know: how a result is cut, and where an answer is kept.
"""

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.rules.rules import Rules


def check_results(findings: Findings, path: Path, rules: Rules) -> None:
    _result(findings, path, rules)
    _cache(findings, path, rules)


def _result(findings: Findings, path: Path, rules: Rules) -> None:
    rule = rules.result
    if rule is None:
        return
    if not rule.most:
        findings.problem((*path, "result"), "has no bound", "Add 'bytes_max' or 'tokens_max'.")
        return
    most = findings.config.limits.result_bytes_max
    if rule.most > most:
        findings.warn(
            (*path, "result"),
            f"has no effect: no result has more than {most} bytes",
            "Lower it, or raise 'limits.result_bytes_max'.",
        )
    if rule.keep_seconds != type(rule)().keep_seconds and rule.when_larger != "offload":
        findings.warn(
            (*path, "result", "keep_seconds"),
            "has no effect: nothing is put aside here",
            "Remove it, or write 'when_larger: offload'.",
            at_key=True,
        )


def _cache(findings: Findings, path: Path, rules: Rules) -> None:
    rule = rules.cache
    if rule is None or not rule.public or not path or path[0] != "tenants":
        return
    findings.warn(
        (*path, "cache", "public"),
        "shares answers with the callers of other tenants who have such a rule",
        "Write it only of what is the same for everybody.",
        at_key=True,
    )
