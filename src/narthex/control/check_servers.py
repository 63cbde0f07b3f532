"""Checks of the servers: one kind each, one name each, addresses and commands that can work.

Knows: what a server's keys mean together. Refuses to know: whether it is up.
"""

import re
import shutil
from pathlib import Path as FilePath

from narthex.control.address import AddressError, parse_url
from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.config import ServerConfig
from narthex.upstream.http import origin

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# The gateway computes these from the call; a second value could contradict the body (S-HDR-14).
_OURS = {
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "accept",
    "last-event-id",
    "upgrade",
    "te",
}
_FOR_COMMANDS = ("env", "inherit_env", "cwd", "args", "start", "idle_stop_seconds", "start_seconds", "resources")
_FOR_URLS = ("headers", "pass_headers", "credentials", "stateless")


def folded(name: str) -> str:
    """The form in which two names must differ: the URI scheme `gw+<name>` knows neither case nor underscores."""
    return name.lower().replace("_", "-")


def check_servers(findings: Findings) -> None:
    seen: dict[str, tuple[Path, str]] = {}
    for path, server in findings.servers():
        other = seen.setdefault(folded(server.name), (path, server.name))
        if other[0] != path:
            line = findings.document.nearest((*other[0], "name")).line
            same = (
                "is the name of two servers" if other[1] == server.name else f"is too much like the name '{other[1]}'"
            )
            remedy = f"The other is in line {line}. Names must differ in more than upper and lower case, '_' and '-'."
            findings.problem((*path, "name"), f"'{server.name}' {same}", remedy)
        _kind(findings, path, server)
        if server.upstream is not None:
            _remote(findings, path, server.upstream)
        _headers(findings, path, server)
        _tools(findings, path, server)
        if server.command is not None and server.enabled:
            _command(findings, path, server, server.command)


def _kind(findings: Findings, path: Path, server: ServerConfig) -> None:
    if server.upstream is not None and server.command is not None:
        remedy = "Keep 'upstream' for a remote server, 'command' for one to be started here."
        findings.problem(
            (*path, "command"), f"the server '{server.name}' has both 'upstream' and 'command'", remedy, at_key=True
        )
    elif server.upstream is None and server.command is None and not findings.touches_broken(path):
        remedy = "Add 'upstream: https://host/mcp', or 'command: [program, argument]' for one to be started here."
        findings.problem(path, f"the server '{server.name}' has neither 'upstream' nor 'command'", remedy)
    foreign, kind = (_FOR_COMMANDS, "a remote server") if server.upstream is not None else (_FOR_URLS, "a command")
    for key in foreign:
        has_value = key == "args" or bool(getattr(server, key))
        if findings.has((*path, key)) and has_value and (server.upstream is None) != (server.command is None):
            findings.warn((*path, key), f"has no effect: '{server.name}' is {kind}", "Remove it.", at_key=True)


def _remote(findings: Findings, path: Path, upstream: str) -> None:
    try:
        parts = parse_url(upstream)
    except AddressError as error:
        findings.problem((*path, "upstream"), f"{error}")
        return
    if "@" in parts.netloc:
        remedy = "Write 'headers: {Authorization: \"Basic ${CREDENTIALS}\"}' instead."
        findings.problem((*path, "upstream"), "user and password do not belong in a URL", remedy)
        return
    try:
        origin.parse(upstream)  # whoever speaks to it is the one who knows what it can speak to
    except ValueError as error:
        findings.problem((*path, "upstream"), f"{error}")


def _headers(findings: Findings, path: Path, server: ServerConfig) -> None:
    for name, value in server.headers.items():
        inner = (*path, "headers", name)
        if not _HEADER.fullmatch(name):
            findings.problem(inner, f"'{name}' cannot be the name of a header", "", at_key=True)
        elif name.lower() in _OURS or name.lower().startswith("mcp-"):
            findings.problem(inner, f"the header '{name}' is the gateway's own to send", "Remove it.", at_key=True)
        elif not value.isprintable() or not value.isascii():
            remedy = "If it comes from a file or a variable, look for a line break in it."
            findings.problem(
                inner, "the value holds a line break or another character that no header can carry", remedy
            )


def _tools(findings: Findings, path: Path, server: ServerConfig) -> None:
    """Which tools a server has is known at run time; here only what can never mean anything, or not both."""
    for key, patterns in (("tools", server.tools or ()), ("exclude", server.exclude)):
        for index, pattern in enumerate(patterns):
            inner = (*path, key, index)
            if not pattern:
                findings.problem(inner, "must be a tool's name, or a glob of names", "Like 'search_repos' or 'get_*'.")
            elif key == "exclude" and pattern in (server.tools or ()):
                findings.warn(inner, f"'{pattern}' stands under 'tools' too; it is not offered", "Remove one of both.")


def _command(findings: Findings, path: Path, server: ServerConfig, command: tuple[str, ...]) -> None:
    if any("\0" in word for word in command):
        findings.problem((*path, "command"), "holds a NUL character", "")
        return
    for name, value in server.env.items():
        if not name or "=" in name or "\0" in name + value:
            findings.problem(
                (*path, "env", name),
                "no environment can hold this variable",
                "A name has no '=', and neither part a NUL.",
                at_key=True,
            )
    if server.cwd is not None and not FilePath(server.cwd).is_dir():
        findings.warn(
            (*path, "cwd"), "this folder does not exist", "Relative paths begin beside the configuration file."
        )
    where = server.env.get("PATH", findings.environ.get("PATH"))
    program = FilePath(server.cwd or ".") / command[0] if "/" in command[0] else command[0]
    if shutil.which(program, path=where) is None:
        where_searched = "" if "/" in command[0] else " on the PATH"
        findings.warn(
            (*path, "command"),
            f"the program '{command[0]}' is not found{where_searched}",
            "Install it, or give its full path.",
        )
