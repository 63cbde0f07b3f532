"""A certified OpenID provider, in a process of its own: what it gives out is taken, what it takes back is refused."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from outside.provider import GATEWAY, Provider, providing

from narthex.identity.authority import Authority
from narthex.identity.credential import Credential, of
from narthex.limits import issuer_keys_seconds_max, issuer_unknown_key_seconds, verified_seconds_max
from narthex.model.authentication import AuthenticationConfig, IntrospectionConfig, IssuerConfig
from narthex.model.identity import Principal, Refusal

pytestmark = pytest.mark.provider

HERE, OPAQUE, ELSEWHERE = (f"https://tools.example.com/mcp{path}" for path in ("", "/opaque", "/elsewhere"))


class Fields(dict[bytes, bytes]):
    """Headers, as the edge hands them on."""

    def count(self, name: bytes) -> int:
        return int(name in self)


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def provider(provider_part: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with providing(Path(tmp_path_factory.mktemp("provider")) / "log") as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def authority(provider: Provider, clock: Clock) -> AsyncIterator[Authority]:
    name, secret = GATEWAY
    asked = IntrospectionConfig(client_id=name, client_secret=secret)
    issuer = IssuerConfig(issuer=provider.issuer, typ="at+jwt", algorithms=("RS256",), introspection=asked)
    found = Authority(clock=clock)
    found.configure(
        AuthenticationConfig(type="oauth2", issuers=(issuer,), required_scopes=("mcp:tools",)),
        {"": [HERE], "opaque": [OPAQUE]},
    )
    yield found
    await found.aclose()


def shown(token: str, proof: str = "") -> Credential:
    fields = Fields({b"authorization": f"{'DPoP' if proof else 'Bearer'} {token}".encode()})
    if proof:
        fields[b"dpop"] = proof.encode()
    found = of(fields, uri=HERE)
    assert isinstance(found, Credential)
    return found


async def ask(authority: Authority, token: str, endpoint: str = "", after: float = 0.0) -> Principal | Refusal:
    return await authority.find(shown(token), endpoint, time.time() + after)


def status(answer: Principal | Refusal) -> int:
    return answer.status if isinstance(answer, Refusal) else 200


async def test_a_token_for_this_resource_is_taken(provider: Provider, authority: Authority) -> None:
    who = await ask(authority, provider.token(HERE, "mcp:tools mcp:admin"))

    assert isinstance(who, Principal)
    assert (who.subject, who.client, who.how) == ("machine", "machine", "jwt")
    assert who.scopes == {"mcp:tools", "mcp:admin"}
    assert who.issuer == provider.issuer


async def test_a_token_for_another_resource_is_refused(provider: Provider, authority: Authority) -> None:
    answers = [await ask(authority, provider.token(ELSEWHERE)), await ask(authority, provider.token(HERE), "opaque")]

    assert [status(answer) for answer in answers] == [401, 401]


async def test_a_token_without_the_scope_that_all_need_is_told_so(provider: Provider, authority: Authority) -> None:
    answer = await ask(authority, provider.token(HERE, "mcp:admin"))

    assert isinstance(answer, Refusal)
    assert (answer.status, answer.error, answer.scopes) == (403, "insufficient_scope", {"mcp:tools"})


async def test_an_opaque_token_is_asked_about_until_it_is_taken_back(provider: Provider, authority: Authority) -> None:
    token = provider.token(OPAQUE)
    before = await ask(authority, token, "opaque")
    provider.take_back(token)
    after = await ask(authority, token, "opaque", after=verified_seconds_max)

    assert isinstance(before, Principal)
    assert (before.subject, before.how, before.endpoints) == ("machine", "introspection", {"opaque"})
    assert status(after) == 401


async def test_keys_change_while_it_runs(provider: Provider, authority: Authority, clock: Clock) -> None:
    old = provider.token(HERE)
    answers = [await ask(authority, old)]
    provider.add_key()
    clock.now += issuer_unknown_key_seconds
    answers += [await ask(authority, provider.token(HERE)), await ask(authority, old)]
    provider.drop_keys()
    clock.now += issuer_keys_seconds_max
    answers += [await ask(authority, provider.token(HERE)), await ask(authority, old, after=verified_seconds_max)]

    assert [status(answer) for answer in answers] == [200, 200, 200, 200, 401]


async def test_a_token_bound_to_a_key_needs_its_proof(provider: Provider, authority: Authority) -> None:
    key = ECKey.generate_key("P-256")
    token = provider.token(HERE, proof=proof(key, f"{provider.issuer}/token"))
    answers = [
        await authority.find(shown(token, proof(key, HERE, token)), "", time.time()),
        await authority.find(shown(token, proof(ECKey.generate_key("P-256"), HERE, token)), "", time.time()),
        await authority.find(shown(token), "", time.time()),
    ]

    assert [status(answer) for answer in answers] == [200, 401, 401]


def proof(key: ECKey, uri: str, token: str = "") -> str:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    claims = {"jti": uuid4().hex, "htm": "POST", "htu": uri, "iat": int(time.time())}
    if token:
        claims["ath"] = urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
    return jws.serialize_compact(header, json.dumps(claims), key)
