"""Checks of the servers: one kind each, one name each, addresses and commands that can work.

Knows: what a server's keys mean together. Refuses to know: whether it is up.
"""

import json
import re
import shlex
import shutil
from pathlib import Path as FilePath

from narthex.control.address import AddressError, parse_url
from narthex.control.check import Findings
from narthex.control.check_http import check_http
from narthex.control.check_python import check_python
from narthex.control.check_sql import check_sql
from narthex.control.problem import Path
from narthex.model.config import KINDS, ServerConfig
from narthex.upstream.http import origin
from narthex.upstream.kinds import MAKERS
from narthex.upstream.seats import places_of

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./-][A-Za-z0-9_./@=+-]*")
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
# key -> the kinds of server for which it means something. What is not here means something for all.
_MEANT_FOR: dict[str, tuple[str, ...]] = {
    "env": ("command", "own"),
    "inherit_env": ("command", "own"),
    "cwd": ("command", "own", "python"),
    "args": ("command",),
    "start": ("command", "own"),
    "idle_stop_seconds": ("command", "own"),
    "start_seconds": ("command", "own", *MAKERS),
    "resources": ("command", "own"),
    "headers": ("upstream", "openapi", "http"),
    "pass_headers": ("upstream", "openapi", "http"),
    "credentials": ("upstream", "openapi", "http"),
    "base_url": ("openapi",),
    "operations": ("openapi",),
    "answers": ("openapi",),
    "requests": ("http",),
    "queries": ("sql",),
    "database": ("sql",),
    "process": ("python", "own"),
    "reload": ("python",),
    "settings": ("python", "own"),
    "secrets": ("python", "own"),
}
_CALLED = {
    "upstream": "a remote server",
    "command": "a command",
    "own": "a library in a process of its own",
    "python": "a Python library",
    "openapi": "an HTTP API with a document",
    "http": "an HTTP API",
    "sql": "a database",
}
_REMEDY = (
    "Add 'upstream: https://host/mcp', 'command: [program, argument]' for one to be started here, 'python: tools.py', "
    "'openapi: document.yaml', 'http: https://host' or 'sql: sqlite:///file'."
)


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
        if server.python is not None:
            check_python(findings, path, server)
        if server.sql is not None:
            check_sql(findings, path, server)
        check_http(findings, path, server)
        if server.upstream is not None:
            _remote(findings, path, server.upstream)
        _headers(findings, path, server)
        _tools(findings, path, server)
        if server.command is not None and server.enabled:
            _command(findings, path, server, server.command)
            _processes(findings, path, server)


def _kind(findings: Findings, path: Path, server: ServerConfig) -> None:
    kinds = [kind for kind in KINDS if getattr(server, kind) is not None]
    if len(kinds) > 1:
        what = f"the server '{server.name}' has both '{kinds[0]}' and '{kinds[1]}'"
        remedy = "Keep the one that says what it is: " + ", ".join(f"'{kind}' for {_called(kind)}" for kind in kinds)
        findings.problem((*path, kinds[1]), what, f"{remedy}.", at_key=True)
        return
    if not kinds:
        if not findings.touches_broken(path):
            findings.problem(path, f"the server '{server.name}' does not say what it is", _REMEDY)
        return
    kind = "own" if server.python is not None and server.process == "own" else kinds[0]
    for key, meant in _MEANT_FOR.items():
        has_value = key == "args" or bool(getattr(server, key))
        if kind not in meant and has_value and findings.has((*path, key)):
            what = f"has no effect: '{server.name}' is {_called(kind)}"
            findings.warn((*path, key), what, "Remove it.", at_key=True)


def _called(kind: str) -> str:
    return _CALLED.get(kind, f"a server made of its '{kind}'")


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


def _processes(findings: Findings, path: Path, server: ServerConfig) -> None:
    """What it costs that callers are told apart; whoever has written `stateless` has thought about it."""
    if findings.config.authentication is None or server.stateless or findings.has((*path, "stateless")):
        return
    places = places_of(findings.config.limits)
    remedy = (
        "Raise 'limits.processes_per_server_max' where more are at work. If it keeps nothing between calls, write "
        "'stateless: true', and one process serves all; 'stateless: false' ends this warning."
    )
    at_once = f"{places} at once" if places > 0 else "and the limits leave none"
    what = f"unless it speaks 2026-07-28, each caller gets a process of their own of '{server.name}', {at_once}"
    findings.warn((*path, "command"), what, remedy, at_key=True)


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
        remedy = "Install it, or give its full path."
        if len(command) == 1 and len(words := _words(command[0])) > 1:
            remedy = f"Its arguments are words of their own: [{', '.join(words)}]."
        findings.warn((*path, "command"), f"the program '{command[0]}' is not found{where_searched}", remedy)


def _words(text: str) -> list[str]:
    """The words a shell would make of it, as they are written into a list."""
    try:
        words = shlex.split(text)
    except ValueError:  # a quote is open
        words = text.split()
    return [word if _PLAIN_WORD.fullmatch(word) else json.dumps(word, ensure_ascii=False) for word in words]
