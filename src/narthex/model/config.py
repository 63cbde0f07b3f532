"""What the operator wrote, checked and frozen: the nouns of the configuration file.

Knows: names, addresses, commands, choices. Refuses to know: YAML, the environment, files (that is `control`).
"""

from typing import Annotated, Any, Literal

import msgspec

from narthex.limits import Limits
from narthex.model.authentication import AuthenticationConfig
from narthex.model.credentials import CredentialsConfig, HeaderName
from narthex.model.scope import Scope

ServerName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
EndpointName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Shown = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]  # every answer carries it
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one child process, enforced by the operating system where it offers them."""

    cpu_seconds: Annotated[int, msgspec.Meta(gt=0)] | None = None
    memory_mb: Annotated[int, msgspec.Meta(gt=0)] | None = None
    open_files: Annotated[int, msgspec.Meta(gt=0)] | None = None


class ScopesByAnnotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tools require by their own `readOnlyHint`. Every tool is one of the two."""

    read_only: tuple[Scope, ...] = ()
    other: tuple[Scope, ...] = ()


class ServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing behind the gateway. Its kind is the key it has: `upstream` (a URL) or `command`."""

    name: ServerName
    upstream: str | None = None
    command: tuple[str, ...] | None = None
    env: dict[str, str] = {}
    inherit_env: tuple[str, ...] = ()  # further variables of our own environment the child may see
    cwd: str | None = None
    headers: dict[str, str] = {}  # sent with every request to `upstream`; values may be secrets
    pass_headers: tuple[HeaderName, ...] = ()  # of clients' requests, passed on to `upstream`
    credentials: CredentialsConfig | None = None  # what `upstream` is shown besides
    tools: tuple[str, ...] | None = None  # allow-list of names and globs; absent: all
    exclude: tuple[str, ...] = ()  # names and globs of what is not offered; wins over `tools`
    description: str | None = None
    start: Literal["lazy", "eager"] = "lazy"
    idle_stop_seconds: Seconds | None = None
    timeout_seconds: Seconds | None = None
    start_seconds: Seconds | None = None
    resources: Resources = Resources()
    # A legacy session may be shared by callers only when the server is known to keep nothing in it (H3).
    stateless: bool = False
    enabled: bool = True
    # What a caller needs. All that speaks of a thing adds up (docs/scopes.md); absent is not the same as empty.
    required_scopes: tuple[Scope, ...] | None = None  # for whatever this server has
    scopes: dict[str, tuple[Scope, ...]] = {}  # for tools, by name or glob
    scopes_by_annotation: ScopesByAnnotation | None = None  # for tools, by what the server says of them
    trusted: bool = False  # what the server says of its own tools is believed
    declared_scopes: Literal["ignore", "accept"] = "ignore"  # what the server says its tools require
    concealed: bool = False  # whoever lacks `required_scopes` is not told that there is such a server
    # Understood and kept, but not enforced by this version: `narthex serve` refuses to start with it.
    rate_limit: dict[str, Any] | None = None

    def __repr__(self) -> str:
        # A query may hold a key, so the address is shown without it.
        if self.upstream:
            return f"<ServerConfig {self.name} upstream={self.upstream.partition('?')[0]}>"
        return f"<ServerConfig {self.name} command={(self.command or ('?',))[0]}>"


class ToolChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an endpoint shows one tool: another name, another description."""

    name: str | None = None
    description: str | None = None
    title: str | None = None


class EndpointConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One MCP URL in front, `/mcp/{name}`: a chosen, renamed set of tools.

    `servers` names the servers (absent: all). `include` and `exclude` hold tool names (`server/tool`, or a bare
    tool name) and globs over the same two forms. `tools` maps `server/tool` to what is shown instead.
    """

    servers: tuple[ServerName, ...] | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    tools: dict[str, ToolChange] = {}
    required_scopes: tuple[Scope, ...] | None = None  # for whatever this endpoint has
    scopes: dict[str, tuple[Scope, ...]] = {}  # for tools, in the forms of `include`
    names: Literal["prefixed", "bare"] | None = None  # absent: bare with one server, prefixed with several
    title: Shown | None = None  # absent: the gateway's
    description: str | None = None
    instructions: str | None = None


class AdminConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The admin address: metrics and the state of the house. Never on the data port."""

    listen: str = "http://127.0.0.1:8081"


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the log is written. `auto`: a human's line on a terminal, JSON otherwise."""

    format: Literal["auto", "human", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
    calls: bool = True  # one sentence per call


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file. Every default is safe for one person on one machine."""

    name: Shown = "narthex"
    title: Shown | None = None
    listen: str = "http://127.0.0.1:8080"
    public_url: str | None = None
    tls: dict[str, str] | None = None  # {certificate: FILE, key: FILE}
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    admin: AdminConfig = AdminConfig()
    state: str | None = None  # folder for what must survive a restart; absent: one below the user's state folder
    log: LogConfig = LogConfig()
    limits: Limits = Limits()
    instructions: str | None = None
    servers: tuple[ServerConfig, ...] = ()
    endpoints: dict[EndpointName, EndpointConfig] = {}
    # Understood and kept, but not enforced by this version: `narthex serve` refuses to start with them.
    authentication: AuthenticationConfig | None = None  # absent: everybody on this machine, and nobody else
    metering: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<Config {self.name} at {self.listen}: {len(self.servers)} servers, {len(self.endpoints)} endpoints>"
