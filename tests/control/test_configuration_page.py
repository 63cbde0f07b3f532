"""The page of the configuration cannot lie: its tables are made, its snippets are loaded, no key lacks its words."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from generate_configuration import PAGE, made

from narthex.control.load import load
from narthex.control.reference import examples, unnamed_keys
from narthex.control.schema import config_schema

TEXT = PAGE.read_text("utf-8")
SNIPPETS = re.findall(r"^```(yaml|json)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
VARIABLES = {
    "OIDC_SECRET": "t",
    "CRM_TOKEN": "t",
    "GITHUB_TOKEN": "t",
    "VAULT_KEY": "A" * 43,
    "OLD_VAULT_KEY": "B" * 43,
    "ADMIN_TOKEN": "t" * 16,
    "HOOK_SECRET": "h" * 16,
    "TOKEN": "t",
    "OTLP_TOKEN": "t",
    "AUDIT_SECRET": "s" * 16,
}
SECRET = "/run/secrets/warehouse"


def test_the_tables_are_made_from_the_schema() -> None:
    assert made(TEXT) == TEXT, "run: python tests/control/generate_configuration.py"


@pytest.mark.parametrize(("kind", "text"), SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_snippet_loads(tmp_path: Path, kind: str, text: str) -> None:
    (tmp_path / "secret").write_text("s")
    path = tmp_path / f"narthex.{kind}"
    path.write_text(text.replace(SECRET, "secret"), encoding="utf-8")

    assert load(path, VARIABLES).config.servers or "servers: []" in text


def test_the_page_has_snippets() -> None:
    assert len(SNIPPETS) > 5


def test_every_key_has_its_words() -> None:
    assert unnamed_keys() == []


@pytest.mark.parametrize(("noun", "key", "value"), examples(), ids=lambda part: str(part)[:30])
def test_every_example_loads_in_its_place(tmp_path: Path, noun: str, key: str, value: str) -> None:
    (tmp_path / "tls.crt").write_text("x")
    (tmp_path / "tls.key").write_text("x")
    (tmp_path / "clients.pem").write_text("x")
    (tmp_path / "rules.cedar").write_text("permit(principal, action, resource);")
    (tmp_path / "models" / "en_core_web_lg").mkdir(parents=True)
    (tmp_path / "models" / "en_core_web_lg" / "config.cfg").write_text("x")
    server = "servers: [{name: crm, upstream: 'https://x.example/mcp'}, {name: github, command: [x]}"
    around = {
        "Config": f"{key}: {value}\n" + ("" if key == "servers" else f"{server}]"),
        "ServerConfig": f"{server}, {{{'' if key == 'name' else 'name: b, '}{_kind(key)}{key}: {value}}}]",
        "ScopesByAnnotation": f"{server}, {{name: b, {_kind('scopes_by_annotation')}"
        f"scopes_by_annotation: {{{key}: {value}}}}}]",
        "Resources": f"{server}, {{name: b, command: [x], resources: {{{key}: {value}}}}}]",
        "EndpointConfig": f"{server}]\nendpoints: {{e: {{{key}: {value}}}}}",
        "ToolChange": f"{server}]\nendpoints: {{e: {{tools: {{crm/x: {{{key}: {value}}}}}}}}}",
        "AdminConfig": f"{server}]\nadmin: {{{key}: {value}}}",
        "LogConfig": f"{server}]\nlog: {{{key}: {value}}}",
        "VaultConfig": f"{server}]\nvault: {{{'' if key == 'key' else 'key: ' + 'A' * 43 + ', '}{key}: {value}}}",
        **{noun: f"{server}, {{name: b, {text}}}]" for noun, text in _apis(key, value).items()},
        **{noun: f"{server}, {{name: b, {text}}}]" for noun, text in _databases(key, value).items()},
        **{noun: f"{server}]\n{text}" for noun, text in _rules(key, value).items()},
        **{noun: f"{server}]\nauthentication: {text}" for noun, text in _callers(key, value).items()},
        **{noun: f"{server}, {_shown(text)}]\n{_ISSUER}" for noun, text in _credentials(key, value).items()},
    }
    path = tmp_path / "narthex.yaml"
    text = around[noun].replace("name: github, command", "name: hub, command") if value == "github" else around[noun]
    path.write_text(text)

    assert load(path, VARIABLES).config


def _apis(key: str, value: str) -> dict[str, str]:
    """The nouns of HTTP APIs, likewise."""
    document = "openapi: a.json, base_url: 'https://a.example'"
    pages = {key: value} if key in ("next", "parameter") else {"parameter": "page", key: value}
    used = {"headers": "tag", "body": "text"}.get(key, "units")
    request = {"request": "POST /x", "description": "A request", "parameters": f"{{{used}: {{}}}}", key: value}

    def said(keys: dict[str, str]) -> str:
        return "{" + ", ".join(f"{name}: {text}" for name, text in keys.items()) + "}"

    return {
        "OperationsConfig": f"{document}, operations: {said({key: value})}",
        "AnswerConfig": f"{document}, answers: {{x: {said({key: value})}}}",
        "PagesConfig": f"{document}, answers: {{x: {{pages: {said(pages)}}}}}",
        "RequestConfig": f"http: 'https://a.example', requests: {{x: {said(request)}}}",
    }


def _databases(key: str, value: str) -> dict[str, str]:
    """The nouns of databases, likewise."""
    kinds = {"minimum": "integer", "maximum": "integer", "items": "list", "max_items": "list", "zone": "datetime"}
    kind = "" if key == "type" else f"type: {kinds.get(key, 'datetime' if key == 'reaches_as' else 'string')}, "
    query = {"sql": "'select :city from t'", "parameters": "{city: {}}", "description": "A query", key: value}
    said = ", ".join(f"{name}: {text}" for name, text in query.items())
    parameter = f"{{sql: 'select :x from t', description: X, parameters: {{x: {{{kind}{key}: {value}}}}}}}"
    return {
        "DatabaseConfig": f"sql: 'postgresql://u@db.example/x', database: {{{key}: {value}}}",
        "QueryConfig": f"sql: 'sqlite:///x', queries: {{q: {{{said}}}}}",
        "ParameterConfig": f"sql: 'sqlite:///x', queries: {{q: {parameter}}}",
    }


def _rules(key: str, value: str) -> dict[str, str]:
    """The nouns of rules about calls, each with this key and what it cannot be without."""

    def having(**further: str) -> str:
        return "{" + ", ".join(f"{name}: {text}" for name, text in {**further, key: value}.items()) + "}"

    return {
        "Rules": f"endpoints: {{e: {{rules: {{x: {having()}}}}}}}",
        "RateLimit": f"rate_limit: {having(requests_per_minute='5')}",
        "Quota": f"quota: {having(calls_per_day='5')}",
        "Cost": f"cost: {having()}",
        "SharedConfig": f"shared: {having(url='redis://x')}",
        "OpenTelemetryConfig": f"opentelemetry: {having(url='http://collector.example:4318')}",
        "MeteringConfig": f"metering: {having()}",
        "AuditConfig": f"audit: {having()}",
        "SinkConfig": f"audit: {{sinks: [{having(**_sink(key))}]}}",
        "Validation": f"validation: {having()}",
        "Definitions": f"definitions: {having()}",
        "ResultSize": f"result: {having(**({} if key == 'tokens_max' else {'bytes_max': '5000'}))}",
        "Caching": f"cache: {having()}",
        "Bulkhead": f"bulkhead: {having(concurrent='5')}",
        "BreakerRule": f"breaker: {having()}",
        "Approval": f"approval: {having(by='caller')}",
        "ApprovalsConfig": f"approvals: {having()}",
        "WebhookConfig": f"approvals: {{webhook: {having(url='https://x', secret='s' * 16)}}}",
        "Redaction": f"redaction: {having()}",
        "NerConfig": f"ner: {having(model='./models/en_core_web_lg')}",
        "Pattern": f"redaction: {{patterns: [{having(name='a', pattern='x')}]}}",
    }


def _sink(key: str) -> dict[str, str]:
    """What a sink with this key cannot be without."""
    if key == "path":
        return {"type": "file"}
    if key in ("address", "facility"):
        return {"type": "syslog", "address": "'udp://10.0.0.5:514'"}
    if key in ("url", "headers", "secret", "type", "timeout_seconds"):
        return {"type": "webhook", "url": "'https://soc.example.com/x'"}
    return {"type": "stdout"}


def _callers(key: str, value: str) -> dict[str, str]:
    """The nouns of `authentication`, each with this key and what it cannot be without."""
    issuer = '"https://auth.example.com"'

    def having(**further: str) -> str:
        return ", ".join(f"{name}: {text}" for name, text in {**further, key: value}.items())

    def issuing(text: str) -> str:
        return f"{{type: oauth2, issuers: [{{issuer: {issuer}, {text}}}]}}"

    return {
        "AuthenticationConfig": f"{{{having(type='oauth2', **({} if key == 'issuers' else {'issuer': issuer}))}}}",
        "AuthorizationServerConfig": f"{{type: oauth2, server: {{{having()}}}}}",
        "LoginConfig": f"{{type: oauth2, server: {{login: {{{having(issuer=issuer, client_id='a')}}}}}}}",
        "SignInConfig": f"{{type: oauth2, issuer: {issuer}, sign_in: {{{having(issuer=issuer, client_id='a')}}}}}",
        "ClientConfig": f"{{type: oauth2, server: {{clients: [{{{having(client_id='a', client_secret='b')}}}]}}}}",
        "IssuerConfig": f"{{type: oauth2, issuers: [{{{having(issuer=issuer)}}}]}}",
        "ClaimsConfig": issuing(f"claims: {{{having()}}}"),
        "IntrospectionConfig": issuing(f"introspection: {{{having(client_id='a', client_secret='b')}}}"),
        "ScopesConfig": f"{{type: keys, scopes: {{{having()}}}}}",
        "RolesConfig": f"{{type: keys, scopes: {{roles: {{{having(claim='groups', grants='{}')}}}}}}}",
        "ProxyConfig": f"{{type: keys, proxy: {{{having(addresses='[10.0.0.5]', subject='X-User')}}}}}",
        "CertificatesConfig": f"{{type: keys, certificates: {{{having(authority='clients.pem')}}}}}",
    }


_ISSUER = "authentication: {type: oauth2, issuer: 'https://auth.example.com'}"


def _shown(credentials: str) -> str:
    return f"{{name: b, upstream: 'https://crm.example.com/mcp', credentials: {{{credentials}}}}}"


def _credentials(key: str, value: str) -> dict[str, str]:
    """What a server is shown, with this key and what it cannot be without."""
    secret = {"client_secret", "client_secret_file", "client_secret_command"}
    secret |= {"private_key_file", "private_key_command"}
    proofs = dict.fromkeys(("key_id", "algorithm"), "private_key_file: k")
    proofs |= dict.fromkeys(("secret_seconds", "inherit_env"), "client_secret_command: [x]")
    client = {"issuer": "issuer: 'https://auth.example.com'", "client_id": "client_id: a"}
    client |= {"": proofs.get(key, "client_secret: s")} if key not in secret else {}
    of_client = ", ".join(text for name, text in client.items() if name != key)
    of_behalf = "idp: {issuer: 'https://idp.example.com', client_id: a, client_secret: b}"
    of_type = {
        "type": of_client,
        "header": "type: header, value: x",
        "value": "type: header",
        "value_file": "type: header",
        "value_command": "type: header",
        "audience": f"type: token_exchange, {of_client}",
        "subject_token_type": f"type: token_exchange, {of_client}",
        "catalogue": f"type: token_exchange, {of_client}",
        "idp": f"type: id_jag, {of_client}",
        "client_document": "type: authorization_code",
        "grant_of": "type: authorization_code",
    }
    return {
        "CredentialsConfig": f"{of_type.get(key, f'type: client_credentials, {of_client}')}, {key}: {value}",
        "IdentityProviderConfig": f"type: id_jag, client_id: a, client_secret: s, idp: {{{of_client}, {key}: {value}}}"
        if key != "idp"
        else f"type: id_jag, client_id: a, client_secret: s, {of_behalf}",
    }


def _kind(key: str) -> str:
    other = {
        "upstream": "",
        "command": "",
        "python": "",
        "process": "python: acme.tools, ",
        "reload": "python: acme.tools, ",
        "settings": "python: acme.tools, ",
        "secrets": "python: acme.tools, ",
        "headers": "upstream: 'https://b.example', ",
        "pass_headers": "upstream: 'https://b.example', ",
        "challenge_scopes": "upstream: 'https://b.example', ",
        "credentials": "upstream: 'https://b.example', ",
        "scopes_by_annotation": "command: [x], trusted: true, ",
        "openapi": "base_url: 'https://a.example', ",
        "base_url": "openapi: a.json, ",
        "operations": "openapi: a.json, base_url: 'https://a.example', ",
        "answers": "openapi: a.json, base_url: 'https://a.example', ",
        "http": "requests: {x: {request: GET /x, description: X}}, ",
        "requests": "http: 'https://a.example', ",
        "sql": "",
        "queries": "sql: 'sqlite:///x', ",
        "database": "sql: 'sqlite:///x', ",
    }
    return other.get(key, "command: [x], ")


def test_the_published_schema_is_one_and_judges_like_load() -> None:
    schema = json.loads(json.dumps(config_schema()))
    validator = jsonschema_rs.Draft202012Validator(schema, offline=True)

    assert jsonschema_rs.meta.is_valid(schema)
    assert validator.is_valid({"servers": [{"name": "a", "command": "npx", "args": ["-y"]}], "x-mine": 1})
    assert not validator.is_valid({"servers": [{"name": "a", "upsteam": "x"}]})
