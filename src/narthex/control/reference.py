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
        "An entry of `servers`. Exactly one of `upstream` and `command` says what kind it is.",
    ),
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
    ("Who may call", "AuthenticationConfig", "The value of `authentication`."),
    (
        "An authorization server of our own",
        "AuthorizationServerConfig",
        "The value of `authentication.server`; see [embedded login](embedded-login.md).",
    ),
    ("Signing in elsewhere", "LoginConfig", "The value of `authentication.server.login`."),
    ("A known client", "ClientConfig", "An entry of `authentication.server.clients`."),
    ("An issuer", "IssuerConfig", "An entry of `authentication.issuers`."),
    ("The claims of an issuer", "ClaimsConfig", "The value of an issuer's `claims`."),
    ("Asking an issuer", "IntrospectionConfig", "The value of an issuer's `introspection`."),
    ("What scopes mean", "ScopesConfig", "The value of `authentication.scopes`."),
    ("Roles", "RolesConfig", "The value of `authentication.scopes.roles`."),
    ("A proxy in front", "ProxyConfig", "The value of `authentication.proxy`."),
    ("Certificates of clients", "CertificatesConfig", "The value of `authentication.certificates`."),
    ("What a process may use", "Resources", "The value of a server's `resources`."),
    ("The administration address", "AdminConfig", "The value of `admin`."),
    ("The log", "LogConfig", "The value of `log`."),
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
        return " or ".join(_kind(option) for option in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_plural(_kind(schema.get('items', {})))}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"name: {_kind(inner)}" if isinstance(inner, dict) and inner else "mapping"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return words.get(str(kind), "anything")


def _plural(kind: str) -> str:
    return {"text": "texts"}.get(kind, kind.replace("[mapping]", "[mappings]"))


def _default(schema: Schema) -> str:
    value: Any = schema.get("default")
    if value is None or (not value and not isinstance(value, (bool, int, float, str))):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _anchor(noun: str) -> str:
    titles = {noun: title for title, noun, _ in _SECTIONS}
    return titles.get(noun, "limits").lower().replace(" ", "-")


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
