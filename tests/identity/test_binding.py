"""Tokens bound to a key: good only with a fresh proof for this request, shown once (RFC 9449), or on the right
connection (RFC 8705)."""

import time
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from identity_kit import (
    HERE,
    SALES,
    AnyKey,
    Clock,
    Realm,
    authority_of,
    base64url,
    ec_key,
    mint,
    proof,
    public,
    shown,
    sign,
    status,
)
from joserfc.jwk import ECKey, OKPKey, RSAKey

from narthex.identity.authority import Authority
from narthex.identity.binding import Binding, Proofs
from narthex.identity.certificate import Presented
from narthex.identity.credential import Credential
from narthex.limits import (
    proof_id_chars_max,
    proof_seconds_max,
    proofs_remembered_max,
    token_clock_leeway_seconds,
)
from narthex.model.identity import Principal, Refusal

GOOD, BAD, NO_PROOF = (200, "ana"), (401, "invalid_token"), (401, "invalid_dpop_proof")
OURS = Presented(uris=(), dns_names=(), common_names=("ana",), expires=9e9, thumbprint="our-thumbprint")
THEIRS = Presented(uris=(), dns_names=(), common_names=("eve",), expires=9e9, thumbprint="their-thumbprint")


@pytest.fixture(scope="session")
def holder() -> ECKey:
    return ec_key("holder")


def with_proof(token: str, *proofs: str, **further: Any) -> Credential:
    headers = (("Authorization", f"DPoP {token}"), *(("DPoP", each) for each in proofs))
    return shown(*headers, **{"uri": HERE, "method": "POST", **further})


def bound(realm: Realm, key: ECKey, holder: AnyKey) -> str:
    return mint(key, realm.claims(cnf={"jkt": holder.thumbprint()}), "ES256")


async def asked(authority: Authority, credential: Credential, now: float | None = None) -> Principal | Refusal:
    return await authority.find(credential, "", time.time() if now is None else now)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA"])
async def test_a_bound_token_is_good_with_a_proof(
    algorithm: str, realm: Realm, ec_one: ECKey, rsa_one: RSAKey, okp_one: OKPKey, holder: ECKey
) -> None:
    key: AnyKey = {"ES256": holder, "EdDSA": okp_one}.get(algorithm, rsa_one)
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = bound(realm, ec_one, key)
    first = await asked(authority, with_proof(token, proof(key, token, algorithm)))
    second = authority.known(with_proof(token, proof(key, token, algorithm)), "", time.time())
    await authority.aclose()

    assert status(first) == GOOD
    assert second is first  # looked up, and the proof judged all the same


async def test_a_proof_is_good_once(realm: Realm, ec_one: ECKey, holder: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = bound(realm, ec_one, holder)
    same = proof(holder, token)
    answers = [await asked(authority, with_proof(token, same)) for _ in range(3)]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD, NO_PROOF, NO_PROOF]
    assert isinstance(answers[1], Refusal)
    assert answers[1].message == "The DPoP proof was shown before."


async def test_addresses_are_compared_as_addresses(realm: Realm, ec_one: ECKey, holder: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = bound(realm, ec_one, holder)
    same = [HERE, "HTTPS://tools.EXAMPLE.com/mcp", "https://tools.example.com:443/mcp", f"{HERE}?a=b", f"{HERE}#x"]
    answers = [await asked(authority, with_proof(token, proof(holder, token, htu=htu))) for htu in same]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD] * len(same)


Made = Callable[[ECKey, str], str]


def saying(**claims: Any) -> Made:
    return lambda holder, token: proof(holder, token, **claims)


def heading(**header: Any) -> Made:
    """A proof with another header; None takes a part away."""

    def make(holder: ECKey, token: str) -> str:
        usual = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public(holder), **header}
        claims = proof(holder, token).split(".")[1]
        said = {name: value for name, value in usual.items() if value is not None}
        return sign(said, b64decode(claims + "==", altchars=b"-_"), holder, "ES256")

    return make


STRANGER = ec_key("stranger")
BAD_PROOFS: dict[str, Made] = {
    "none": lambda _holder, _token: "",
    "no token at all": lambda _holder, _token: "proof",
    "the token itself": lambda _holder, token: token,
    "of another key": lambda _holder, token: proof(STRANGER, token),
    "signed by another key than it shows": lambda holder, token: heading(jwk=public(holder))(STRANGER, token),
    "with the private key in it": heading(jwk=STRANGER.as_dict(private=True)),
    "without a key": heading(jwk=None),
    "with a shared secret": heading(jwk={"kty": "oct", "k": "c2VjcmV0"}),
    "of another type": heading(typ="jwt"),
    "of no type": heading(typ=None),
    "by no algorithm": heading(alg="none"),
    "by HS256": heading(alg="HS256"),
    "with an address of a key": heading(jku="http://127.0.0.1:1/"),
    "with crit": heading(crit=["x"]),
    "for another method": saying(htm="GET"),
    "for a method in small letters": saying(htm="post"),
    "for no method": saying(htm=None),
    "for another address": saying(htu=SALES),
    "for http": saying(htu=HERE.replace("https", "http")),
    "for another port": saying(htu=HERE.replace(".com", ".com:8443")),
    "for a broken port": saying(htu=HERE.replace(".com", ".com:99999999")),
    "for no address": saying(htu=None),
    "for a number": saying(htu=7),
    "for another token": saying(ath=base64url(b"x" * 32)),
    "for no token": saying(ath=None),
    "ath of signs outside ASCII": saying(ath="é"),
    "without an id": saying(jti=None),
    "with an empty id": saying(jti=""),
    "with an id too long": saying(jti="j" * (proof_id_chars_max + 1)),
    "with a number as id": saying(jti=7),
    "without a time": saying(iat=None),
    "with a text as time": saying(iat="now"),
    "too old": saying(iat=time.time() - proof_seconds_max - token_clock_leeway_seconds - 900),
    "from the future": saying(iat=time.time() + 900),
}


@pytest.mark.parametrize("case", BAD_PROOFS)
async def test_a_bad_proof_is_refused(case: str, realm: Realm, ec_one: ECKey, holder: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = bound(realm, ec_one, holder)
    first = await asked(authority, with_proof(token, BAD_PROOFS[case](holder, token)))
    second = authority.known(with_proof(token, BAD_PROOFS[case](holder, token)), "", time.time())
    await authority.aclose()

    for answer in (first, second):
        assert isinstance(answer, Refusal)
        assert status(answer) in (BAD, NO_PROOF)
        assert "The token" not in answer.message or answer.error == "invalid_token"


async def test_a_bound_token_is_nothing_as_bearer_and_an_unbound_one_nothing_as_dpop(
    realm: Realm, ec_one: ECKey, holder: ECKey
) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token, free = bound(realm, ec_one, holder), mint(ec_one, realm.claims(), "ES256")
    as_bearer = shown(("Authorization", f"Bearer {token}"), ("DPoP", proof(holder, token)), uri=HERE)
    answers = [
        await asked(authority, credential)
        for credential in (as_bearer, with_proof(token), with_proof(free, proof(holder, free)))
        for _ in range(2)
    ]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [BAD] * 6


async def test_a_proof_is_too_old_after_a_while(realm: Realm, ec_one: ECKey, holder: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = bound(realm, ec_one, holder)
    now = time.time()
    early, late = proof(holder, token), proof(holder, token)
    last = now + proof_seconds_max + token_clock_leeway_seconds
    answers = [
        await asked(authority, with_proof(token, early), last - 2),
        await asked(authority, with_proof(token, late), last + 2),
    ]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD, NO_PROOF]


def test_proofs_are_remembered_as_long_as_they_could_be_shown(holder: ECKey) -> None:
    token, proofs = "opaque", Proofs()
    binding = Binding(key=holder.thumbprint())
    began = time.time()
    first = proof(holder, token, iat=began + token_clock_leeway_seconds - 1)
    moments = [began, began + 60, began + proof_seconds_max + 2 * token_clock_leeway_seconds - 2]
    answers = [proofs.judge(binding, with_proof(token, first), moment) for moment in moments]

    assert answers[0] is None
    assert [answer and answer.message for answer in answers[1:]] == ["The DPoP proof was shown before."] * 2


def test_a_clock_set_back_forgets_no_proof_at_once(holder: ECKey) -> None:
    token, proofs = "opaque", Proofs()
    binding = Binding(key=holder.thumbprint())
    now = time.time()
    same = proof(holder, token)
    proofs.judge(binding, with_proof(token, same), now)
    again = proofs.judge(binding, with_proof(token, same), now - 10)

    assert again is not None


def test_when_no_more_proofs_fit_further_ones_are_refused_until_they_do(holder: ECKey) -> None:
    token, proofs = "opaque", Proofs()
    binding = Binding(key=holder.thumbprint())
    now = time.time()
    proofs.judge(binding, with_proof(token, proof(holder, token)), now)
    proofs._seen.update(n.to_bytes(32) for n in range(proofs_remembered_max - 1))
    full = proofs.judge(binding, with_proof(token, proof(holder, token)), now)
    later = now + proof_seconds_max + 2 * token_clock_leeway_seconds
    room = proofs.judge(binding, with_proof(token, proof(holder, token, iat=later)), later)

    assert full is not None
    assert (full.status, full.retry_after_seconds) == (503, 1)
    assert room is None


async def test_a_token_bound_to_a_certificate_is_good_on_its_connection_only(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = mint(ec_one, realm.claims(cnf={"x5t#S256": OURS.thumbprint}), "ES256")
    header = ("Authorization", f"Bearer {token}")
    answers = [await asked(authority, shown(header, certificate=one)) for one in (OURS, THEIRS, None, OURS)]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD, BAD, BAD, GOOD]


async def test_a_token_may_be_bound_to_both(realm: Realm, ec_one: ECKey, holder: ECKey) -> None:
    realm.publish(ec_one)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    confirmation = {"jkt": holder.thumbprint(), "x5t#S256": OURS.thumbprint}
    token = mint(ec_one, realm.claims(cnf=confirmation), "ES256")
    answers = [
        await asked(authority, with_proof(token, proof(holder, token), certificate=OURS)),
        await asked(authority, with_proof(token, proof(holder, token), certificate=THEIRS)),
        await asked(authority, with_proof(token, certificate=OURS)),
    ]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD, BAD, BAD]


def test_what_may_not_be_remembered_says_so(holder: ECKey) -> None:
    assert with_proof("opaque", "x").changes
    assert not shown(("Authorization", "Bearer opaque")).changes
