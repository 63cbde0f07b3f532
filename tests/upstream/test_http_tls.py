"""Connections that are secure, or not made."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from http_raw import HEAD_JSON, Peer, RawServer, always, answer, echo, soon, until

from narthex.limits import Limits
from narthex.upstream.http import ConnectFailed, ConnectTimeout, HttpFault, Lost, Tls, TlsFailed, Truncated

Key = ec.EllipticCurvePrivateKey


class Authority:
    """A certificate authority of its own, as a company has one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = name("Test authority")
        certificate = builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self._write("ca.pem", certificate.sign(self._key, hashes.SHA256()))

    def issue(self, who: str, *alternatives: x509.GeneralName, days: int = 1) -> tuple[str, str]:
        """The files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = builder(name(who), self._name, key, days)
        if alternatives:
            certificate = certificate.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        key_file = self._folder / f"{who}.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return self._write(f"{who}.pem", certificate.sign(self._key, hashes.SHA256())), str(key_file)

    def _write(self, file: str, certificate: x509.Certificate) -> str:
        path = self._folder / file
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def builder(subject: x509.Name, issuer: x509.Name, key: Key, days: int = 1) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    start, end = sorted((now - dt.timedelta(minutes=1), now + dt.timedelta(days=days)))
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


LOCALHOST = x509.DNSName("localhost")
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def secure(authority: Authority) -> Callable[..., ssl.SSLContext]:
    def context(*alternatives: x509.GeneralName, days: int = 1, client_ca: str | None = None) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(*authority.issue("server", *alternatives, days=days))
        if client_ca is not None:
            made.load_verify_locations(client_ca)
            made.verify_mode = ssl.CERT_REQUIRED
        return made

    return context


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_trusted_server_is_spoken_to_and_the_connection_kept(
    host: str, authority: Authority, secure: Callable[..., ssl.SSLContext]
) -> None:
    asked: list[str | None] = []
    context = secure(LOCALHOST, LOOPBACK)
    context.sni_callback = lambda _socket, server_name, _context: asked.append(server_name)
    async with RawServer(echo, context) as server:
        client = server.client(scheme="https", host=host, tls=Tls(ca_file=authority.file))
        replies = []
        for size in (2, 200_000, 2):
            replies.append(await client.post(b"", b"x" * size, deadline=soon()))
            client._pool.idle[0].idle_since -= 5.0  # as if time had passed: it is looked at before it is used again
        stats = client.stats
        await client.aclose()

    assert [len(reply.body) for reply in replies] == [2, 200_000, 2]
    assert (stats.opened, stats.idle) == (1, 1)
    assert asked == ["localhost" if host == "localhost" else None]


async def refused(server: RawServer, tls: Tls | None, host: str = "localhost") -> HttpFault:
    client = server.client(scheme="https", host=host, tls=tls)
    with pytest.raises(HttpFault) as caught:
        await client.post(b"", b"{}", deadline=soon())
    await until(lambda: client.stats.open == 0)
    stats = client.stats
    await client.aclose()

    assert not caught.value.sent
    assert stats.requests == 0
    return caught.value


async def test_unknown_authorities_wrong_names_and_expired_certificates_are_refused(
    authority: Authority, secure: Callable[..., ssl.SSLContext]
) -> None:
    ours = Tls(ca_file=authority.file)
    async with RawServer(echo, secure(LOCALHOST)) as server:
        assert isinstance(await refused(server, None), TlsFailed)
        assert isinstance(await refused(server, ours, "127.0.0.1"), TlsFailed)
    async with RawServer(echo, secure(x509.DNSName("other.example"))) as server:
        assert isinstance(await refused(server, ours), TlsFailed)
    async with RawServer(echo, secure(LOCALHOST, days=-2)) as server:
        assert isinstance(await refused(server, ours), TlsFailed)


async def test_verification_can_be_turned_off(secure: Callable[..., ssl.SSLContext]) -> None:
    async with RawServer(echo, secure(x509.DNSName("other.example"))) as server:
        client = server.client(scheme="https", tls=Tls(verify=False))
        reply = await client.post(b"", b"{}", deadline=soon())
        await client.aclose()

    assert reply.body == b"{}"


async def test_old_versions_are_refused(authority: Authority, secure: Callable[..., ssl.SSLContext]) -> None:
    context = secure(LOCALHOST)
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with RawServer(echo, context) as server:
        assert isinstance(await refused(server, Tls(ca_file=authority.file)), (TlsFailed, ConnectFailed))


async def test_a_client_certificate_is_shown_where_one_is_asked_for(
    authority: Authority, secure: Callable[..., ssl.SSLContext]
) -> None:
    context = secure(LOCALHOST, client_ca=authority.file)
    async with RawServer(echo, context) as server:
        tls = Tls(ca_file=authority.file, certificate=authority.issue("gateway"))
        client = server.client(scheme="https", host="localhost", tls=tls)
        reply = await client.post(b"", b"{}", deadline=soon())
        await client.aclose()
        bare = server.client(scheme="https", host="localhost", tls=Tls(ca_file=authority.file))
        # In TLS 1.3 the server refuses after the client's handshake is done.
        with pytest.raises((TlsFailed, ConnectFailed, Lost)):
            await bare.post(b"", b"{}", deadline=soon())
        await bare.aclose()

    assert reply.body == b"{}"


async def test_a_server_without_tls_and_one_that_says_nothing(authority: Authority) -> None:
    async def silent(peer: Peer) -> None:
        await peer.wait_gone()

    tls = Tls(ca_file=authority.file)
    async with RawServer(always(answer(b"{}"))) as server:
        client = server.client(scheme="https", tls=tls)
        with pytest.raises((TlsFailed, ConnectFailed, ConnectTimeout)):
            await client.post(b"", b"{}", deadline=soon(0.5))
        await client.aclose()
    async with RawServer(silent) as server:
        client = server.client(Limits(connect_seconds_max=0.2), scheme="https", tls=tls)
        with pytest.raises(ConnectTimeout) as caught:
            await client.post(b"", b"{}", deadline=soon())
        stats = client.stats
        await client.aclose()

    assert not caught.value.sent
    assert stats.requests == 0


async def test_files_that_cannot_be_read_are_a_connect_fault(tmp_path: Path) -> None:
    async with RawServer(echo) as server:
        fault = await refused(server, Tls(ca_file=str(tmp_path / "missing.pem")))

    assert isinstance(fault, ConnectFailed)


# asyncio's own loop reports both ends alike; uvloop, which production runs on, tells them apart.
@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize("properly", [True, False])
async def test_a_body_that_only_the_end_ends_is_whole_only_with_a_proper_goodbye(
    properly: bool, authority: Authority, secure: Callable[..., ssl.SSLContext]
) -> None:
    """Whoever can cut the wire can forge a FIN, but not the close_notify of TLS (RFC 9112, 9.8)."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD_JSON + b"\r\n{}")
        if not properly:
            peer.writer.transport.abort()

    async with RawServer(script, secure(LOCALHOST)) as server:
        client = server.client(scheme="https", host="localhost", tls=Tls(ca_file=authority.file))
        try:
            outcome: object = (await client.post(b"", b"{}", deadline=soon())).body
        except Truncated as fault:
            outcome = fault
        await client.aclose()

    assert outcome == b"{}" if properly else isinstance(outcome, Truncated)


async def test_one_context_serves_many_clients(authority: Authority, secure: Callable[..., ssl.SSLContext]) -> None:
    tls = Tls(ca_file=authority.file)
    async with RawServer(echo, secure(LOCALHOST)) as server:
        for _ in range(3):
            client = server.client(scheme="https", host="localhost", tls=tls)
            await client.post(b"", b"{}", deadline=soon())
            await client.aclose()
        assert await tls.context() is await tls.context()
