"""Checks of what callers need: somebody must be able to have it, and every line must protect something.

Knows: where the configuration speaks of scopes. Refuses to know: which tools a server has; a pattern that meets none is
said at run time.
"""

from narthex.catalog.globs import is_lost
from narthex.control.check import Findings
from narthex.control.check_endpoints import check_pattern, is_uri
from narthex.control.problem import Path
from narthex.model.config import ServerConfig
from narthex.policy.cedar import NotInstalled
from narthex.relay.rules import rules_of

_SINGLE = ("scopes", "prompt_scopes", "resource_scopes")
_KEYS = ("required_scopes", *_SINGLE, "scopes_by_annotation", "declared_scopes", "challenge_scopes")


def check_scopes(findings: Findings) -> None:
    _policies(findings)
    names = [server.name for server in findings.config.servers]
    for path, server in findings.servers():
        _server(findings, path, server)
    for name, endpoint in findings.config.endpoints.items():
        path = ("endpoints", name)
        _somebody_can(findings, path, ("required_scopes", *_SINGLE))
        for key, kind in (("scopes", "tool"), ("prompt_scopes", "prompt")):
            for pattern in getattr(endpoint, key):
                check_pattern(findings, (*path, key, pattern), pattern, names, endpoint, kind=kind, at_key=True)
        for pattern in endpoint.resource_scopes:
            inner = (*path, "resource_scopes", pattern)
            _resource(findings, inner, pattern)
            if not is_uri(pattern):
                check_pattern(findings, inner, pattern, names, endpoint, kind="resource", at_key=True)


def _policies(findings: Findings) -> None:
    try:
        rules_of(findings.config)
    except NotInstalled as fault:
        what = "rules are written in Cedar, which is not installed"
        findings.problem(("authentication", "policies"), what, f"Install it: {fault}.")
    except ValueError as fault:
        findings.problem(("authentication", "policies"), f"{fault}", "Relative paths begin beside this file.")


def _server(findings: Findings, path: Path, server: ServerConfig) -> None:
    # To ignore what a library declares opens it for those who can have no scope.
    ignored = server.declared_scopes == "ignore"
    _somebody_can(findings, path, tuple(key for key in _KEYS if not (ignored and key == "declared_scopes")))
    for pattern in server.scopes:
        inner = (*path, "scopes", pattern)
        if not pattern:
            findings.problem(
                inner, "must be a tool's name, or a glob of names", "Like 'create_issue' or 'create_*'.", at_key=True
            )
        elif pattern in server.exclude:
            findings.warn(inner, f"'{pattern}' stands under 'exclude' too; it is not offered", "Remove one of both.")
    for pattern in server.prompt_scopes:
        if not pattern:
            what, remedy = "must be a prompt's name, or a glob of names", "Like 'report' or 'report_*'."
            findings.problem((*path, "prompt_scopes", pattern), what, remedy, at_key=True)
    for pattern in server.resource_scopes:
        _resource(findings, (*path, "resource_scopes", pattern), pattern)
    _challenges(findings, path, server)
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


def _resource(findings: Findings, path: Path, pattern: str) -> None:
    if not pattern:
        findings.problem(path, "must be a URI, or a glob of URIs", "Like 'file:///srv/plans/*'.", at_key=True)
    elif "{" in pattern or "}" in pattern:
        # A template's text would protect the template, and what it stands for only by chance.
        what = "must name URIs, and not a template of them"
        findings.problem(path, what, "Write a glob of what the template stands for, like 'note://*'.", at_key=True)
    elif is_lost(pattern):
        what = "has '.' or '..' behind a sign of a glob, so it would meet no URI in its usual form"
        findings.problem(path, what, "Write where it leads, like 'file:///srv/*/plans/*'.", at_key=True)


def _challenges(findings: Findings, path: Path, server: ServerConfig) -> None:
    inner = (*path, "challenge_scopes")
    if server.challenge_scopes and server.upstream is None:
        what, remedy = "only a server under a URL can refuse a call with HTTP 403", "Write 'scopes' instead."
        findings.problem(inner, what, remedy, at_key=True)
    for word, scopes in server.challenge_scopes.items():
        if not scopes:
            findings.warn((*inner, word), "requires nothing of callers", "Name the scopes, or remove it.", at_key=True)


def _somebody_can(findings: Findings, path: Path, keys: tuple[str, ...]) -> None:
    """Without authentication nobody has any scope: what requires one would be shut for everybody."""
    if findings.config.authentication is not None:
        return
    for key in keys:
        if findings.has((*path, key)):
            remedy = "Add 'authentication', or remove it."
            findings.not_ready((*path, key), "without 'authentication' nobody has any scope", remedy)
