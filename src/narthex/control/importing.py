"""The configuration file of an MCP client to a file of ours, as text.

Knows: how a translated document is written down, and which values become `${NAME}` on the way. Refuses to know:
where the text goes. Nothing is filled in: a placeholder of theirs becomes a placeholder of ours.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import yaml  # type: ignore[import-untyped]

from narthex.control.coerce import coerce
from narthex.control.document import Document
from narthex.control.dotenv import parse_dotenv
from narthex.control.load import substitution_for
from narthex.control.mcp_json import servers_path, translate
from narthex.control.problem import ConfigError, Problem
from narthex.control.read import read
from narthex.control.substitute import Missing, Substitution
from narthex.model.config import Config
from narthex.telemetry.secrets import holds_credentials, looks_secret

_FORM = re.compile(r"\$\{([^{}]+)\}")
_SCHEMES = re.compile(r"(?:Bearer|Basic|Token|ApiKey) ", re.IGNORECASE)
_ORDER = (
    "name",
    "description",
    "upstream",
    "command",
    "args",
    "env",
    "inherit_env",
    "cwd",
    "headers",
    "tools",
    "exclude",
)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Lists stand below their key with an indent, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: FBT001 - theirs
        return super().increase_indent(flow, False)


@dataclass(slots=True)
class Imported:
    """Our text, the variables that must be set before it can be used (name -> where the value stood), and notes."""

    text: str
    variables: dict[str, str] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)


def import_client_file(path: Path, environ: Mapping[str, str], *, keep_values: bool) -> Imported:
    """`path` as a file of ours; ConfigError when it is no client's file."""
    document = read(path)
    home = servers_path(document.tree)
    if home is None:
        remedy = "Such a file has a key 'mcpServers' (VS Code: 'servers', Codex: 'mcp_servers')."
        raise ConfigError([Problem(str(path), 0, 0, "", "this is not the file of an MCP client", remedy)])
    substitution = substitution_for(path, environ, document)
    ours = translate(document, home, Config().listen)
    coerce(ours, set())
    notes = [*ours.notes, *ours.unready]
    placeholders = _Placeholders(ours, keep_values=keep_values)
    servers = []
    for index, server in enumerate(ours.tree["servers"]):
        _merge_env_file(ours, index, server, substitution, notes)
        plain = _map_strings(server, lambda text: _our_form(text, substitution))
        servers.append(placeholders.apply(index, plain))
    return Imported(_render(path, servers), placeholders.variables, notes)


class _Placeholders:
    def __init__(self, document: Document, *, keep_values: bool) -> None:
        self.document, self.keep_values = document, keep_values
        self.variables: dict[str, str] = {}
        self._values: dict[str, str] = {}

    def apply(self, index: int, server: dict[str, Any]) -> dict[str, Any]:
        if self.keep_values:
            return server
        where = self.document.spelled(("servers", index))
        prefix = re.sub(r"[^A-Z0-9]", "_", str(server.get("name", "")).upper())
        for key, value in _texts(server.get("env")):
            if looks_secret(key) or holds_credentials(value):
                server["env"][key] = self.take(key, f"{prefix}_{key}", value, f"{where}.env.{key}")
        for key, value in _texts(server.get("headers")):
            if looks_secret(key):
                scheme = _SCHEMES.match(value)
                start = scheme.end() if scheme else 0
                name = f"{prefix}_{'TOKEN' if scheme else _variable(key)}"
                server["headers"][key] = value[:start] + self.take(name, name, value[start:], f"{where}.headers.{key}")
        if isinstance(server.get("upstream"), str):
            server["upstream"] = self.address(prefix, server["upstream"], where)
        if isinstance(server.get("args"), list):
            server["args"] = list(self.arguments(prefix, server["args"], where))
        return server

    def take(self, name: str, other_name: str, value: str, where: str) -> str:
        """`${name}`, or `${other_name}` where the first already stands for another value."""
        if not value or "${" in value:
            return value
        if self._values.setdefault(name, value) != value:
            name = other_name
            self._values[name] = value
        self.variables.setdefault(name, where)
        return f"${{{name}}}"

    def address(self, prefix: str, url: str, where: str) -> str:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        if not any(looks_secret(key) and "${" not in value for key, value in pairs):
            return url
        taken = []
        for key, value in pairs:
            name = f"{prefix}_{_variable(key)}"
            taken.append((key, self.take(name, name, value, f"{where}.url") if looks_secret(key) else value))
        return urlunsplit(parts._replace(query=urlencode(taken, safe="${}")))

    def arguments(self, prefix: str, words: list[Any], where: str) -> Iterator[Any]:
        secret_option = ""
        for word in words:
            option, equals, value = str(word).partition("=")
            if secret_option and not str(word).startswith("-"):
                name = f"{prefix}_{_variable(secret_option)}"
                yield self.take(name, name, str(word), f"{where}.args")
            elif option.startswith("-") and equals and looks_secret(option):
                name = f"{prefix}_{_variable(option)}"
                yield f"{option}={self.take(name, name, value, f'{where}.args')}"
            elif holds_credentials(str(word)):
                name = f"{prefix}_URL"
                yield self.take(name, name, str(word), f"{where}.args")
            else:
                yield word
            secret_option = option if option.startswith("-") and not equals and looks_secret(option) else ""


def _merge_env_file(
    document: Document, index: int, server: dict[str, Any], substitution: Substitution, notes: list[Problem]
) -> None:
    name = server.pop("x-env-file", None)
    if not isinstance(name, str):
        return
    try:
        variables = parse_dotenv(substitution.file(substitution.fill(name)))
    except Missing as missing:
        notes.append(document.problem(("servers", index, "x-env-file"), missing.what, missing.remedy))
        return
    server["env"] = {**variables, **(server.get("env") or {})}


def _our_form(text: str, substitution: Substitution) -> str:
    def replace(found: re.Match[str]) -> str:
        form = found.group(1)
        kind, colon, rest = form.partition(":")
        if form in ("workspaceFolder", "workspaceFolderBasename", "userHome", "pathSeparator", "/"):
            return substitution.place(form)
        if kind == "env" and colon and not rest.startswith("-"):
            return f"${{{rest}}}"
        if kind == "input" and colon:
            return f"${{NARTHEX_INPUT_{_variable(rest)}}}"
        return found.group()

    return _FORM.sub(replace, text)


def _render(path: Path, servers: list[dict[str, Any]]) -> str:
    ordered = []
    for server in servers:
        server = {key: value for key, value in server.items() if value not in ({}, [], None)}
        if server.get("enabled") is True:
            del server["enabled"]
        first = {key: server[key] for key in _ORDER if key in server}
        ordered.append(first | server)
    return f"# Made from {path.name} by `narthex import mcp-json`.\n{dumped({'servers': ordered})}"


def dumped(tree: dict[str, Any]) -> str:
    """As people write YAML."""
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")


def _texts(value: Any) -> list[tuple[str, str]]:
    return [(key, text) for key, text in value.items() if isinstance(text, str)] if isinstance(value, dict) else []


def _map_strings(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_strings(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_map_strings(item, change) for item in value]
    return value
