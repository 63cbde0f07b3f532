"""Checks of what is laid down about calls, at whatever place it stands.

Knows: the five places of rules. Refuses to know: what a rule says (each concern has a file of its own).
"""

from collections.abc import Callable, Iterator

from narthex.control.check import Findings
from narthex.control.check_approval import check_approval
from narthex.control.check_definitions import check_definitions
from narthex.control.check_rates import check_rates
from narthex.control.check_redaction import check_redaction
from narthex.control.check_resilience import check_resilience
from narthex.control.check_results import check_results
from narthex.control.check_validation import check_validation
from narthex.control.problem import Path
from narthex.model.rules.rules import Rules

Concern = Callable[[Findings, Path, Rules], None]

CONCERNS: tuple[Concern, ...] = (
    check_rates,
    check_validation,
    check_redaction,
    check_approval,
    check_definitions,
    check_results,
    check_resilience,
)


def check_rules(findings: Findings) -> None:
    for path, rules in places(findings):
        for concern in CONCERNS:
            concern(findings, path, rules)
    if findings.config.tenants and findings.config.authentication is None:
        findings.warn(
            ("tenants",),
            "has no effect: without authentication nobody belongs to a tenant",
            "Add 'authentication'.",
            at_key=True,
        )


def places(findings: Findings) -> Iterator[tuple[Path, Rules]]:
    """Every place where rules may stand, with what stands there."""
    config = findings.config
    yield (), config
    for name, rules in config.tenants.items():
        yield ("tenants", name), rules
    for path, server in findings.servers():
        yield path, server
        for pattern, rules in server.rules.items():
            yield (*path, "rules", pattern), rules
    for name, endpoint in config.endpoints.items():
        yield ("endpoints", name), endpoint
        for pattern, rules in endpoint.rules.items():
            yield ("endpoints", name, "rules", pattern), rules
