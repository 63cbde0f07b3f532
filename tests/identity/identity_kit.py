"""Real keys, real tokens, and a real issuer in a process of its own."""

import json
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwa
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from narthex.identity.authority import Authority
from narthex.identity.credential import Credential, of
from narthex.model.authentication import AuthenticationConfig, IssuerConfig
from narthex.model.identity import Principal, Refusal

SERVER = Path(__file__).with_name("issuer_server.py")
START_SECONDS_MAX = 20.0
HERE = "https://tools.example.com/mcp"
SALES = "https://tools.example.com/mcp/sales"
AUDIENCES = {"": [HERE], "sales": [SALES]}
_MODELS = {model.name: model for model in jwa.JWS_ALGORITHMS}
_NAMES = count()

AnyKey = RSAKey | ECKey | OKPKey | OctKey


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Fields:
    """Headers, as the edge hands them on."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]

    def get(self, name: bytes) -> bytes | None:
        return next((value for known, value in self._pairs if known == name), None)

    def count(self, name: bytes) -> int:
        return sum(known == name for known, _ in self._pairs)


class Realm:
    """One issuer of the issuer process."""

    def __init__(self, base: str) -> None:
        self.name = f"realm{next(_NAMES)}"
        self.url = f"{base}/{self.name}"
        self.behaviour: dict[str, str] = {}

    def tell(self, **documents: Any) -> None:
        _send("PUT", self.url, json.dumps(documents).encode())

    def publish(self, *keys: AnyKey, where: str = "oauth", **metadata: Any) -> None:
        """Metadata at one of the addresses, and these keys."""
        said = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", "introspection_endpoint": f"{self.url}/introspect"}
        self.tell(**{where: {**said, **metadata}, "keys": {"keys": [public(key) for key in keys]}})

    def behave(self, **behaviour: str) -> None:
        self.behaviour |= behaviour
        self.tell(behaviour=self.behaviour)

    def asked(self) -> dict[str, int]:
        """How often each document was asked for."""
        return json.loads(_send("GET", self.url))

    def config(self, **further: Any) -> IssuerConfig:
        return IssuerConfig(issuer=self.url, **further)

    def claims(self, **claims: Any) -> dict[str, Any]:
        """What a good token says; None takes a claim away."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "sub": "ana",
            "aud": HERE,
            "exp": now + 300,
            "iat": now,
            "scope": "mcp:tools",
            **claims,
        }
        return {name: value for name, value in said.items() if value is not None}


def _send(method: str, url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


@contextmanager
def issuer_process() -> Iterator[str]:
    """The base URL of a running issuer process."""
    process = subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(START_SECONDS_MAX)
        finally:
            process.kill()
            process.wait()


def rsa_key(kid: str, bits: int = 2048, **fields: Any) -> RSAKey:
    return RSAKey.import_key(rsa.generate_private_key(65537, bits), {"kid": kid, **fields})


def ec_key(kid: str, curve: str = "P-256") -> ECKey:
    return ECKey.generate_key(curve, {"kid": kid})


def okp_key(kid: str) -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid})


def public(key: AnyKey) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(value: Any) -> str:
    return base64url(value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode())


def sign(header: Any, claims: Any, key: AnyKey, algorithm: str) -> str:
    """A token with any header and payload, signed for real. Bytes stand as they are."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{base64url(_MODELS[algorithm].sign(signed.encode(), key))}"


def mint(key: AnyKey, claims: Any, algorithm: str = "RS256", **header: Any) -> str:
    """A usual token. A header of None is left out."""
    said = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt", **header}
    return sign({name: value for name, value in said.items() if value is not None}, claims, key, algorithm)


def bearer(token: str, **further: Any) -> Credential:
    return shown(("Authorization", f"Bearer {token}"), **further)


def shown(*headers: tuple[str, str], **further: Any) -> Credential:
    found = of(Fields(*headers), **further)
    assert isinstance(found, Credential), found
    return found


def proof(key: AnyKey, token: str, algorithm: str = "ES256", **claims: Any) -> str:
    """A DPoP proof; None takes a claim away."""
    said = {
        "jti": f"proof-{next(_NAMES)}",
        "htm": "POST",
        "htu": HERE,
        "iat": int(time.time()),
        "ath": base64url(sha256(token.encode()).digest()),
        **claims,
    }
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": public(key)}
    return sign(header, {name: value for name, value in said.items() if value is not None}, key, algorithm)


def authority_of(*issuers: IssuerConfig, clock: Clock | None = None, **further: Any) -> Authority:
    """An authority that takes the tokens of these issuers. `said` collects the lines for the operator."""
    said: list[tuple[str, str]] = []
    made = Authority(say=lambda *line: said.append(line), on_fault=_broken, clock=clock or time.monotonic)
    made.configure(AuthenticationConfig(type="oauth2", issuers=issuers, **further), AUDIENCES)
    made.said = said  # type: ignore[attr-defined]
    return made


async def ask(authority: Authority, token: str, endpoint: str = "") -> Principal | Refusal:
    return await authority.find(bearer(token), endpoint, time.time())


def status(answer: Principal | Refusal) -> tuple[int, str]:
    return (answer.status, answer.error) if isinstance(answer, Refusal) else (200, answer.subject)


def basic(name: str, secret: str) -> str:
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


def without(claims: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in names}


def _broken(where: str, error: BaseException) -> None:
    raise AssertionError(f"{where}: {error!r}")
