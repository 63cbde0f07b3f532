"""The MCP clients `narthex connect` knows: where each keeps its servers, and how it writes one down.

Knows: paths per system, keys, shapes. Refuses to know: the files' contents, and how they are edited.
"""

import ntpath
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Entry = dict[str, str | list[str] | dict[str, str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are on one system: `platform` as in `sys.platform`."""

    platform: str
    environ: Mapping[str, str]

    def home(self, *parts: str) -> str:
        home = self.environ.get("USERPROFILE" if self.windows else "HOME") or self.environ.get("HOME") or "~"
        return self.join(home, *parts)

    def application(self, *parts: str) -> str:
        """The folder in which desktop programs keep their settings."""
        if self.windows:
            return self.join(self.environ.get("APPDATA") or self.home("AppData", "Roaming"), *parts)
        if self.platform == "darwin":
            return self.home("Library", "Application Support", *parts)
        return self.join(self.environ.get("XDG_CONFIG_HOME") or self.home(".config"), *parts)

    def named(self, variable: str, *otherwise: str) -> str:
        return self.environ.get(variable) or self.home(*otherwise)

    def join(self, *parts: str) -> str:
        return ntpath.join(*parts) if self.windows else posixpath.join(*parts)

    @property
    def windows(self) -> bool:
        return self.platform == "win32"


@dataclass(frozen=True, slots=True)
class Client:
    """`keys` lead to the map of servers in the file; `remote` is how a URL is written, None where only programs are;
    `variable` is how the value of the variable NAME is written, None where no variables are filled in.
    """

    name: str
    label: str
    path: Callable[[Place], str]
    project: str | None  # the file of one project, relative to its folder
    keys: tuple[str, ...]
    remote: Callable[[str], Entry] | None
    variable: str | None = None
    is_toml: bool = False

    def local(self, command: list[str]) -> Entry:
        entry: Entry = {"command": command[0], "args": command[1:]}
        return {"type": "stdio", **entry} if self.name in ("vscode", "claude-code") else entry


CLIENTS = (
    Client(
        "claude-desktop",
        "Claude Desktop",
        lambda place: place.application("Claude", "claude_desktop_config.json"),
        None,
        ("mcpServers",),
        None,
    ),
    Client(
        "claude-code",
        "Claude Code",
        lambda place: (
            place.join(place.environ["CLAUDE_CONFIG_DIR"], ".claude.json")
            if place.environ.get("CLAUDE_CONFIG_DIR")
            else place.home(".claude.json")
        ),
        ".mcp.json",
        ("mcpServers",),
        lambda url: {"type": "http", "url": url},
        "${NAME}",
    ),
    Client(
        "cursor",
        "Cursor",
        lambda place: place.home(".cursor", "mcp.json"),
        ".cursor/mcp.json",
        ("mcpServers",),
        lambda url: {"url": url},
        "${env:NAME}",
    ),
    Client(
        "vscode",
        "VS Code",
        lambda place: place.application("Code", "User", "mcp.json"),
        ".vscode/mcp.json",
        ("servers",),
        lambda url: {"type": "http", "url": url},
        "${env:NAME}",
    ),
    Client(
        "codex",
        "Codex",
        lambda place: place.join(place.named("CODEX_HOME", ".codex"), "config.toml"),
        ".codex/config.toml",
        ("mcp_servers",),
        lambda url: {"url": url},
        is_toml=True,
    ),
    Client(
        "gemini",
        "Gemini CLI",
        lambda place: place.home(".gemini", "settings.json"),
        ".gemini/settings.json",
        ("mcpServers",),
        lambda url: {"httpUrl": url},
        "${NAME}",
    ),
)
