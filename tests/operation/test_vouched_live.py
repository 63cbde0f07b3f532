"""Callers without a token, against a running gateway: named by a proxy in front, or by a certificate of their own."""

import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from operation_kit import Gateway, modern_body, serving, stdio, until

PROXY = {"addresses": ["127.0.0.1"], "subject": "X-Forwarded-User", "scopes": "X-Forwarded-Scopes"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("behind")
    authentication = {"type": "keys", "required_scopes": ["mcp:tools"], "proxy": PROXY}
    with serving(folder, stdio("notes", folder), authentication=authentication) as running:
        yield running


def ask(gateway: Gateway, *headers: tuple[str, str], source: str = "127.0.0.1") -> int:
    """tools/list over a connection from `source`: the HTTP status."""
    body, usual = modern_body("tools/list", None)
    parts = urlsplit(gateway.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30, source_address=(source, 0))
    try:
        connection.putrequest("POST", "/mcp")
        for name, value in (*usual.items(), *headers, ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


ANA = (("X-Forwarded-User", "ana"), ("X-Forwarded-Scopes", "mcp:tools crm:read"))


def test_the_proxy_says_who_calls(behind: Gateway) -> None:
    assert ask(behind, *ANA) == 200


def test_from_another_address_the_same_bytes_say_nothing(behind: Gateway) -> None:
    """A listener remembers heads, and who sent them; this must not travel from one connection to another."""
    statuses = [(ask(behind, *ANA), ask(behind, *ANA, source="127.0.0.2")) for _ in range(3)]

    assert statuses == [(200, 401)] * 3


@pytest.mark.parametrize(
    "claim",
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Client-IP", "127.0.0.1"),
        ("True-Client-IP", "127.0.0.1"),
        ("X-Forwarded-Host", "127.0.0.1"),
    ],
    ids=lambda pair: pair[0],
)
def test_no_header_makes_an_address(behind: Gateway, claim: tuple[str, str]) -> None:
    assert ask(behind, *ANA, claim, source="127.0.0.2") == 401


def test_whoever_the_proxy_does_not_name_is_nobody(behind: Gateway) -> None:
    assert ask(behind) == 401
    assert ask(behind, ("X-Forwarded-User", "")) == 401
    assert ask(behind, ("X-Forwarded-Scopes", "mcp:tools")) == 401
    assert ask(behind, ("X_Forwarded_User", "ana"), ("X_Forwarded_Scopes", "mcp:tools")) == 401


def test_scopes_are_those_that_the_proxy_lists(behind: Gateway) -> None:
    assert ask(behind, ("X-Forwarded-User", "ana")) == 403
    assert ask(behind, ("X-Forwarded-User", "ana"), ("X-Forwarded-Scopes", "mcp:other")) == 403


@pytest.mark.parametrize(
    "headers",
    [
        (*ANA, ("X-Forwarded-User", "eve")),
        (*ANA, ("x-forwarded-user", "ana")),
        (("X-Forwarded-User", "ana, eve"), ANA[1]),
        (ANA[0], ("X-Forwarded-Scopes", "a"), ("X-Forwarded-Scopes", "b")),
    ],
    ids=["two", "the same twice", "joined", "scopes twice"],
)
def test_a_caller_with_two_names_is_refused(behind: Gateway, headers: tuple[tuple[str, str], ...]) -> None:
    assert ask(behind, *headers) == 400


def test_a_bad_key_is_a_bad_key_also_through_the_proxy(behind: Gateway) -> None:
    assert ask(behind, *ANA, ("Authorization", "Bearer nx_wrong")) in (401, 429)


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def certificate(folder: Path, name: str, san: str, authority: str | None = None) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key")
    signer = ("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key") if authority else ()
    kind = ("-addext", "basicConstraints=critical,CA:FALSE") if authority or san.startswith("DNS") else ()
    openssl(folder, "req", "-x509", *key, "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}", *signer, *kind,
            *(("-addext", f"subjectAltName={san}") if san else ()))  # fmt: skip


@pytest.fixture(scope="module")
def with_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder, "server", "DNS:localhost,IP:127.0.0.1")
    certificate(folder, "authority", "")
    certificate(folder, "stranger", "")
    certificate(folder, "ana", "URI:spiffe://acme.example/ana", "authority")
    certificate(folder, "eve", "URI:spiffe://acme.example/ana", "stranger")
    authentication = {
        "type": "keys",
        "required_scopes": ["mcp:tools"],
        "certificates": {"authority": str(folder / "authority.pem"), "scopes": ["mcp:tools"]},
    }
    tls = {"certificate": str(folder / "server.pem"), "key": str(folder / "server.key")}
    options = {"listen": "https://127.0.0.1:0", "tls": tls, "authentication": authentication}
    with serving(folder, stdio("notes", folder), **options) as running:
        yield running


def ask_tls(gateway: Gateway, name: str | None, *, tls: ssl.TLSVersion | None = None) -> tuple[int, int]:
    """Two requests on one connection."""
    context = ssl.create_default_context(cafile=str(gateway.folder / "server.pem"))
    if tls is not None:
        context.maximum_version = tls
    if name is not None:
        context.load_cert_chain(gateway.folder / f"{name}.pem", gateway.folder / f"{name}.key")
    body, usual = modern_body("tools/list", None)
    connection = http.client.HTTPSConnection("127.0.0.1", urlsplit(gateway.url).port, context=context, timeout=30)
    statuses = []
    try:
        for _ in range(2):
            connection.request("POST", "/mcp", body=body, headers=usual)
            answer = connection.getresponse()
            json.loads(answer.read())
            statuses.append(answer.status)
    finally:
        connection.close()
    return statuses[0], statuses[1]


@pytest.mark.parametrize("version", [None, ssl.TLSVersion.TLSv1_2], ids=["newest", "1.2"])
def test_a_certificate_opens_the_door_for_its_connection(with_tls: Gateway, version: ssl.TLSVersion | None) -> None:
    """The requests of both are the same bytes."""
    for _ in range(2):
        assert ask_tls(with_tls, "ana", tls=version) == (200, 200)
        assert ask_tls(with_tls, None, tls=version) == (401, 401)


def test_a_certificate_of_a_stranger_ends_the_connection(with_tls: Gateway) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException, socket.timeout)):
        ask_tls(with_tls, "eve")


def test_another_authority_is_trusted_from_the_next_start_on_and_the_old_one_no_more(with_tls: Gateway) -> None:
    """TLS goes on trusting what it was made with; so nobody who is known by it comes in."""
    before = with_tls.config["authentication"]
    other = {**before["certificates"], "authority": str(with_tls.folder / "stranger.pem")}
    with_tls.write(authentication={**before, "certificates": other})
    until(lambda: ask_tls(with_tls, "ana") == (401, 401), "ana is no longer known")
    until(lambda: with_tls.said("Client certificates are not taken"), "the log says so")
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        ask_tls(with_tls, "eve")
    with_tls.write(authentication=before)

    until(lambda: ask_tls(with_tls, "ana") == (200, 200), "ana is known again")


def test_the_log_says_who_called(behind: Gateway) -> None:
    ask(behind, *ANA)

    until(lambda: behind.said("tools/list by ana"), "the log names her")
