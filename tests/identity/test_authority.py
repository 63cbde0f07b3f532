"""Who is asking, whatever they show: what is remembered, what is forgotten, and that doubt means no."""

import time
from typing import Any

import msgspec
import pytest
from identity_kit import AUDIENCES, Realm, ask, authority_of, bearer, mint, shown, status
from joserfc.jwk import ECKey

from narthex.identity.authority import Authority
from narthex.identity.certificate import Presented
from narthex.identity.keyring import Found, Unreachable
from narthex.identity.signature import key_of
from narthex.limits import verified_key_seconds_max, verified_seconds_max, verified_tokens_max, vouched_callers_max
from narthex.model.authentication import (
    AuthenticationConfig,
    CertificatesConfig,
    IssuerConfig,
    ProxyConfig,
    ScopesConfig,
)
from narthex.model.identity import LOCAL, Principal, Refusal

GOOD, BAD, NOBODY = (200, "ana"), (401, "invalid_token"), (401, "")
HOSTED = "http://127.0.0.1:8080"
CERTIFICATE = Presented(uris=("spiffe://acme/bot",), dns_names=(), common_names=(), expires=9e9, thumbprint="t")


class OurKeys:
    """API keys, as far as the authority asks for them."""

    def __init__(self, **known: Principal | Refusal) -> None:
        self.all = known
        self.touched = 0

    def known(self, token: str, now: float) -> Principal | Refusal | None:
        if not token.startswith("nx_"):
            return None
        return self.all.get(token, Refusal(401, "invalid_token", "unknown"))

    def stands(self, who: Principal, now: float) -> bool:
        return who.subject in {one.subject for one in self.all.values() if isinstance(one, Principal)}

    def touch(self, who: Principal, now: float) -> None:
        self.touched += 1


class KeysHere:
    """The keys of an issuer that lives in this process."""

    def __init__(self, key: ECKey) -> None:
        found = key_of(dict(key.as_dict(private=False)))
        assert found is not None
        self._key = found

    async def find(self, kid: str | None, algorithm: str) -> Found:
        if kid == "lost":
            raise Unreachable("lost", 3)
        return (self._key,) if self._key.kid == kid and self._key.serves(algorithm) else ()

    def warm(self) -> None:
        """They are here."""


def only_keys(keys: OurKeys, **further: Any) -> Authority:
    authority = Authority(keys=keys)
    authority.configure(AuthenticationConfig(type="keys", **further), AUDIENCES)
    return authority


def robot(name: str = "robot", **further: Any) -> Principal:
    return Principal(subject=name, how="key", **further)


async def test_without_authentication_everybody_is_local() -> None:
    authority = Authority()
    authority.configure(None, AUDIENCES)

    assert authority.open
    assert authority.known(bearer("whatever"), "", 0.0) is LOCAL
    assert await authority.find(shown(), "", 0.0) is LOCAL


async def test_an_authority_nobody_has_configured_lets_nobody_in() -> None:
    authority = Authority()

    assert not authority.open
    assert status(await authority.find(shown(), "", 0.0)) == NOBODY
    assert status(await authority.find(bearer("x"), "", 0.0)) == BAD


async def test_who_shows_nothing_is_told_what_is_needed(realm: Realm) -> None:
    authority = authority_of(realm.config(), required_scopes=("mcp:tools",))
    answer = authority.known(shown(), "", 0.0)

    assert isinstance(answer, Refusal)
    assert status(answer) == NOBODY
    assert answer.scopes == {"mcp:tools"}
    assert authority.issuers() == (realm.url,)


async def test_what_was_found_good_is_known_for_a_minute(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = mint(ec_one, realm.claims(), "ES256")
    now = time.time()
    unknown = authority.known(bearer(token), "", now)
    first = await authority.find(bearer(token), "", now)
    moments = [now, now + verified_seconds_max - 1, now - 1, now + verified_seconds_max]
    later = [authority.known(bearer(token), "", moment) for moment in moments]
    await authority.aclose()

    assert unknown is None
    assert later == [first, first, None, None]  # and a clock set back extends nothing


async def test_a_token_is_never_known_longer_than_it_lives(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    now = time.time()
    token = mint(ec_one, realm.claims(exp=int(now) + 5), "ES256")
    answer = await authority.find(bearer(token), "", now)
    assert isinstance(answer, Principal)
    late = answer.expires
    later = authority.known(bearer(token), "", late), await authority.find(bearer(token), "", late)
    await authority.aclose()

    assert later[0] is None
    assert status(later[1]) == BAD
    assert authority.stands(answer, late - 1)
    assert not authority.stands(answer, late)


async def test_an_answer_may_be_kept_as_long_as_it_is_known_and_a_bound_one_not_at_all(
    realm: Realm, ec_one: ECKey
) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    now = time.time()
    free, dpop = (bearer(mint(ec_one, realm.claims(**more), "ES256")) for more in ({}, {"cnf": {"x5t#S256": "t"}}))
    tied = msgspec.structs.replace(dpop, certificate=CERTIFICATE)
    before = authority.good_until(free)
    answers = [await authority.find(credential, "", now) for credential in (free, tied)]
    kept = [authority.good_until(credential) for credential in (free, tied, dpop, shown())]
    authority.revoke_all()
    after = authority.good_until(free)
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD, GOOD]
    assert kept == [now + verified_seconds_max, 0.0, 0.0, 0.0]
    assert (before, after) == (0.0, 0.0)


@pytest.mark.parametrize("how", ["all", "one"])
async def test_what_is_forgotten_is_looked_at_again(how: str, realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    ana, bo = (mint(ec_one, realm.claims(sub=name), "ES256") for name in ("ana", "bo"))
    answers = [await ask(authority, token) for token in (ana, bo)]
    assert isinstance(answers[0], Principal)
    epoch = authority.epoch
    if how == "all":
        authority.revoke_all()
    else:
        authority.forget(answers[0].key)
    known = [authority.known(bearer(token), "", time.time()) is not None for token in (ana, bo)]
    await authority.aclose()

    assert authority.epoch > epoch
    assert known == [False, how == "one"]


async def test_an_issuer_that_stays_keeps_its_keys_when_the_configuration_changes(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = mint(ec_one, realm.claims(scope="a"), "ES256")
    await ask(authority, token)
    epoch = authority.epoch
    issuers = (realm.config(),)
    authority.configure(AuthenticationConfig(type="oauth2", issuers=issuers, required_scopes=("b",)), AUDIENCES)
    stricter = await ask(authority, token)
    authority.configure(AuthenticationConfig(type="oauth2", issuers=(realm.config(tenant="acme"),)), AUDIENCES)
    anew = await ask(authority, token)
    authority.configure(AuthenticationConfig(type="keys"), AUDIENCES)
    gone = await ask(authority, token)
    await authority.aclose()

    assert authority.epoch > epoch
    assert (status(stricter), status(anew), status(gone)) == ((403, "insufficient_scope"), GOOD, BAD)
    assert isinstance(anew, Principal)
    assert anew.tenant == "acme"
    assert not authority.stands(anew, time.time())
    assert realm.asked()["keys"] == 2  # once for each entry that was another one


async def test_other_endpoints_make_other_audiences(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = mint(ec_one, realm.claims(), "ES256")
    before = await ask(authority, token)
    authority.meant_by({"sales": AUDIENCES[""], "": AUDIENCES["sales"]})
    answers = [await ask(authority, token, at) for at in ("", "sales")]
    await authority.aclose()

    assert status(before) == GOOD
    assert [status(answer) for answer in answers] == [BAD, GOOD]


# ---- our own keys


async def test_our_own_keys_are_taken_as_bearer_and_in_their_own_header() -> None:
    keys = OurKeys(nx_good=robot(scopes=frozenset({"a"})))
    authority = only_keys(keys, scopes=ScopesConfig(implies={"a": ("b",)}))
    answers = [
        await authority.find(credential, "", 0.0) for credential in (bearer("nx_good"), shown(("X-API-Key", "nx_good")))
    ]
    await authority.find(bearer("nx_good"), "", 0.5)

    for answer in answers:
        assert isinstance(answer, Principal)
        assert (answer.subject, answer.scopes) == ("robot", {"a", "b"})
        assert authority.stands(answer, 0.0)
    assert keys.touched == 3


async def test_a_key_that_is_revoked_is_refused_within_a_second() -> None:
    keys = OurKeys(nx_good=robot())
    authority = only_keys(keys)
    before = await authority.find(bearer("nx_good"), "", 0.0)
    keys.all.clear()
    after = await authority.find(bearer("nx_good"), "", verified_key_seconds_max)

    assert (status(before), status(after)) == ((200, "robot"), BAD)
    assert isinstance(before, Principal)
    assert not authority.stands(before, 0.0)


async def test_a_key_is_good_where_it_was_made_for() -> None:
    authority = only_keys(OurKeys(nx_good=robot(endpoints=frozenset({"sales"}))))
    answers = [await authority.find(bearer("nx_good"), at, 0.0) for at in ("sales", "", "sales")]

    assert [status(answer) for answer in answers] == [(200, "robot"), BAD, (200, "robot")]


async def test_what_keys_say_no_to_is_no(realm: Realm, ec_one: ECKey) -> None:
    refusal = Refusal(503, "", "cannot look")
    authority = only_keys(OurKeys(nx_blind=refusal))
    token = mint(ec_one, realm.claims(), "ES256")
    answers = [await authority.find(bearer(text), "", 0.0) for text in ("nx_blind", "nx_other", token, "opaque")]
    as_dpop = await authority.find(shown(("Authorization", "DPoP nx_blind")), "", 0.0)

    assert answers[0] is refusal
    assert [status(answer) for answer in (*answers[1:], as_dpop)] == [BAD] * 4


async def test_keys_may_be_switched_off(realm: Realm) -> None:
    authority = Authority(keys=OurKeys(nx_good=robot()))
    authority.configure(AuthenticationConfig(type="oauth2", issuers=(realm.config(),), keys=False), AUDIENCES)
    answer = await authority.find(bearer("nx_good"), "", 0.0)

    assert status(answer) == BAD


async def test_a_key_without_the_scopes_that_all_need_is_told_which() -> None:
    authority = only_keys(OurKeys(nx_good=robot()), required_scopes=("mcp:tools",))
    answer = await authority.find(bearer("nx_good"), "", 0.0)

    assert isinstance(answer, Refusal)
    assert answer.message == "Permission denied: this gateway requires the scope 'mcp:tools'; you have no scopes."


# ---- those somebody vouches for


async def test_a_proxy_vouches_from_its_own_address_only() -> None:
    proxy = ProxyConfig(addresses=("10.0.0.0/8",), subject="X-User", scopes="X-Scopes")
    authority = only_keys(OurKeys(), proxy=proxy, scopes=ScopesConfig(implies={"a": ("b",)}))
    said = (("X-User", "ana"), ("X-Scopes", "a"))
    names = authority.proxy_headers
    answers = [
        authority.known(shown(*said, peer=peer, proxy_headers=names), "", 0.0) for peer in ("10.1.1.1", "11.1.1.1") * 2
    ]

    assert names == (b"x-user", b"x-scopes")
    assert isinstance(answers[0], Principal)
    assert (answers[0].subject, answers[0].how, answers[0].scopes) == ("ana", "proxy", {"a", "b"})
    assert answers[2] is answers[0]
    assert [status(answer) for answer in answers[1::2] if answer] == [NOBODY, NOBODY]
    assert authority.stands(answers[0], 0.0)


async def test_nobody_stands_by_what_is_not_taken_any_more() -> None:
    ways: dict[str, Any] = {
        "proxy": ProxyConfig(addresses=("10.0.0.0/8",), subject="X-User"),
        "certificates": CertificatesConfig(authority="clients.pem"),
        "keys": True,
    }
    authority = Authority(keys=OurKeys(nx_good=robot()))
    authority.configure(AuthenticationConfig(type="keys", **ways), AUDIENCES)
    callers = {
        "proxy": shown(("X-User", "ana"), peer="10.1.1.1", proxy_headers=authority.proxy_headers),
        "certificates": shown(certificate=CERTIFICATE, peer="11.1.1.1"),
        "keys": bearer("nx_good"),
    }
    inside = {way: await authority.find(caller, "", 0.0) for way, caller in callers.items()}

    def standing() -> set[str]:
        return {way for way, who in inside.items() if isinstance(who, Principal) and authority.stands(who, 0.0)}

    assert standing() == set(ways)
    for way in ways:
        without = {**ways, way: False if way == "keys" else None}
        authority.configure(AuthenticationConfig(type="keys", **without), AUDIENCES)
        assert standing() == set(ways) - {way}
    assert not authority.stands(LOCAL, 0.0)  # who came before anybody was asked who they are


async def test_a_certificate_vouches_where_one_is_asked_for() -> None:
    certificates = CertificatesConfig(authority="clients.pem", scopes=("a",))
    with_them, without = only_keys(OurKeys(), certificates=certificates), only_keys(OurKeys())
    answers = [one.known(shown(certificate=CERTIFICATE), "", 0.0) for one in (with_them, without)]
    late = with_them.known(shown(certificate=CERTIFICATE), "", CERTIFICATE.expires)

    assert isinstance(answers[0], Principal)
    assert (answers[0].subject, answers[0].how, answers[0].scopes) == ("spiffe://acme/bot", "certificate", {"a"})
    assert answers[1] is not None
    assert status(answers[1]) == NOBODY
    assert late is not None
    assert status(late) == BAD
    assert without.proxy_headers is None


async def test_a_bad_token_is_not_mended_by_a_good_certificate() -> None:
    authority = only_keys(OurKeys(), certificates=CertificatesConfig(authority="clients.pem"))
    credential = shown(("Authorization", "Bearer nx_bad"), certificate=CERTIFICATE)

    assert status(await authority.find(credential, "", 0.0)) == BAD


# ---- an issuer in the same process


async def test_an_issuer_in_this_process_needs_no_fetching(ec_one: ECKey, issuers: str) -> None:
    authority = only_keys(OurKeys())
    authority.host(IssuerConfig(issuer=HOSTED), KeysHere(ec_one))
    claims = Realm(issuers).claims(iss=HOSTED)
    tokens = [mint(ec_one, claims, "ES256"), mint(ec_one, claims, "ES256", kid="x")]
    lost = mint(ec_one, claims, "ES256", kid="lost")
    authority.warm()
    answers = [await ask(authority, token) for token in (*tokens, lost)]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD, BAD, (503, "")]
    assert authority.issuers() == (HOSTED,)


# ---- bounds


async def test_what_is_remembered_is_bounded_and_what_is_used_stays() -> None:
    many = verified_tokens_max + 10
    authority = only_keys(OurKeys(**{f"nx_{n}": robot(f"robot{n}") for n in range(many)}))
    for n in range(many):
        await authority.find(bearer(f"nx_{n}"), "", 0.0)
        if n % 1_000 == 0:
            assert authority.known(bearer("nx_0"), "", 0.0) is not None

    assert len(authority._tokens) <= verified_tokens_max


async def test_as_many_as_half_of_what_fits_are_found_good_anew_without_pushing_anybody_out() -> None:
    many = verified_tokens_max // 2
    authority = only_keys(OurKeys(**{f"nx_{n}": robot(f"robot{n}") for n in range(many)}))
    for now in (0.0, verified_key_seconds_max, 2 * verified_key_seconds_max):
        for n in range(many):
            await authority.find(bearer(f"nx_{n}"), "", now)

    assert len(authority._tokens.young) == len(authority._tokens) == many


async def test_callers_without_a_token_are_remembered_in_bounded_number() -> None:
    authority = only_keys(OurKeys(), certificates=CertificatesConfig(authority="clients.pem"))
    for n in range(vouched_callers_max + 10):
        authority.known(shown(certificate=CERTIFICATE, peer=f"10.0.{n >> 8}.{n & 255}"), "", 0.0)

    assert len(authority._callers) <= vouched_callers_max


async def test_a_token_of_an_issuer_is_no_key_even_when_it_is_known(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = mint(ec_one, realm.claims(), "ES256")
    as_key = shown(("X-API-Key", token))
    answers = [await authority.find(one, "", time.time()) for one in (as_key, bearer(token), as_key)]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [BAD, GOOD, BAD]


def test_an_authority_shows_no_secrets(realm: Realm) -> None:
    assert repr(authority_of(realm.config())) == "<Authority 1 issuers, epoch 1>"


# At a glance: what `seen` tells without a closer look


async def test_a_token_that_was_good_is_known_at_a_glance(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config(), required_scopes=("mcp:tools",))
    token, lacking = (mint(ec_one, realm.claims(scope=scope), "ES256") for scope in ("mcp:tools", "other"))
    now = time.time()
    before = authority.seen(token.encode(), "", now)
    for one in (token, lacking):
        await authority.find(bearer(one), "", now)
    seen = authority.seen(token.encode(), "", now)
    others = {
        "elsewhere": authority.seen(token.encode(), "sales", now),
        "as a key": authority.seen(token.encode(), "", now, by_key=True),
        "lacks scopes": authority.seen(lacking.encode(), "", now),
        "longer": authority.seen(token.encode() + b"a", "", now),
        "too late": authority.seen(token.encode(), "", now + verified_seconds_max),
        "clock set back": authority.seen(token.encode(), "", now - 1),
    }
    authority.revoke_all()
    after = authority.seen(token.encode(), "", now)
    await authority.aclose()

    assert before is None
    assert seen is not None
    assert seen.principal.subject == "ana"
    assert others == dict.fromkeys(others)
    assert after is None


async def test_a_token_that_is_bound_needs_a_closer_look(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = mint(ec_one, realm.claims(cnf={"x5t#S256": CERTIFICATE.thumbprint}), "ES256")
    found = await authority.find(bearer(token, certificate=CERTIFICATE), "", time.time())
    seen = authority.seen(token.encode(), "", time.time())
    await authority.aclose()

    assert isinstance(found, Principal)
    assert seen is None


async def test_an_api_key_is_judged_each_second_at_a_glance_too() -> None:
    ci = Principal("ci", how="key", endpoints=frozenset({""}))
    keys = OurKeys(nx_good=ci, nx_revoked=Refusal(401, "invalid_token", "revoked"))
    authority = Authority(keys=keys)
    authority.configure(AuthenticationConfig(type="keys"), AUDIENCES)
    seen = authority.seen(b"nx_good", "", 100.0)
    others = [authority.seen(key, "", 100.0) for key in (b"nx_revoked", b"nx_made_up", b"none", b"\xff")]
    elsewhere = authority.seen(b"nx_good", "sales", 100.0)
    keys.all["nx_good"] = Refusal(401, "invalid_token", "revoked")
    still = authority.seen(b"nx_good", "", 100.0 + verified_key_seconds_max / 2)
    gone = authority.seen(b"nx_good", "", 100.0 + verified_key_seconds_max)
    await authority.aclose()

    assert seen is not None
    assert seen.principal is ci
    assert (others, elsewhere, gone) == ([None] * 4, None, None)
    assert still is seen, "`revoke_all` is called by whoever hears of it sooner"
    assert keys.touched == 2


async def test_no_key_is_known_at_a_glance_where_none_are_taken() -> None:
    authority = Authority(keys=OurKeys(nx_good=Principal("ci", how="key")))
    authority.configure(AuthenticationConfig(type="oauth2", issuer="https://auth.example", keys=False), AUDIENCES)
    seen = authority.seen(b"nx_good", "", 100.0)
    await authority.aclose()

    assert seen is None
