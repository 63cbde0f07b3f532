"""What the operator wrote, checked and frozen: the nouns of the configuration file.

Knows: names, addresses, commands, choices. Refuses to know: YAML, the environment, files (that is `control`).
"""

from typing import Annotated, Any, Literal

import msgspec

from narthex.limits import Limits
from narthex.model.approvals import ApprovalsConfig
from narthex.model.audit_config import AuditConfig
from narthex.model.authentication import AuthenticationConfig
from narthex.model.credentials import CredentialsConfig, HeaderName
from narthex.model.http_api import AnswerConfig, OperationsConfig, RequestConfig, RequestName, is_address
from narthex.model.metering import MeteringConfig
from narthex.model.ner import NerConfig
from narthex.model.opentelemetry import OpenTelemetryConfig
from narthex.model.rules.rules import Rules
from narthex.model.scope import Scope
from narthex.model.shared import SharedConfig
from narthex.model.sql import DatabaseConfig, QueryConfig, QueryName
from narthex.model.vault import VaultConfig

ServerName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
EndpointName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Shown = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]  # every answer carries it
Seconds = Annotated[float, msgspec.Meta(gt=0)]


# The keys of which a server has exactly one. The first two are reached, all others run inside (`upstream/kinds`).
KINDS = ("upstream", "command", "python", "openapi", "http", "sql")


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one child process, enforced by the operating system where it offers them."""

    cpu_seconds: Annotated[int, msgspec.Meta(gt=0)] | None = None
    memory_mb: Annotated[int, msgspec.Meta(gt=0)] | None = None
    open_files: Annotated[int, msgspec.Meta(gt=0)] | None = None


class ScopesByAnnotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tools require by their own `readOnlyHint`. Every tool is one of the two."""

    read_only: tuple[Scope, ...] = ()
    other: tuple[Scope, ...] = ()


class ServerConfig(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing behind the gateway. Its kind is the one key of `KINDS` it has."""

    name: ServerName
    upstream: str | None = None
    command: tuple[str, ...] | None = None
    python: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None  # "package.module[:library]"
    process: Literal["shared", "own"] = "shared"  # whether `python` runs inside the gateway
    reload: bool = False  # `python` is loaded anew when its files change
    settings: dict[str, Any] = {}  # what `python` may ask for; no secrets
    secrets: dict[str, str] = {}  # the same, masked wherever it is met
    openapi: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None  # a file, or a URL
    base_url: str | None = None  # where `openapi` is spoken to
    operations: OperationsConfig = OperationsConfig()  # of `openapi`
    answers: dict[str, AnswerConfig] = {}  # of `openapi`, by tool or glob
    http: str | None = None  # where `requests` are sent
    requests: dict[RequestName, RequestConfig] = {}
    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None  # the URL of a database
    queries: dict[QueryName, QueryConfig] = {}  # of `sql`: the tools it has
    database: DatabaseConfig = DatabaseConfig()  # how `sql` is used
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
    start_seconds: Seconds | None = None
    resources: Resources = Resources()
    # A legacy session may be shared by callers only when the server is known to keep nothing in it (H3).
    stateless: bool = False
    enabled: bool = True
    # What a caller needs. All that speaks of a thing adds up (docs/scopes.md); absent is not the same as empty.
    required_scopes: tuple[Scope, ...] | None = None  # for whatever this server has
    scopes: dict[str, tuple[Scope, ...]] = {}  # for tools, by name or glob
    prompt_scopes: dict[str, tuple[Scope, ...]] = {}  # for prompts, likewise
    resource_scopes: dict[str, tuple[Scope, ...]] = {}  # for resources, by URI or glob
    scopes_by_annotation: ScopesByAnnotation | None = None  # for tools, by what the server says of them
    trusted: bool = False  # what the server says of its own tools is believed
    # What the server says its things require. Absent: it is believed if it runs inside, for that only adds to it.
    declared_scopes: Literal["ignore", "accept"] | None = None
    challenge_scopes: dict[Scope, tuple[Scope, ...]] = {}  # what its refusals ask for -> what callers need then
    concealed: bool = False  # whoever lacks `required_scopes` is not told that there is such a server
    rules: dict[str, Rules] = {}  # for single tools, by name or glob

    @property
    def address(self) -> str | None:
        """The URL at which it is spoken to, where it has one."""
        return self.upstream or self.http or self.base_url

    @property
    def kind(self) -> str:
        """The key that says what it is; "" where none does."""
        return next((key for key in KINDS if getattr(self, key) is not None), "")

    @property
    def inside(self) -> bool:
        """It is code, a document or queries of the operator's own, and runs in the gateway, or for it alone."""
        return self.kind not in ("upstream", "command", "")

    @property
    def written_here(self) -> bool:
        """What it says of its tools stands in the operator's own files, and changes with them alone. A document that
        is fetched is somebody else's, and so is a library."""
        return self.kind in ("http", "sql") or (self.openapi is not None and not is_address(self.openapi))

    def __repr__(self) -> str:
        # A query may hold a key, so the address is shown without it.
        if self.address:
            return f"<ServerConfig {self.name} {self.kind}={self.address.partition('?')[0]}>"
        if self.command is None:
            return f"<ServerConfig {self.name} {self.kind}>"
        return f"<ServerConfig {self.name} command={(self.command or ('?',))[0]}>"


class ToolChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an endpoint shows one tool: another name, another description."""

    name: str | None = None
    description: str | None = None
    title: str | None = None


class EndpointConfig(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    prompt_scopes: dict[str, tuple[Scope, ...]] = {}  # for prompts, likewise
    resource_scopes: dict[str, tuple[Scope, ...]] = {}  # for resources: a URI, a glob, or either as `server/URI`
    names: Literal["prefixed", "bare"] | None = None  # absent: bare with one server, prefixed with several
    title: Shown | None = None  # absent: the gateway's
    description: str | None = None
    instructions: str | None = None
    rules: dict[str, Rules] = {}  # for single tools, in the forms of `include`


class AdminConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The admin address: metrics and the state of the house. Never on the data port."""

    listen: str = "http://127.0.0.1:8081"
    token: Annotated[str, msgspec.Meta(min_length=16, max_length=1024)] | None = None  # absent: nobody decides there

    def __repr__(self) -> str:
        return f"<AdminConfig {self.listen}>"


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the log is written. `auto`: a human's line on a terminal, JSON otherwise."""

    format: Literal["auto", "human", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
    calls: bool = True  # one sentence per call


class Config(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    tenants: dict[Shown, Rules] = {}  # for the callers of one tenant
    authentication: AuthenticationConfig | None = None  # absent: everybody on this machine, and nobody else
    shared: SharedConfig | None = None  # absent: what processes must know of each other is in the state folder
    ner: NerConfig | None = None  # absent: rules about redaction know no names of people and places
    approvals: ApprovalsConfig | None = None  # who is told that an operator has to decide, and what decides remotely
    audit: AuditConfig = AuditConfig()  # what is written down of calls
    metering: MeteringConfig = MeteringConfig()  # what is counted of calls
    opentelemetry: OpenTelemetryConfig | None = None  # absent: nothing is sent, trace context is handed on
    vault: VaultConfig | None = None  # absent: grants of users are sealed with a key in the state folder

    def __repr__(self) -> str:
        return f"<Config {self.name} at {self.listen}: {len(self.servers)} servers, {len(self.endpoints)} endpoints>"
