"""Checks of what callers need: somebody must be able to have it, and every line must protect something.

Knows: where the configuration speaks of scopes. Refuses to know: which tools a server has; a pattern that meets none is
said at run time.
"""

from narthex.control.check import Findings
from narthex.control.check_endpoints import check_pattern
from narthex.control.problem import Path
from narthex.model.config import ServerConfig
from narthex.policy.cedar import NotInstalled
from narthex.relay.rules import rules_of

_KEYS = ("required_scopes", "scopes", "scopes_by_annotation", "declared_scopes")


def check_scopes(findings: Findings) -> None:
    _policies(findings)
    names = [server.name for server in findings.config.servers]
    for path, server in findings.servers():
        _server(findings, path, server)
    for name, endpoint in findings.config.endpoints.items():
        path = ("endpoints", name)
        _somebody_can(findings, path, ("required_scopes", "scopes"))
        for pattern in endpoint.scopes:
            check_pattern(findings, (*path, "scopes", pattern), pattern, names, endpoint, at_key=True)


def _policies(findings: Findings) -> None:
    try:
        rules_of(findings.config)
    except NotInstalled as fault:
        what = "rules are written in Cedar, which is not installed"
        findings.problem(("authentication", "policies"), what, f"Install it: {fault}.")
    except ValueError as fault:
        findings.problem(("authentication", "policies"), f"{fault}", "Relative paths begin beside this file.")


def _server(findings: Findings, path: Path, server: ServerConfig) -> None:
    _somebody_can(findings, path, _KEYS)
    for pattern in server.scopes:
        inner = (*path, "scopes", pattern)
        if not pattern:
            findings.problem(
                inner, "must be a tool's name, or a glob of names", "Like 'create_issue' or 'create_*'.", at_key=True
            )
        elif pattern in server.exclude:
            findings.warn(inner, f"'{pattern}' stands under 'exclude' too; it is not offered", "Remove one of both.")
    if server.scopes_by_annotation is not None and not server.trusted:
        findings.problem(
            (*path, "scopes_by_annotation"),
            f"'{server.name}' is not trusted, so what it says of its tools decides nothing",
            "Add 'trusted: true' if you believe it, or name the tools under 'scopes'.",
            at_key=True,
        )
    if server.concealed and not server.required_scopes:
        remedy = "Add 'required_scopes': whoever lacks them is not told of the server."
        findings.warn((*path, "concealed"), "has no effect without 'required_scopes'", remedy, at_key=True)


def _somebody_can(findings: Findings, path: Path, keys: tuple[str, ...]) -> None:
    """Without authentication nobody has any scope: what requires one would be shut for everybody."""
    if findings.config.authentication is not None:
        return
    for key in keys:
        if findings.has((*path, key)):
            remedy = "Add 'authentication', or remove it."
            findings.not_ready((*path, key), "without 'authentication' nobody has any scope", remedy)
