"""Checks of the endpoints: the servers they speak of exist, and no two tools get one name.

Knows: names and patterns as written. Refuses to know: which tools a server really has; a pattern that matches
nothing is said at run time.
"""

import re

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.control.validate import suggest
from narthex.limits import tool_name_chars_max
from narthex.model.config import EndpointConfig

_TOOL_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{tool_name_chars_max}}}")
_GLOB = re.compile(r"[*?\[]")


def check_endpoints(findings: Findings) -> None:
    names = [server.name for server in findings.config.servers]
    for name, endpoint in findings.config.endpoints.items():
        path: Path = ("endpoints", name)
        for index, server in enumerate(endpoint.servers or ()):
            _server(findings, (*path, "servers", index), server, names)
        for key, patterns in (("include", endpoint.include or ()), ("exclude", endpoint.exclude)):
            for index, pattern in enumerate(patterns):
                check_pattern(findings, (*path, key, index), pattern, names, endpoint)
        _changes(findings, path, endpoint, names)


def _server(findings: Findings, path: Path, name: str, names: list[str], *, at_key: bool = False) -> None:
    # A server the schema refused may be the very one that is meant: judge again when it is mended.
    if name not in names and not findings.touches_broken(("servers",)):
        findings.problem(path, f"there is no server '{name}'", suggest(name, names), at_key=at_key)


def is_uri(pattern: str) -> bool:
    """Whether what stands before the first slash is the scheme of a URI, and no server's name."""
    return ":" in pattern.partition("/")[0]


def check_pattern(
    findings: Findings,
    path: Path,
    pattern: str,
    names: list[str],
    endpoint: EndpointConfig,
    *,
    kind: str = "tool",
    at_key: bool = False,
) -> None:
    """A pattern in the forms of `include`: `server/tool`, a tool's name, or a glob of either."""
    server, slash, thing = pattern.partition("/")
    if not pattern or (slash and not (server and thing)):
        what = f"must be 'server/{kind}', a {kind}'s name, or a glob of either"
        findings.problem(path, what, "Like 'crm/search_*' or 'get_*'.", at_key=at_key)
        return
    if not slash or _GLOB.search(server):
        return
    # An `exclude` with a misspelt server would exclude nothing, in silence.
    _server(findings, path, server, names, at_key=at_key)
    if server in names and endpoint.servers is not None and server not in endpoint.servers:
        findings.warn(
            path,
            f"has no effect: '{server}' is not among the servers of this endpoint",
            "Add it to 'servers'.",
            at_key=at_key,
        )


def _changes(findings: Findings, path: Path, endpoint: EndpointConfig, names: list[str]) -> None:
    shown: dict[str, str] = {}
    for tool, change in endpoint.tools.items():
        inner = (*path, "tools", tool)
        server, slash, name = tool.partition("/")
        if not slash or not server or not name:
            findings.problem(
                inner, f"'{tool}' must be written as 'server/tool'", "Like 'crm/search_contacts'.", at_key=True
            )
            continue
        _server(findings, inner, server, names, at_key=True)
        if change.name is None:
            continue
        if not _TOOL_NAME.fullmatch(change.name):
            rule = f"A tool's name has 1 to {tool_name_chars_max} letters, digits, '_' and '-'."
            findings.problem((*inner, "name"), f"'{change.name}' cannot be the name of a tool", rule)
        other = shown.setdefault(change.name, tool)
        if other != tool:
            findings.problem(
                (*inner, "name"), f"'{change.name}' is already the name of '{other}'", "Give one of them another name."
            )
