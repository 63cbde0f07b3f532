"""Tokens that are refused, each with 401 and a sentence that says why and repeats nothing of the token."""

import hmac
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_kit import (
    HERE,
    AnyKey,
    Realm,
    ask,
    authority_of,
    base64url,
    ec_key,
    mint,
    okp_key,
    public,
    rsa_key,
    segment,
    sign,
    status,
    without,
)
from joserfc.jwk import ECKey, OKPKey, RSAKey

from narthex.identity.tokens import BadToken, read
from narthex.limits import token_audiences_max, token_kid_chars_max, token_lifetime_seconds_max
from narthex.model.identity import Refusal

DAY = int(token_lifetime_seconds_max)


class Ring(NamedTuple):
    """The keys of an issuer."""

    rsa: RSAKey
    ec: ECKey
    okp: OKPKey


Claims = dict[str, Any]
Make = Callable[[Ring, Claims], str]


def after(seconds: int) -> Callable[[], int]:
    """So long from the moment in which the token is made: this table may be some minutes older."""
    return lambda: int(time.time()) + seconds


def claiming(**changed: Any) -> Make:
    """A well signed token that says something else; None takes a claim away."""

    def make(ring: Ring, claims: Claims) -> str:
        said = {**claims, **{name: value() if callable(value) else value for name, value in changed.items()}}
        return mint(ring.rsa, {name: value for name, value in said.items() if value is not None})

    return make


def heading(**header: Any) -> Make:
    return lambda ring, claims: mint(ring.rsa, claims, **header)


def by_secret(algorithm: str) -> Make:
    """The public key, which everybody has, taken for a shared secret."""

    def make(ring: Ring, claims: Claims) -> str:
        signed = f"{segment({'alg': algorithm, 'kid': 'rsa-1'})}.{segment(claims)}"
        digest = hmac.digest(ring.rsa.as_pem(private=False), signed.encode(), f"sha{algorithm[2:]}")
        return f"{signed}.{base64url(digest)}"

    return make


def unsigned(ring: Ring, claims: Claims) -> str:
    return f"{segment({'alg': 'none', 'kid': 'rsa-1'})}.{segment(claims)}."


def twice(name: str, value: str) -> Make:
    """The same claim again, spelled with an escape: one reader takes the first, another the last."""

    def make(ring: Ring, claims: Claims) -> str:
        text = json.dumps(claims)[:-1] + f', "\\u{ord(name[0]):04x}{name[1:]}": "{value}"}}'
        return mint(ring.rsa, text.encode())

    return make


def headed_twice(ring: Ring, claims: Claims) -> str:
    return sign(b'{"alg":"RS256","kid":"rsa-1","kid":"x"}', claims, ring.rsa, "RS256")


def cut(ring: Ring, claims: Claims) -> str:
    return mint(ring.rsa, claims)[:-10]


def touched(ring: Ring, claims: Claims) -> str:
    head, _, signature = mint(ring.rsa, claims).split(".")
    return f"{head}.{segment({**claims, 'sub': 'root'})}.{signature}"


def respelled(ring: Ring, claims: Claims) -> str:
    """The last character carries bits that nobody reads: the same bytes, another text."""
    token = mint(ring.okp, claims, "EdDSA")
    return token[:-1] + chr(ord(token[-1]) + 1)


def by_strange_key(ring: Ring, claims: Claims) -> str:
    return mint(rsa_key("rsa-1"), claims)


def by_other_kind(algorithm: str, kid: str) -> Make:
    """An algorithm that the named key is not for."""

    def make(ring: Ring, claims: Claims) -> str:
        key: AnyKey = {"ES256": ec_key("x"), "EdDSA": okp_key("x")}.get(algorithm, ring.rsa)
        return mint(key, claims, algorithm, kid=kid)

    return make


def with_own_key(ring: Ring, claims: Claims) -> str:
    key = rsa_key("mine")
    return mint(key, claims, jwk=public(key))


BAD: dict[str, tuple[Make, str]] = {
    "alg none": (unsigned, "base64url"),
    "alg none, with a signature": (heading(alg="none"), "way that is not taken"),
    "alg nOnE": (heading(alg="nOnE"), "way that is not taken"),
    "alg missing": (heading(alg=None), "does not say how"),
    "alg a number": (heading(alg=7), "does not say how"),
    "HS256 with the public key": (by_secret("HS256"), "way that is not taken"),
    "HS512 with the public key": (by_secret("HS512"), "way that is not taken"),
    "RS512, not on the list": (lambda ring, claims: mint(ring.rsa, claims, "RS512"), "way that is not taken"),
    "RS256 said of a PS256 signature": (
        lambda ring, claims: mint(ring.rsa, claims, "PS256", alg="RS256"),
        "not signed by its issuer",
    ),
    "ES256 with the id of an RSA key": (by_other_kind("ES256", "rsa-1"), "does not have"),
    "EdDSA with the id of an elliptic key": (by_other_kind("EdDSA", "ec-1"), "does not have"),
    "RS256 with the id of an Edwards key": (by_other_kind("RS256", "okp-1"), "does not have"),
    "jku": (heading(jku="http://127.0.0.1:1/keys"), "brings its own key"),
    "x5u": (heading(x5u="http://127.0.0.1:1/cert"), "brings its own key"),
    "x5c": (heading(x5c=["MII"]), "brings its own key"),
    "jwk": (with_own_key, "brings its own key"),
    "crit unknown": (heading(crit=["x-money"], **{"x-money": 1}), "extension"),
    "crit b64": (heading(crit=["b64"], b64=True), "extension"),
    "crit empty": (heading(crit=[]), "extension"),
    "b64 false": (heading(b64=False), "form that is not taken"),
    "zip": (heading(zip="DEF"), "form that is not taken"),
    "kid too long": (heading(kid="k" * (token_kid_chars_max + 1)), "key id"),
    "kid empty": (heading(kid=""), "key id"),
    "kid with a line break": (heading(kid="rsa-1\n"), "key id"),
    "kid a number": (heading(kid=1), "key id"),
    "kid a list": (heading(kid=["rsa-1"]), "key id"),
    "kid a path": (heading(kid="../../etc/passwd"), "does not have"),
    "kid an injection": (heading(kid="' OR 1=1 --"), "does not have"),
    "kid unknown": (heading(kid="rsa-9"), "does not have"),
    "typ of another kind": (heading(typ="logout+jwt"), "another kind"),
    "typ of a proof": (heading(typ="dpop+jwt"), "another kind"),
    "typ a number": (heading(typ=1), "type"),
    "signed by another key": (by_strange_key, "not signed by its issuer"),
    "signature cut": (cut, "not signed by its issuer"),
    "payload changed": (touched, "not signed by its issuer"),
    "signature spelled otherwise": (respelled, "base64url"),
    "signature empty": (lambda ring, claims: mint(ring.rsa, claims).rpartition(".")[0] + ".", "base64url"),
    "payload empty": (lambda ring, _: mint(ring.rsa, b""), "base64url"),
    "payload no JSON": (lambda ring, _: mint(ring.rsa, b"{sub: ana}"), "not JSON"),
    "payload a list": (lambda ring, _: mint(ring.rsa, ["ana"]), "no JSON object"),
    "payload not UTF-8": (lambda ring, _: mint(ring.rsa, b'{"sub": "\xff"}'), "not JSON"),
    "payload deep": (lambda ring, _: mint(ring.rsa, b'{"a":' + b"[" * 50 + b"]" * 50 + b"}"), "not JSON"),
    "sub twice": (twice("sub", "root"), "key twice"),
    "aud twice": (twice("aud", "https://other.example"), "key twice"),
    "kid twice": (headed_twice, "key twice"),
    "no exp": (claiming(exp=None), "when it expires"),
    "exp a text": (claiming(exp="tomorrow"), "no time"),
    "exp true": (claiming(exp=True), "no time"),
    "exp in the year 33658": (claiming(exp=10**12), "too long"),
    "exp of a thousand digits": (claiming(exp=10**999), "no time"),
    "expired": (claiming(exp=after(-31)), "has expired"),
    "lives for two days": (claiming(exp=after(2 * DAY), iat=None), "too long"),
    "lived for two days already": (claiming(exp=after(60), iat=after(-2 * DAY)), "too long"),
    "issued in the future": (claiming(iat=after(90)), "in the future"),
    "not valid yet": (claiming(nbf=after(90)), "not valid yet"),
    "iat a list": (claiming(iat=[1]), "no time"),
    "no sub": (claiming(sub=None), "has no 'sub'"),
    "sub blank": (claiming(sub="  "), "has no 'sub'"),
    "sub a number": (claiming(sub=7), "has no 'sub'"),
    "sub with a NUL": (claiming(sub="ana\x00beta"), "control characters"),
    "sub too long": (claiming(sub="a" * 256), "too long"),
    "no aud": (claiming(aud=None), "for whom"),
    "aud empty": (claiming(aud=[]), "for whom"),
    "aud a number": (claiming(aud=7), "for whom"),
    "aud of numbers": (claiming(aud=[HERE, 7]), "for whom"),
    "aud of another resource": (claiming(aud="https://other.example/mcp"), "another resource"),
    "aud with a slash more": (claiming(aud=HERE + "/"), "another resource"),
    "aud with another case": (claiming(aud=HERE.upper()), "another resource"),
    "aud of eleven": (claiming(aud=[HERE, *("x" * n for n in range(1, token_audiences_max + 1))]), "more than 10"),
    "no iss": (claiming(iss=None), "issuer is not one"),
    "iss a list": (claiming(iss=["x"]), "issuer is not one"),
    "iss of a stranger": (claiming(iss="https://evil.example"), "issuer is not one"),
    "cnf of an unknown kind": (claiming(cnf={"kid": "x"}), "not known here"),
    "cnf empty": (claiming(cnf={}), "not known here"),
    "cnf a text": (claiming(cnf="x"), "not known here"),
    "cnf with an unknown part": (claiming(cnf={"jkt": "x", "jwk": {}}), "not known here"),
    "cnf with an empty part": (claiming(cnf={"jkt": ""}), "not known here"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_token_is_refused(case: str, realm: Realm, rsa_one: RSAKey, ec_one: ECKey, okp_one: OKPKey) -> None:
    make, reason = BAD[case]
    realm.publish(rsa_one, ec_one, okp_one)
    authority = authority_of(realm.config())
    token = make(Ring(rsa_one, ec_one, okp_one), realm.claims())
    answer = await ask(authority, token)
    await authority.aclose()

    assert status(answer) == (401, "invalid_token")
    assert isinstance(answer, Refusal)
    assert reason in answer.message
    assert not any(part in answer.message for part in token.split(".") if part)


async def test_the_name_of_an_issuer_is_compared_sign_by_sign(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config())
    answers = [
        await ask(authority, mint(rsa_one, realm.claims(iss=iss)))
        for iss in (realm.url + "/", realm.url.upper(), realm.url.replace("http", "https"), realm.url + "?")
    ]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [(401, "invalid_token")] * 4
    assert realm.asked() == {}


async def test_addresses_in_a_header_are_never_fetched(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config())
    for name in ("jku", "x5u"):
        await ask(authority, mint(rsa_one, realm.claims(), **{name: f"{realm.url}/lure"}))
    await authority.aclose()

    assert "lure" not in realm.asked()


@pytest.mark.parametrize("typ", ["JWT", None, "at+jwt+x", "jwt"])
async def test_where_access_tokens_are_demanded_nothing_else_is_taken(
    typ: str | None, realm: Realm, rsa_one: RSAKey
) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config(typ="at+jwt"))
    answer = await ask(authority, mint(rsa_one, realm.claims(), typ=typ))
    await authority.aclose()

    assert status(answer) == (401, "invalid_token")


async def test_an_algorithm_the_operator_took_off_the_list_is_refused(
    realm: Realm, rsa_one: RSAKey, ec_one: ECKey
) -> None:
    realm.publish(rsa_one, ec_one)
    authority = authority_of(realm.config(algorithms=("ES256",)))
    answers = [
        await ask(authority, mint(rsa_one, realm.claims())),
        await ask(authority, mint(ec_one, realm.claims(), "ES256")),
    ]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [(401, "invalid_token"), (200, "ana")]


async def test_required_scopes_are_named_all_at_once(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config(), required_scopes=("mcp:tools", "mcp:more"))
    answers = [await ask(authority, mint(rsa_one, realm.claims())) for _ in range(2)]
    await authority.aclose()

    for answer in answers:
        assert isinstance(answer, Refusal)
        assert (answer.status, answer.error) == (403, "insufficient_scope")
        assert answer.scopes == {"mcp:tools", "mcp:more"}
        needed = "this gateway requires the scopes 'mcp:more', 'mcp:tools'"
        assert answer.message == f"Permission denied: {needed}; you have the scope 'mcp:tools'."


def test_what_is_no_token_at_all_is_left_to_who_made_it() -> None:
    opaque = ["", "x", "a.b", "a.b.c", "a.b.c.d.e", "ZXk.b.c", "nx_key", ".", "..", "é.é.é"]

    assert [read(text) for text in opaque] == [None] * len(opaque)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_token_it_is_read_or_refused(data: st.DataObject) -> None:
    value = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)
    named = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]) | st.text(), value)
    raw = st.binary(max_size=40)
    parts = [data.draw(named | raw), data.draw(named | raw), data.draw(raw)]
    text = ".".join(part if isinstance(part, str) else segment(part) for part in parts)
    try:
        token = read(text)
    except BadToken:
        return  # any other exception fails the test

    assert token is None or isinstance(token.algorithm, str)


def test_a_token_keeps_its_claims_to_itself() -> None:
    token = read(f"{segment({'alg': 'RS256'})}.{segment({'sub': 'planted-secret'})}.{base64url(b'planted-secret')}")

    assert token is not None
    assert "planted" not in repr(token)
    assert without(token.claims, "sub") == {}
