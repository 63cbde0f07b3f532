"""The whole way: a real gateway, a real issuer, and callers who show what they have."""

import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from identity_kit import Realm, ec_key, mint, proof
from joserfc.jwk import ECKey

VERSION = "2026-07-28"
STOP_SECONDS_MAX = 20.0
PLANTED = "planted-s3cret"
REASONS = ("no_credential", "invalid_token", "insufficient_scope")


class Said(NamedTuple):
    status: int
    challenge: str
    text: str


class Gateway:
    """A running gateway, and what it has written."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.log = ""
        self.url = ""
        self.admin = ""
        assert process.stdout is not None
        for line in process.stdout:
            self.log += line
            told = json.loads(line)
            self.url, self.admin = told.get("url", ""), told.get("admin", "")
            if self.url:
                return
        raise AssertionError(f"the gateway did not start: {self.log}")

    def call(self, token: str = "", path: str = "", scheme: str = "Bearer", **further: str) -> Said:
        """What `tools/list` is answered with."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": VERSION,
            "mcp-method": "tools/list",
            **({"authorization": f"{scheme} {token}"} if token else {}),
            **further,
        }
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return said(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return said(refused.code, refused.headers, refused.read())


def said(status: int, headers: Message, body: bytes) -> Said:
    return Said(status, headers.get("www-authenticate") or "", body.decode())


@contextmanager
def serving(folder: Path, issuer: str, *further: str) -> Iterator[Gateway]:
    path = folder / "narthex.yaml"
    authentication = f"{{type: oauth2, issuer: '{issuer}', required_scopes: ['mcp:tools']}}"
    settings = ["listen: http://127.0.0.1:0", "admin: {listen: 'http://127.0.0.1:0'}", f"state: {folder / 'state'}"]
    settings += [
        f"authentication: {authentication}",
        "servers: []",
        "endpoints: {sales: {}, desk: {required_scopes: [desk]}}",
        "log: {format: json}",
        *further,
    ]
    path.write_text("\n".join(settings))
    command = [sys.executable, "-m", "narthex", "serve", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    gateway = None
    try:
        gateway = Gateway(process)
        yield gateway
    finally:
        process.terminate()
        try:
            rest, _ = process.communicate(timeout=STOP_SECONDS_MAX)
        finally:
            process.kill()
            process.wait()
        if gateway is not None:
            gateway.log += rest


@pytest.fixture
def key() -> ECKey:
    return ec_key("first")


def test_callers_are_let_in_by_what_they_show_and_told_what_is_missing(
    tmp_path: Path, realm: Realm, key: ECKey
) -> None:
    realm.publish(key)
    with serving(tmp_path, realm.url) as gateway:

        def token(**claims: object) -> str:
            return mint(key, realm.claims(**{"aud": gateway.url, "jti": PLANTED, **claims}), "ES256")

        good = token()
        answers = {
            "nothing": gateway.call(),
            "good": gateway.call(good),
            "again": gateway.call(good),
            "elsewhere": gateway.call(good, "/sales"),
            "there": gateway.call(token(aud=f"{gateway.url}/sales"), "/sales"),
            "other scope": gateway.call(token(scope="other")),
            "other audience": gateway.call(token(aud="https://other.example")),
            "expired": gateway.call(token(exp=1)),
            "in the address": gateway.call(path=f"?access_token={PLANTED}"),
            "malformed": gateway.call("a b"),
            "another scheme": gateway.call("eDp5", scheme="Basic"),
        }
    statuses = {name: answer.status for name, answer in answers.items()}

    assert statuses == {
        "nothing": 401,
        "good": 200,
        "again": 200,
        "elsewhere": 401,
        "there": 200,
        "other scope": 403,
        "other audience": 401,
        "expired": 401,
        "in the address": 400,
        "malformed": 400,
        "another scheme": 401,
    }
    assert answers["nothing"].challenge.startswith('Bearer scope="mcp:tools", resource_metadata="http://127.0.0.1:')
    assert answers["another scheme"].challenge == answers["nothing"].challenge
    assert 'error="insufficient_scope"' in answers["other scope"].challenge
    assert 'error="invalid_token"' in answers["expired"].challenge
    shown = gateway.log + "".join(answer.challenge + answer.text for answer in answers.values())
    assert PLANTED not in shown
    assert good.split(".")[1] not in shown


def test_a_key_that_changes_while_it_runs_is_followed(tmp_path: Path, realm: Realm, key: ECKey) -> None:
    new = ec_key("second")
    realm.publish(key)
    with serving(tmp_path, realm.url) as gateway:
        before = gateway.call(mint(key, realm.claims(aud=gateway.url), "ES256"))
        realm.publish(new, key)
        after = gateway.call(mint(new, realm.claims(aud=gateway.url), "ES256"))
        realm.behave(keys="error", oauth="error")
        down = gateway.call(mint(key, realm.claims(aud=gateway.url, jti="2"), "ES256"))

    assert [before.status, after.status, down.status] == [200, 200, 200]


def test_while_an_issuer_that_was_never_reached_is_down_its_tokens_wait(
    tmp_path: Path, realm: Realm, key: ECKey
) -> None:
    with serving(tmp_path, realm.url) as gateway:
        answer = gateway.call(mint(key, realm.claims(aud=gateway.url), "ES256"))

    assert answer.status == 503
    assert "cannot be fetched" in answer.text
    assert '"level":"warning"' in gateway.log


def test_a_proof_is_good_for_one_request(tmp_path: Path, realm: Realm, key: ECKey) -> None:
    holder = ec_key("holder")
    realm.publish(key)
    with serving(tmp_path, realm.url) as gateway:
        token = mint(key, realm.claims(aud=gateway.url, cnf={"jkt": holder.thumbprint()}), "ES256")
        one, two = (proof(holder, token, htu=gateway.url) for _ in range(2))
        answers = [
            gateway.call(token),
            *(gateway.call(token, scheme="DPoP", dpop=each) for each in (one, one, two)),
            gateway.call(token, "/sales", scheme="DPoP", dpop=proof(holder, token, htu=gateway.url)),
        ]

    assert [answer.status for answer in answers] == [401, 200, 401, 200, 401]
    assert answers[2].challenge.startswith('DPoP error="invalid_dpop_proof"')


def test_a_proof_names_the_public_address_whatever_a_proxy_does_with_its_path(
    tmp_path: Path, realm: Realm, key: ECKey
) -> None:
    holder, public = ec_key("holder"), "https://tools.example.com/base/mcp"
    realm.publish(key)
    with serving(tmp_path, realm.url, "public_url: https://tools.example.com/base") as gateway:
        token = mint(key, realm.claims(aud=public, cnf={"jkt": holder.thumbprint()}), "ES256")
        stripped = gateway.call(token, scheme="DPoP", dpop=proof(holder, token, htu=public))
        gateway.url = gateway.url.replace("/mcp", "/base/mcp")
        whole = gateway.call(token, scheme="DPoP", dpop=proof(holder, token, htu=public))

    assert [stripped.status, whole.status] == [200, 200]


def test_who_lacks_the_scopes_of_an_endpoint_is_told_what_explain_foretells(
    tmp_path: Path, realm: Realm, key: ECKey
) -> None:
    realm.publish(key)
    with serving(tmp_path, realm.url) as gateway:
        told = {
            scope: gateway.call(mint(key, realm.claims(aud=f"{gateway.url}/desk", scope=scope), "ES256"), "/desk")
            for scope in ("mcp:tools", "desk")
        }
        foretold = {scope: _explained(gateway, scope) for scope in told}
    said = {scope: json.loads(answer.text)["error"]["message"] for scope, answer in told.items()}

    assert said == foretold
    assert said["mcp:tools"] == (
        "Permission denied: /mcp/desk requires the scopes 'desk', 'mcp:tools'; you have the scope 'mcp:tools'."
    )
    assert {answer.status for answer in told.values()} == {403}


def _explained(gateway: Gateway, scope: str) -> str:
    question = json.dumps({"scopes": [scope], "tool": "any", "endpoint": "desk"}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.admin}/api/explain", question, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.loads(answer.read())["told"])


def test_refused_credentials_are_counted_by_reason(tmp_path: Path, realm: Realm, key: ECKey) -> None:
    realm.publish(key)
    with serving(tmp_path, realm.url) as gateway:
        poor = mint(key, realm.claims(aud=gateway.url, scope="other"), "ES256")
        assert [gateway.call(token).status for token in ("", "no.such.token", poor)] == [401, 401, 403]

        with urllib.request.urlopen(f"{gateway.admin}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()

    counted = {line for line in lines if line.startswith("narthex_refused_total")}
    assert {f'narthex_refused_total{{reason="{reason}"}} 1.0' for reason in REASONS} <= counted


def test_callers_who_take_turns_on_one_connection_are_never_taken_for_each_other(
    tmp_path: Path, realm: Realm, key: ECKey
) -> None:
    realm.publish(key)
    with serving(tmp_path, realm.url) as gateway:

        def token(subject: str, **claims: object) -> str:
            return mint(key, realm.claims(aud=gateway.url, sub=subject, **claims), "ES256")

        shown = {name: token(name) for name in ("ana", "bo", "eve")} | {"lacks": token("lacks", scope="other")}
        shown["broken"] = shown["ana"][:-4] + "AAAA"
        parts = urlsplit(gateway.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        order = ["ana", "bo", "ana", "lacks", "bo", "broken", "eve", "ana", "ana", "broken", "eve", "bo"] * 3
        statuses = {(name, call_a_tool(connection, parts.path, shown[name])) for name in order}
        connection.close()
    told = [json.loads(line).get("principal") for line in gateway.log.splitlines() if '"principal"' in line]

    assert statuses == {("ana", 400), ("bo", 400), ("eve", 400), ("lacks", 403), ("broken", 401)}
    assert told == [name for name in order if name not in ("lacks", "broken")]


def call_a_tool(connection: http.client.HTTPConnection, path: str, token: str) -> int:
    """A usual call. The status: 401 or 403, or 400 for whoever is let in, because there is no such tool."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "nothing", "arguments": {}, "_meta": meta}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "nothing",
        "Authorization": f"Bearer {token}",
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
