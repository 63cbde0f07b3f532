"""The same front door behind TLS."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http1_kit import client, hall, limits_with, request, until

from narthex.edge.http1 import Exchange


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's, that trust each other."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


async def answer_in_two_ways(exchange: Exchange) -> None:
    if exchange.path == "/stream":
        stream = exchange.stream()
        stream.send(b"data: 1\n\n")
        stream.end()
    else:
        exchange.respond(200, exchange.body)


async def test_answers_streams_and_refusals_pass_through_tls(contexts) -> None:
    server, trusting = contexts
    options = {"ssl": trusting, "server_hostname": "localhost"}
    async with hall(answer_in_two_ways, ssl=server) as stage:
        async with client(stage, **options) as caller:
            body = b"x" * 1_000_000
            await caller.send(request(method="POST", body=body))
            assert (await caller.answer()).body == body
            await caller.send(request("/stream"))
            assert (await caller.answer()).body == b"data: 1\n\n"
            await caller.send(request("/", "Connection: close"))
            assert (await caller.answer()).status == 200
            assert await caller.rest() == b""
        async with client(stage, **options) as caller:
            await caller.send(request(host="evil.example"))
            assert (await caller.answer()).status == 421
        await until(lambda: stage.listener.stats == (0, 0))
        assert stage.faults == []


async def test_a_client_that_leaves_is_noticed_through_tls(contexts) -> None:
    server, trusting = contexts

    async def forever(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    async with hall(forever, ssl=server) as stage:
        async with client(stage, ssl=trusting, server_hostname="localhost") as caller:
            await caller.send(request())
            await until(lambda: stage.listener.stats.inflight == 1)
        await until(lambda: stage.listener.stats == (0, 0))


async def test_a_handshake_that_does_not_come_is_let_go(contexts) -> None:
    server, _ = contexts
    async with hall(ssl=server, limits=limits_with(header_seconds_max=0.3)) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
