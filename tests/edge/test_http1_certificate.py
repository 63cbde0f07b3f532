"""Client certificates: TLS checks them, one authority signs them, and a connection has its own or none."""

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from http1_kit import Hall, client, hall, request

from narthex.control.certificate import server_context
from narthex.control.problem import ConfigError
from narthex.edge.http1 import Exchange
from narthex.identity.certificate import presented, principal_of
from narthex.model.authentication import AuthenticationConfig, CertificatesConfig
from narthex.model.config import Config
from narthex.model.identity import Principal, Refusal

ANA = x509.UniformResourceIdentifier("spiffe://acme.example/ana")
BO = x509.UniformResourceIdentifier("spiffe://acme.example/bo")
LOCALHOST = x509.DNSName("localhost")


@dataclass
class Identity:
    """A certificate and its key; an authority signs others with it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, path: Path, *chain: "Identity") -> Path:
        whole = [one.certificate.public_bytes(serialization.Encoding.PEM) for one in (self, *chain)]
        plain = serialization.NoEncryption()
        whole.append(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        path.write_bytes(b"".join(whole))
        return path


def issue(
    *names: x509.GeneralName,
    by: Identity | None = None,
    common: tuple[str, ...] = ("test",),
    authority: bool = False,
    usage: x509.ObjectIdentifier | None = None,
    hours: float = 1.0,
) -> Identity:
    """By itself, if nobody signs."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in common])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=2))
        .not_valid_after(now + dt.timedelta(hours=hours))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Identity(builder.sign(by.key if by else key, hashes.SHA256()), key)


@dataclass
class House:
    """A server's files, and the authority whose clients it takes."""

    folder: Path
    server: Identity
    authority: Identity

    @property
    def config(self) -> Config:
        return self.configured(self.authority.write(self.folder / "authority.pem"))

    def configured(self, authority: Path) -> Config:
        both = str(self.server.write(self.folder / "server.pem"))
        certificates = CertificatesConfig(authority=str(authority), scopes=("mcp:tools",))
        return Config(
            tls={"certificate": both, "key": both},
            authentication=AuthenticationConfig(type="keys", certificates=certificates),
        )

    def context(self) -> ssl.SSLContext:
        found = server_context(self.config)
        assert found is not None
        return found

    def caller(self, identity: Identity | None, *chain: Identity) -> dict[str, object]:
        """What a client connects with."""
        own = ssl.create_default_context(cafile=str(self.server.write(self.folder / "trusted.pem")))
        if identity is not None:
            own.load_cert_chain(identity.write(self.folder / "client.pem", *chain))
        return {"ssl": own, "server_hostname": "localhost"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, issue(LOCALHOST), issue(authority=True, common=("authority",)))


CONFIG = CertificatesConfig(authority="", scopes=("mcp:tools",))


def named(config: CertificatesConfig = CONFIG) -> Callable[[Exchange], object]:
    async def answer(exchange: Exchange) -> None:
        found = principal_of(exchange.certificate, config, time.time())
        who = found.subject if isinstance(found, Principal) else getattr(found, "message", "nobody")
        exchange.respond(200, who.encode())

    return answer


async def asked(house: House, identity: Identity | None, *chain: Identity, config: CertificatesConfig = CONFIG) -> str:
    async with (
        hall(named(config), ssl=house.context()) as stage,
        client(stage, **house.caller(identity, *chain)) as caller,
    ):
        await caller.send(request())
        return (await caller.answer()).body.decode()


async def test_a_certificate_names_its_holder(house: House) -> None:
    ana = issue(ANA, by=house.authority)

    assert await asked(house, ana) == "spiffe://acme.example/ana"


async def test_who_shows_none_is_nobody_and_may_come_with_something_else(house: House) -> None:
    assert await asked(house, None) == "nobody"


async def test_through_an_authority_that_the_named_one_has_signed(house: House) -> None:
    between = issue(by=house.authority, authority=True, common=("between",))
    ana = issue(ANA, by=between)

    assert await asked(house, ana, between) == "spiffe://acme.example/ana"


async def test_the_authority_may_itself_be_signed_by_somebody(house: House) -> None:
    root = house.authority
    house.authority = issue(by=root, authority=True, common=("department",))
    stranger = issue(BO, by=issue(by=root, authority=True, common=("other department",)))

    assert await asked(house, issue(ANA, by=house.authority)) == "spiffe://acme.example/ana"
    await refused(house, stranger)


async def refused(house: House, identity: Identity) -> None:
    """TLS 1.3: the client may be done before the server has looked, and hears of it when it reads."""

    async def ask(stage: Hall) -> None:
        async with client(stage, **house.caller(identity)) as caller:
            await caller.send(request())
            await caller.answer()

    async with hall(named(), ssl=house.context()) as stage:
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await ask(stage)
        assert stage.seen == [], "not one byte of a request was read"


@pytest.mark.parametrize(
    "make",
    [
        lambda authority: issue(ANA),
        lambda authority: issue(ANA, by=issue(authority=True, common=("authority",))),  # the same name, another key
        lambda authority: issue(ANA, by=issue(by=authority, common=("no authority",))),
        lambda authority: issue(ANA, by=authority, hours=-1.0),
        lambda authority: issue(ANA, by=authority, usage=ExtendedKeyUsageOID.SERVER_AUTH),
    ],
    ids=["self-signed", "another authority of that name", "signed by a client", "expired", "for servers only"],
)
async def test_what_the_authority_has_not_signed_for_this_ends_the_connection(
    house: House, make: Callable[[Identity], Identity]
) -> None:
    await refused(house, make(house.authority))


async def test_a_certificate_for_clients_is_one_for_clients(house: House) -> None:
    ana = issue(ANA, by=house.authority, usage=ExtendedKeyUsageOID.CLIENT_AUTH)

    assert await asked(house, ana) == "spiffe://acme.example/ana"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "exactly one URI in its subjectAltName; it has 0"),
        ((LOCALHOST,), "exactly one URI in its subjectAltName; it has 0"),
        ((ANA, BO), "exactly one URI in its subjectAltName; it has 2"),
        ((x509.UniformResourceIdentifier("a" * 300),), "cannot be a caller's name"),
        ((x509.UniformResourceIdentifier("ana\x00evil"),), "cannot be a caller's name"),
    ],
    ids=["none", "another kind", "two", "long", "with NUL"],
)
async def test_a_certificate_that_names_nobody_or_several(
    house: House, names: tuple[x509.GeneralName, ...], told: str
) -> None:
    assert told in await asked(house, issue(*names, by=house.authority))


async def test_the_common_name_where_the_operator_says_so(house: House) -> None:
    by_name = CertificatesConfig(authority="", subject="cn")
    ana, both = issue(ANA, by=house.authority, common=("ana",)), issue(by=house.authority, common=("ana", "bo"))

    assert await asked(house, ana, config=by_name) == "ana"
    assert "exactly one common name; it has 2" in await asked(house, both, config=by_name)


async def test_a_certificate_belongs_to_its_connection(house: House) -> None:
    """The bytes of both requests are the same, and a listener remembers heads."""
    ana, bo = issue(ANA, by=house.authority), issue(BO, by=house.authority)
    async with hall(named(), ssl=house.context()) as stage:
        for _ in range(2):
            for identity, expected in (
                (ana, b"spiffe://acme.example/ana"),
                (bo, b"spiffe://acme.example/bo"),
                (None, b"nobody"),
            ):
                async with client(stage, **house.caller(identity)) as caller:
                    for _ in range(2):
                        await caller.send(request())
                        assert (await caller.answer()).body == expected


async def test_without_tls_there_is_none() -> None:
    async with hall(named()) as stage, client(stage) as caller:
        await caller.send(request())
        assert (await caller.answer()).body == b"nobody"


async def test_it_is_good_as_long_as_it_is_good(house: House) -> None:
    ana = issue(ANA, by=house.authority)
    seen: list[object] = []

    async def look(exchange: Exchange) -> None:
        seen.append(exchange.certificate)
        exchange.respond(200)

    async with hall(look, ssl=house.context()) as stage, client(stage, **house.caller(ana)) as caller:
        await caller.send(request())
        await caller.answer()
    [shown] = seen
    who, late = principal_of(shown, CONFIG, time.time()), principal_of(shown, CONFIG, time.time() + 7_200)

    assert isinstance(who, Principal)
    assert (who.how, who.scopes, who.tenant) == ("certificate", {"mcp:tools"}, "")
    assert 3_000 < who.expires - time.time() < 4_000
    assert isinstance(late, Refusal)
    assert (late.status, "has expired" in late.message) == (401, True)
    assert "ana" not in repr(shown)


class Unreadable:
    def getpeercert(self, binary_form: bool = False) -> object:
        return b"der" if binary_form else {"notAfter": "some day"}


class Unchecked:
    def getpeercert(self, binary_form: bool = False) -> object:
        return b"der" if binary_form else {}


@pytest.mark.parametrize("tls", [None, Unreadable(), Unchecked()], ids=["plain", "unreadable", "unchecked"])
def test_what_was_not_checked_or_cannot_be_read_names_nobody(tls: object) -> None:
    assert presented(tls) is None
    assert principal_of(None, CONFIG, 0.0) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "No such file"), (b"", "cannot be used"), (b"no certificate", "cannot be used")],
    ids=["missing", "empty", "other"],
)
def test_an_authority_that_cannot_be_used_is_told(house: House, text: bytes | None, told: str) -> None:
    path = house.folder / "wrong.pem"
    if text is not None:
        path.write_bytes(text)

    with pytest.raises(ConfigError, match=told):
        server_context(house.configured(path))


def test_a_certificate_that_signs_nobody_is_no_authority(house: House) -> None:
    path = issue(ANA).write(house.folder / "leaf.pem")

    with pytest.raises(ConfigError, match="holds no certificate of an authority"):
        server_context(house.configured(path))
