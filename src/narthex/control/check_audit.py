"""Checks of `audit`: sinks that can be sent to, and choices that say something.

Knows: what two keys mean together. Refuses to know: whether a folder or a receiver is there; that is found out when
the log is opened, or written to.
"""

from narthex.control.check import Findings
from narthex.model.audit_config import AuditConfig, names_twice, wrong_with
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.rules.redaction import Redaction
from narthex.model.rules.rules import Rules


def check_audit(findings: Findings) -> None:
    audit = findings.config.audit
    twice = names_twice(audit.sinks)
    for index, sink in enumerate(audit.sinks):
        path = ("audit", "sinks", index)
        wrong = wrong_with(sink)
        if wrong is not None:
            findings.problem(path, wrong, "See docs/audit.md, Sinks.")
        if sink.called in twice:
            findings.problem(path, f"there are two sinks called '{sink.called}'", "Give each a 'name'.")
    _choices(findings, audit)


def _choices(findings: Findings, audit: AuditConfig) -> None:
    if not audit.enabled and audit != AuditConfig(enabled=False):
        findings.warn(("audit",), "has no effect beside 'enabled: false'", "Remove one of the two.", at_key=True)
    if audit.keep_bytes is not None and audit.keep_bytes < 2 * audit.segment_bytes:
        what = "is less than two files of the log: no more than the one that is written would be kept"
        findings.warn(("audit", "keep_bytes"), what, "Raise it, or lower 'segment_bytes'.")
    if audit.arguments == "redacted" and not any(_redacts(rules) for rules in _all_rules(findings.config)):
        what = "writes digests alone: no 'redaction' looks at arguments, and none are written in clear"
        findings.warn(("audit", "arguments"), what, "Add 'redaction', or write 'arguments: digest'.")


def _all_rules(config: Config) -> list[Rules]:
    places: list[ServerConfig | EndpointConfig] = [*config.servers, *config.endpoints.values()]
    inner = [one for place in places for one in place.rules.values()]
    return [config, *config.tenants.values(), *config.servers, *config.endpoints.values(), *inner]


def _redacts(rules: Rules) -> bool:
    found = rules.redaction
    several = () if found is None else (found,) if isinstance(found, Redaction) else found
    return any(one.direction != "results" for one in several)
