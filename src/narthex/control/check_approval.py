"""Checks of `approval` and `approvals`: nothing in them is without effect, and who is told is an address.

Knows: which of their keys need another one. Refuses to know: who is asked, and how.
"""

from urllib.parse import urlsplit

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.rules.rules import Rules


def check_approval(findings: Findings, path: Path, rules: Rules) -> None:
    rule = rules.approval
    if rule is None:
        return
    if rule.by == "nobody" and rule.reason is not None:
        what = "has no effect: nobody is asked here"
        findings.warn((*path, "approval", "reason"), what, "Remove it, or write 'by: caller'.", at_key=True)
    if rule.by == "operator" and rule.wait_seconds >= rule.expires_seconds:
        what = "is never used up: the request expires before"
        findings.warn((*path, "approval", "wait_seconds"), what, "Write less, or more 'expires_seconds'.")


def check_approvals(findings: Findings) -> None:
    found = findings.config.approvals
    if found is None or found.webhook is None:
        return
    try:
        parts = urlsplit(found.webhook.url)
        readable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        readable = False
    if not readable:
        what = "must be an address that begins with http:// or https://"
        findings.problem(("approvals", "webhook", "url"), what, "Like 'https://hooks.example.com/approvals'.")
