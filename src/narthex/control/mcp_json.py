"""The configuration file of an MCP client, as it is, to a document of ours.

Knows: how Claude Desktop, Claude Code, Cursor, VS Code, Windsurf, Gemini CLI, Cline and Codex write down a server.
Refuses to know: whether the result makes sense; it goes through the same checks as a file of ours, and every problem
is shown where it stands in the client's file.
"""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

from narthex.control.address import is_loopback, parse_listen, parse_url
from narthex.control.document import Document
from narthex.control.problem import Path

# Where each client keeps its map of servers.
_HOMES: tuple[Path, ...] = (("mcpServers",), ("mcp_servers",), ("mcp", "servers"), ("servers",))
_URLS = ("url", "httpUrl", "serverUrl")
_REMOTE_TYPES = {
    "http",
    "https",
    "sse",
    "streamable-http",
    "streamableHttp",
    "streamable_http",
    "http-stream",
    "remote",
}
_LOCAL_TYPES = {"stdio", "local"}
_OUR_KINDS = {"python", "openapi", "http", "sql"}  # no client writes these at a server
_NAME_CHARS_MAX = 32  # as in model.config.ServerName


def servers_path(tree: Any) -> Path | None:
    """Where the servers stand in a client's file, or would stand; None for a file of ours."""
    for home in _HOMES if isinstance(tree, dict) else ():
        value = tree
        for part in home:
            value = value.get(part) if isinstance(value, dict) else None
        # In a file of ours `servers` is a list, and `upstream` a key of each.
        is_theirs = home != ("servers",) or (tree.keys() <= {"servers", "inputs"} and not _any_is_ours(value))
        if is_theirs and isinstance(value, dict) and all(_could_be_entry(entry) for entry in value.values()):
            return home
    return ("mcpServers",) if _of_projects(tree) else None


def is_off(entry: Any) -> bool:
    """A server its owner has switched off; nothing in it needs to be filled in."""
    return isinstance(entry, dict) and (entry.get("disabled") is True or entry.get("enabled") is False)


def translate(document: Document, home: Path, own_listen: str) -> Document:
    """Our document for the client's. `own_listen`: entries that lead back to this gateway are left out."""
    ours = Document(document.file, tree={"servers": []}, notes=list(document.notes))
    ours.values[()] = document.nearest(())
    ours.values["servers",] = document.nearest(home)
    ours.origin["servers",] = home
    taken: set[str] = set()
    servers: Any = document.tree
    for part in home:
        servers = servers.get(part, {})  # Claude Code may know servers of projects alone
    for name, entry in servers.items():
        path = (*home, name)
        if not isinstance(entry, dict):
            ours.notes.append(document.problem(path, "is no server (not a mapping); passed over"))
            continue
        if _leads_back(entry, own_listen):
            ours.notes.append(document.problem(path, "is this gateway itself; left out", at_key=True))
            continue
        place: Path = ("servers", len(ours.tree["servers"]))
        ours.tree["servers"].append({})
        ours.origin[place] = path
        ours.values[place] = document.keys.get(path) or document.nearest(path)
        _Entry(document, ours, path, place, entry).translate(sane_name(str(name), taken), str(name))
    for project, count in _of_projects(document.tree).items():
        what = f"{count} server{'s' if count > 1 else ''} of this project alone; passed over"
        remedy = "Add them with 'claude mcp add --scope user', or to a file of ours."
        ours.notes.append(document.problem(("projects", project, "mcpServers"), what, remedy, at_key=True))
    return ours


def sane_name(name: str, taken: set[str]) -> str:
    """`name` in our grammar, always the same for the same file. `taken` holds the folded names so far."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", ascii_name).strip("-_")[:_NAME_CHARS_MAX].rstrip("-_") or "server"
    candidate, number = base, 1
    while candidate.lower().replace("_", "-") in taken:
        number += 1
        candidate = f"{base[: _NAME_CHARS_MAX - len(str(number)) - 1]}-{number}"
    taken.add(candidate.lower().replace("_", "-"))
    return candidate


class _Entry:
    """One server of the client's file on its way to ours."""

    def __init__(self, theirs: Document, ours: Document, path: Path, place: Path, entry: dict[str, Any]) -> None:
        self.theirs, self.ours, self.path, self.place, self.entry = theirs, ours, path, place, entry
        self.server: dict[str, Any] = ours.tree["servers"][place[-1]]

    def translate(self, name: str, written: str) -> None:
        self.server["name"] = name
        if name != written:
            self.note((), f"is called '{name}' here", at_key=True)
        handlers: dict[str, Callable[[str, Any], None]] = {
            **dict.fromkeys(_URLS, self.url),
            "command": self.same,
            "args": self.same,
            "env": self.same,
            "cwd": self.same,
            "description": self.same,
            "type": self.kind,
            "transport": self.kind,
            "transportType": self.kind,
            "headers": self.headers,
            "http_headers": self.headers,
            "env_http_headers": self.env_headers,
            "bearer_token_env_var": self.bearer,
            "envFile": self.env_file,
            "env_vars": self.env_vars,
            "disabled": self.disabled,
            "enabled": self.same,
            "includeTools": self.tools,
            "enabled_tools": self.tools,
            "excludeTools": self.hidden,
            "disabled_tools": self.hidden,
            "disabledTools": self.hidden,
            "tool_timeout_sec": self.call_seconds,
            "startup_timeout_sec": self.start_seconds,
            "timeout": self.timeout,
        }
        for key, value in self.entry.items():
            handler = handlers.get(key)
            if handler is None:
                self.note((key,), "is for the client alone; passed over", at_key=True)
            elif value is not None:
                handler(key, value)

    def same(self, key: str, value: Any) -> None:
        self.put((key,), (key,), value)

    def url(self, key: str, value: Any) -> None:
        if "upstream" in self.server:
            self.note((key,), "is a second address; the first is used", at_key=True)
        else:
            self.put(("upstream",), (key,), value)

    def kind(self, key: str, value: Any) -> None:
        if not isinstance(value, str) or value not in _REMOTE_TYPES | _LOCAL_TYPES:
            self.note((key,), "is a transport that is not known here; found out instead")

    def headers(self, key: str, value: Any) -> None:
        if not isinstance(value, dict):
            self.put(("headers",), (key,), value)
            return
        self.server.setdefault("headers", {})
        for header, content in value.items():
            self.put(("headers", str(header)), (key, header), content)

    def env_headers(self, key: str, value: Any) -> None:
        for header, variable in value.items() if isinstance(value, dict) else ():
            self.put(("headers", header), (key, header), f"${{{variable}}}")

    def bearer(self, key: str, value: Any) -> None:
        self.put(("headers", "Authorization"), (key,), f"Bearer ${{{value}}}")

    def env_file(self, key: str, value: Any) -> None:
        self.put(("x-env-file",), (key,), value)  # `load` reads it; no key of the published schema

    def env_vars(self, key: str, value: Any) -> None:
        names = (
            [item.get("name") if isinstance(item, dict) else item for item in value]
            if isinstance(value, list)
            else value
        )
        self.put(("inherit_env",), (key,), names)

    def disabled(self, key: str, value: Any) -> None:
        if isinstance(value, bool):
            self.put(("enabled",), (key,), not value)

    def tools(self, key: str, value: Any) -> None:
        self.put(("tools",), (key,), value)

    def hidden(self, key: str, value: Any) -> None:
        if "exclude" not in self.server:
            self.put(("exclude",), (key,), value)
        elif value != self.server["exclude"]:  # choosing one would show what the other wants hidden
            what = "is a second list of the same kind, and not the same"
            remedy = "Write all of it into one of the two."
            self.ours.unready.append(self.theirs.problem((*self.path, key), what, remedy, at_key=True))

    def call_seconds(self, key: str, value: Any) -> None:
        self.put(("timeout_seconds",), (key,), value)

    def start_seconds(self, key: str, value: Any) -> None:
        self.put(("start_seconds",), (key,), value)

    def timeout(self, key: str, value: Any) -> None:
        # Gemini CLI counts milliseconds, Cline seconds, others differ: only the first can be told by its folder.
        if FilePath(self.theirs.file).absolute().parent.name == ".gemini" and isinstance(value, (int, float)):
            self.put(("timeout_seconds",), (key,), value / 1000)
        else:
            self.note((key,), "has a unit that differs from client to client; passed over", at_key=True)

    def put(self, target: Path, source: Path, value: Any) -> None:
        """Set `target` of our server to `value`, which stands at `source` of the client's entry."""
        into: Any = self.server
        for part in target[:-1]:
            into = into.setdefault(str(part), {})
            if not isinstance(into, dict):
                return  # what stands there already is refused by the schema
        into[str(target[-1])] = value
        self.ours.origin[self.place + target] = self.path + source
        self.copy_marks(self.place + target, self.path + source, value)

    def copy_marks(self, target: Path, source: Path, value: Any) -> None:
        for table_theirs, table_ours in (
            (self.theirs.values, self.ours.values),
            (self.theirs.keys, self.ours.keys),
        ):
            if source in table_theirs:
                table_ours[target] = table_theirs[source]
        for texts_theirs, texts_ours in ((self.theirs.raw, self.ours.raw), (self.theirs.written, self.ours.written)):
            if source in texts_theirs:
                texts_ours[target] = texts_theirs[source]
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in inner:
            self.copy_marks((*target, key), (*source, key), item)

    def note(self, path: Path, what: str, *, at_key: bool = False) -> None:
        self.ours.notes.append(self.theirs.problem(self.path + path, what, at_key=at_key))


def _of_projects(tree: Any) -> dict[str, int]:
    """How many servers each project of `~/.claude.json` has: `claude mcp add` writes them there by default."""
    projects = tree.get("projects") if isinstance(tree, dict) else None
    found = {}
    for name, project in projects.items() if isinstance(projects, dict) else ():
        servers = project.get("mcpServers") if isinstance(project, dict) else None
        if isinstance(servers, dict) and servers:
            found[str(name)] = len(servers)
    return found


def _could_be_entry(entry: Any) -> bool:
    return not isinstance(entry, dict) or "upstream" not in entry


def _any_is_ours(entries: Any) -> bool:
    """Whether a file of ours has been written with names for keys: it is to hear that ours is a list."""
    values = entries.values() if isinstance(entries, dict) else ()
    return any(not _OUR_KINDS.isdisjoint(entry) for entry in values if isinstance(entry, dict))


def _leads_back(entry: dict[str, Any], own_listen: str) -> bool:
    command = entry.get("command")
    program = command[0] if isinstance(command, list) and command else command
    if isinstance(program, str) and FilePath(program.replace("\\", "/")).name.lower() in ("narthex", "narthex.exe"):
        return True
    url = next((entry[key] for key in _URLS if isinstance(entry.get(key), str)), None)
    if url is None:
        return False
    try:
        own, there = parse_listen(own_listen), parse_url(url)
    except ValueError:
        return False
    same_host = there.hostname == own.host or (own.loopback and is_loopback(there.hostname or ""))
    return same_host and (there.port or 80) == own.port and there.path.startswith("/mcp")
