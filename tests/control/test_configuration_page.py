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
VARIABLES = {"OIDC_SECRET": "t", "CRM_TOKEN": "t", "GITHUB_TOKEN": "t"}
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
        **{noun: f"{server}]\nauthentication: {text}" for noun, text in _callers(key, value).items()},
        **{noun: f"{server}, {_shown(text)}]\n{_ISSUER}" for noun, text in _credentials(key, value).items()},
    }
    path = tmp_path / "narthex.yaml"
    text = around[noun].replace("name: github, command", "name: hub, command") if value == "github" else around[noun]
    path.write_text(text)

    assert load(path, VARIABLES).config


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
    secret = {"client_secret", "client_secret_file", "private_key_file", "key_id", "algorithm"}
    proof = {"key_id": "private_key_file: k", "algorithm": "private_key_file: k"}.get(key, "client_secret: s")
    client = {"issuer": "issuer: 'https://auth.example.com'", "client_id": "client_id: a"}
    client |= {"": proof} if key not in secret or key in ("key_id", "algorithm") else {}
    of_client = ", ".join(text for name, text in client.items() if name != key)
    of_behalf = "idp: {issuer: 'https://idp.example.com', client_id: a, client_secret: b}"
    of_type = {
        "type": of_client,
        "header": "type: header, value: x",
        "value": "type: header",
        "value_file": "type: header",
        "audience": f"type: token_exchange, {of_client}",
        "subject_token_type": f"type: token_exchange, {of_client}",
        "catalogue": f"type: token_exchange, {of_client}",
        "idp": f"type: id_jag, {of_client}",
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
        "headers": "upstream: 'https://b.example', ",
        "pass_headers": "upstream: 'https://b.example', ",
        "credentials": "upstream: 'https://b.example', ",
        "scopes_by_annotation": "command: [x], trusted: true, ",
    }
    return other.get(key, "command: [x], ")


def test_the_published_schema_is_one_and_judges_like_load() -> None:
    schema = json.loads(json.dumps(config_schema()))
    validator = jsonschema_rs.Draft202012Validator(schema, offline=True)

    assert jsonschema_rs.meta.is_valid(schema)
    assert validator.is_valid({"servers": [{"name": "a", "command": "npx", "args": ["-y"]}], "x-mine": 1})
    assert not validator.is_valid({"servers": [{"name": "a", "upsteam": "x"}]})
