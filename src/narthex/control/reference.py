"""The reference of the configuration: one table per noun, made from the schema.

Knows: Markdown, and how a schema's types are said in a word. Refuses to know: the prose around the tables.
"""

import json
from typing import Any

from narthex.control.schema import Schema, config_schema, resolve
from narthex.control.words import WORDS

# Heading, the noun, and the sentence below the heading. `limits` has a page of its own.
_SECTIONS = (
    ("The file", "Config", "Every key has a default: the smallest file is empty but for its servers."),
    (
        "A server",
        "ServerConfig",
        "An entry of `servers`. Exactly one of `upstream`, `command` and `python` says what kind it is.",
    ),
    (
        "Operations of an HTTP API",
        "OperationsConfig",
        "The value of a server's `operations`: whatever is said must hold; see [HTTP APIs](http-apis.md).",
    ),
    ("Answers of an HTTP API", "AnswerConfig", "A value of a server's `answers`, or the `answer` of a request."),
    ("Pages of answers", "PagesConfig", "The value of `pages`."),
    ("A request to an HTTP API", "RequestConfig", "A value of a server's `requests`; its key is the tool's name."),
    (
        "A query",
        "QueryConfig",
        "A value of a server's `queries`; its key is the tool's name. See [databases](databases.md).",
    ),
    ("A parameter of a query", "ParameterConfig", "A value of a query's `parameters`; its key is the `:name`."),
    ("A database", "DatabaseConfig", "The value of a server's `database`."),
    ("An endpoint", "EndpointConfig", "A value of `endpoints`; its key is the last part of the URL, `/mcp/{name}`."),
    ("A changed tool", "ToolChange", "A value of an endpoint's `tools`; its key is `server/tool`."),
    (
        "Scopes by annotation",
        "ScopesByAnnotation",
        "The value of a server's `scopes_by_annotation`; see [scopes](scopes.md).",
    ),
    (
        "What a server is shown",
        "CredentialsConfig",
        "The value of a server's `credentials`; see [what servers are shown](upstream-credentials.md).",
    ),
    ("Who vouches for callers", "IdentityProviderConfig", "The value of `credentials.idp`."),
    (
        "Grants at rest",
        "VaultConfig",
        "The value of `vault`; see [the vault](upstream-credentials.md#the-vault).",
    ),
    ("Who may call", "AuthenticationConfig", "The value of `authentication`."),
    (
        "An authorization server of our own",
        "AuthorizationServerConfig",
        "The value of `authentication.server`; see [embedded login](embedded-login.md).",
    ),
    ("Signing in elsewhere", "LoginConfig", "The value of `authentication.server.login`."),
    (
        "Signing in with a browser",
        "SignInConfig",
        "The value of `authentication.sign_in`; see [connecting accounts](connect.md).",
    ),
    ("A known client", "ClientConfig", "An entry of `authentication.server.clients`."),
    ("An issuer", "IssuerConfig", "An entry of `authentication.issuers`."),
    ("The claims of an issuer", "ClaimsConfig", "The value of an issuer's `claims`."),
    ("Asking an issuer", "IntrospectionConfig", "The value of an issuer's `introspection`."),
    ("What scopes mean", "ScopesConfig", "The value of `authentication.scopes`."),
    ("Roles", "RolesConfig", "The value of `authentication.scopes.roles`."),
    ("A proxy in front", "ProxyConfig", "The value of `authentication.proxy`."),
    ("Certificates of clients", "CertificatesConfig", "The value of `authentication.certificates`."),
    (
        "A rate limit",
        "RateLimit",
        "The value of `rate_limit`, or an entry of it; see [limits on calls](limits-on-calls.md).",
    ),
    ("A quota", "Quota", "The value of `quota`, or an entry of it."),
    ("What a call costs", "Cost", "The long form of `cost`. All that is named adds up."),
    ("Whose yes a call needs", "Approval", "The value of `approval`; see [approvals](approvals.md)."),
    ("Approvals of operators", "ApprovalsConfig", "The value of `approvals`."),
    ("Who is told of them", "WebhookConfig", "The value of `approvals.webhook`."),
    (
        "What is held against schemas",
        "Validation",
        "The value of `validation`; see [validation](validation.md).",
    ),
    (
        "What may not be shown, or sent",
        "Redaction",
        "The value of `redaction`, or an entry of it; see [redaction](redaction.md).",
    ),
    (
        "Definitions that are pinned",
        "Definitions",
        "The value of `definitions`; see [definitions](definitions.md).",
    ),
    ("How large results may be", "ResultSize", "The value of `result`; see [large results](results.md)."),
    (
        "Answers that are given again",
        "Caching",
        "The value of `cache`; see [answers given again](results.md#answers-given-again).",
    ),
    ("Places at a server", "Bulkhead", "The value of `bulkhead`; see [resilience](resilience.md)."),
    (
        "When a server is left alone",
        "BreakerRule",
        "The value of `breaker`; see [resilience](resilience.md#the-breaker).",
    ),
    ("A pattern of your own", "Pattern", "An entry of `patterns`."),
    ("What finds names", "NerConfig", "The value of `ner`; see [names](redaction.md#names-of-people-and-places)."),
    ("What gateways share", "SharedConfig", "The value of `shared`."),
    (
        "Rules of a tenant, or of single tools",
        "Rules",
        "A value of `tenants`, or of `rules` of a server or an endpoint.",
    ),
    ("What a process may use", "Resources", "The value of a server's `resources`."),
    ("The administration address", "AdminConfig", "The value of `admin`."),
    ("The log", "LogConfig", "The value of `log`."),
    ("What is counted", "MeteringConfig", "The value of `metering`; see [metrics](metrics.md)."),
    ("The audit log", "AuditConfig", "The value of `audit`; see [the audit log](audit.md)."),
    ("Where records go besides", "SinkConfig", "An entry of `audit.sinks`."),
)


def reference() -> str:
    """All tables, as Markdown."""
    return "\n".join(_section(title, noun, sentence) for title, noun, sentence in _SECTIONS)


def _section(title: str, noun: str, sentence: str) -> str:
    root = config_schema()
    schema: Schema = root if noun == "Config" else root["$defs"][noun]
    required = schema.get("required", ())
    lines = [
        f"### {title}",
        "",
        sentence,
        "",
        "| key | value | default | what it means | example |",
        "|---|---|---|---|---|",
    ]
    for key, inner in schema["properties"].items():
        words = WORDS[noun].get(key)
        example = f"`{key}: {_cell(words.example)}`" if words and words.example else ""
        default = "required" if key in required else _default(inner)
        lines.append(f"| `{key}` | {_kind(inner)} | {default} | {_cell(inner.get('description', ''))} | {example} |")
    return "\n".join([*lines, ""])


def _kind(schema: Schema) -> str:
    if "$ref" in schema:
        return f"[mapping](#{_anchor(schema['$ref'].rpartition('/')[2])})"
    if "enum" in schema:
        # In the order in which they are written down: the first is usually the default.
        default = schema.get("default")
        options = sorted(schema["enum"], key=lambda option: option != default)
        return ", ".join(f"`{option}`" for option in options)
    if "anyOf" in schema:
        return _one_or_several(schema["anyOf"]) or " or ".join(_kind(option) for option in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_plural(_kind(schema.get('items', {})))}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"name: {_kind(inner)}" if isinstance(inner, dict) and inner else "mapping"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return words.get(str(kind), "anything")


def _one_or_several(options: list[Schema]) -> str:
    """`mapping, or a list of them`: where one thing may stand for a list of one."""
    single = [option for option in options if option.get("type") != "array"]
    several = [option for option in options if option.get("type") == "array"]
    if len(single) == len(several) == 1 and several[0].get("items") == single[0]:
        return f"{_kind(single[0])}, or a list of them"
    return ""


def _plural(kind: str) -> str:
    return {"text": "texts"}.get(kind, kind.replace("[mapping]", "[mappings]"))


def _default(schema: Schema) -> str:
    value: Any = schema.get("default")
    if value is None or (not value and not isinstance(value, (bool, int, float, str))):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _anchor(noun: str) -> str:
    titles = {noun: title for title, noun, _ in _SECTIONS}
    return titles.get(noun, "limits").lower().replace(",", "").replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def examples() -> list[tuple[str, str, str]]:
    """Every example as (noun, key, YAML value): a test loads each one in its place."""
    return [(noun, key, words.example) for noun, keys in WORDS.items() for key, words in keys.items() if words.example]


def unnamed_keys() -> list[str]:
    """Keys of the configuration that have no words: an empty list, or somebody forgot."""
    root = config_schema()
    nouns = {"Config": root, **root["$defs"]}
    return [
        f"{noun}.{key}"
        for noun, schema in nouns.items()
        for key in resolve(schema).get("properties", {})
        if "description" not in schema["properties"][key]
    ]
