"""Keys that come and go: renewed in time, never asked for more often than is decent, and gone when taken back."""

import asyncio
import time

import pytest
from identity_kit import Clock, Realm, ask, authority_of, bearer, ec_key, mint, public, rsa_key, status
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from narthex.identity.keyring import keys_of
from narthex.limits import (
    issuer_keys_max,
    issuer_keys_seconds_max,
    issuer_keys_stale_seconds_max,
    issuer_retry_seconds_max,
    issuer_unknown_key_seconds,
    issuer_unknown_keys_max,
    issuer_unknown_keys_seconds_max,
    rsa_bits_max,
)
from narthex.model.identity import Refusal
from narthex.upstream.fetch import FetchFault

GOOD, BAD, DOWN = (200, "ana"), (401, "invalid_token"), (503, "")
SECONDS_MAX = 10.0


async def fetched(realm: Realm, times: int) -> None:
    """Wait until the keys were asked for so often; the renewal is in the background."""
    async with asyncio.timeout(SECONDS_MAX):
        while realm.asked().get("keys", 0) < times:
            await asyncio.sleep(0.01)


async def test_a_new_key_is_taken_at_once_and_fetched_once_for_all(realm: Realm) -> None:
    old, new = ec_key("old"), ec_key("new")
    realm.publish(old)
    authority = authority_of(realm.config())
    before = await ask(authority, mint(old, realm.claims(), "ES256"))
    realm.publish(old, new)
    tokens = [mint(new, realm.claims(jti=str(n)), "ES256") for n in range(50)]
    after = await asyncio.gather(*(ask(authority, token) for token in tokens))
    await authority.aclose()

    assert status(before) == GOOD
    assert {status(answer) for answer in after} == {GOOD}
    assert realm.asked()["keys"] == 2


async def test_many_callers_before_the_first_keys_cause_one_fetch(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    tokens = [mint(ec_one, realm.claims(jti=str(n)), "ES256") for n in range(50)]
    answers = await asyncio.gather(*(ask(authority, token) for token in tokens))
    await authority.aclose()

    assert {status(answer) for answer in answers} == {GOOD}
    assert realm.asked() == {"oauth": 1, "keys": 1}


async def test_invented_key_ids_cause_one_fetch_in_half_a_minute(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    for wait in (0.0, issuer_unknown_key_seconds - 1, 1.0):
        clock.now += wait
        strange = [mint(ec_one, realm.claims(), "ES256", kid=f"{clock.now}-{n}") for n in range(300)]
        answers = [await ask(authority, token) for token in strange]
        assert {status(answer) for answer in answers} == {BAD}
    good = await ask(authority, mint(ec_one, realm.claims(jti="x"), "ES256"))
    await authority.aclose()

    assert status(good) == GOOD
    assert realm.asked()["keys"] == 1 + 2


async def test_a_key_id_known_to_be_absent_is_not_asked_for_again_for_a_while(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    strange = mint(ec_one, realm.claims(), "ES256", kid="strange")
    await ask(authority, strange)
    for _ in range(int(issuer_unknown_keys_seconds_max / 60) - 1):
        clock.now += 60.0
        await ask(authority, strange)
    few = realm.asked()["keys"]
    clock.now += 61.0
    await ask(authority, strange)
    await authority.aclose()

    assert few == 2  # the first set, and one for the stranger
    assert realm.asked()["keys"] >= 3


async def test_what_is_remembered_as_absent_is_bounded(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    issuer = authority._issuers[realm.url]
    for n in range(5):
        clock.now += issuer_unknown_key_seconds
        await ask(authority, mint(ec_one, realm.claims(), "ES256", kid=f"strange-{n}"))
    absent = issuer.keys._absent  # type: ignore[attr-defined]
    absent.update({f"x{n}": clock.now + 1e6 for n in range(issuer_unknown_keys_max - len(absent))})
    clock.now += issuer_unknown_key_seconds
    await ask(authority, mint(ec_one, realm.claims(), "ES256", kid="one more"))
    await authority.aclose()

    assert len(absent) <= issuer_unknown_keys_max


async def test_keys_are_renewed_in_the_background_at_half_of_their_life(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    await ask(authority, mint(ec_one, realm.claims(jti="1"), "ES256"))
    clock.now += issuer_keys_seconds_max / 2 - 1
    await ask(authority, mint(ec_one, realm.claims(jti="2"), "ES256"))
    young = realm.asked()["keys"]
    realm.behave(keys="slow")
    clock.now += 2
    began = time.monotonic()
    answer = await ask(authority, mint(ec_one, realm.claims(jti="3"), "ES256"))
    took = time.monotonic() - began
    await fetched(realm, 2)
    await authority.aclose()

    assert young == 1
    assert status(answer) == GOOD
    assert took < 1.0  # nobody waited for the slow answer


async def test_keys_beyond_their_life_are_renewed_first(realm: Realm) -> None:
    old, new = ec_key("old"), ec_key("new")
    realm.publish(old)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    await ask(authority, mint(old, realm.claims(), "ES256"))
    realm.publish(new)
    clock.now += issuer_keys_seconds_max
    gone = await ask(authority, mint(old, realm.claims(jti="1"), "ES256"))
    fresh = await ask(authority, mint(new, realm.claims(jti="2"), "ES256"))
    await authority.aclose()

    assert (status(gone), status(fresh)) == (BAD, GOOD)


async def test_a_key_that_is_taken_back_voids_what_it_signed(realm: Realm) -> None:
    old, new = ec_key("old"), ec_key("new")
    realm.publish(old, new)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    token = mint(old, realm.claims(), "ES256")
    await ask(authority, token)
    known, epoch = authority.known(bearer(token), "", time.time()), authority.epoch
    realm.publish(new)
    clock.now += issuer_keys_seconds_max
    await ask(authority, mint(new, realm.claims(), "ES256"))
    forgotten, later = authority.known(bearer(token), "", time.time()), authority.epoch
    answer = await ask(authority, token)
    await authority.aclose()

    assert known is not None
    assert status(known) == GOOD
    assert forgotten is None
    assert later > epoch
    assert status(answer) == BAD


async def test_a_key_that_is_added_voids_nothing(realm: Realm) -> None:
    old, new = ec_key("old"), ec_key("new")
    realm.publish(old)
    authority = authority_of(realm.config())
    await ask(authority, mint(old, realm.claims(), "ES256"))
    epoch = authority.epoch
    realm.publish(old, new)
    answer = await ask(authority, mint(new, realm.claims(), "ES256"))
    await authority.aclose()

    assert status(answer) == GOOD
    assert authority.epoch == epoch


async def test_another_key_under_the_same_id_counts_as_taken_back(realm: Realm) -> None:
    old, new = ec_key("same"), ec_key("same")
    realm.publish(old)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    token = mint(old, realm.claims(), "ES256")
    await ask(authority, token)
    realm.publish(new)
    clock.now += issuer_keys_seconds_max
    answer = await ask(authority, mint(new, realm.claims(), "ES256"))
    old_answer = await ask(authority, token)
    await authority.aclose()

    assert (status(answer), status(old_answer)) == (GOOD, BAD)


async def test_while_the_issuer_is_down_its_last_keys_are_good_for_a_day(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    realm.behave(keys="error", oauth="error", openid="error", appended="error")
    answers = []
    for hours in range(1, 25):
        clock.now += 3_600.0
        answers.append(await ask(authority, mint(ec_one, realm.claims(jti=str(hours)), "ES256")))
    unknown = await ask(authority, mint(ec_one, realm.claims(), "ES256", kid="new"))
    clock.now += issuer_keys_stale_seconds_max - 24 * 3_600 + 1
    late = await ask(authority, mint(ec_one, realm.claims(jti="late"), "ES256"))
    realm.behave(keys="good", oauth="good")
    clock.now += issuer_retry_seconds_max
    again = await ask(authority, mint(ec_one, realm.claims(jti="again"), "ES256"))
    said = [level for level, _ in authority.said]  # type: ignore[attr-defined]
    await authority.aclose()

    assert {status(answer) for answer in answers} == {GOOD}
    assert status(unknown) == DOWN
    assert isinstance(unknown, Refusal)
    assert unknown.retry_after_seconds
    assert (status(late), status(again)) == (DOWN, GOOD)
    assert said == ["warning", "info"]  # once for the outage, once for its end


async def test_an_issuer_never_reached_is_503_and_asked_ever_more_rarely(realm: Realm, ec_one: ECKey) -> None:
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    token = mint(ec_one, realm.claims(), "ES256")
    answers = [await ask(authority, token) for _ in range(20)]
    once = realm.asked()["oauth"]
    asked = []
    for _ in range(12):
        clock.now += 10.0
        answers.append(await ask(authority, token))
        asked.append(realm.asked()["oauth"])
    realm.publish(ec_one)
    clock.now += issuer_retry_seconds_max
    good = await ask(authority, token)
    await authority.aclose()

    assert {status(answer) for answer in answers} == {DOWN}
    assert once == 1
    assert asked[-1] < 10
    assert status(good) == GOOD


MISBEHAVIOUR = ["html", "error", "redirect", "big", "many", "deep", "twice", "list", "none", "words", "gone"]


@pytest.mark.parametrize("behaviour", MISBEHAVIOUR)
@pytest.mark.parametrize("document", ["keys", "oauth"])
async def test_documents_that_are_none_leave_the_last_good_keys_alone(
    behaviour: str, document: str, realm: Realm, ec_one: ECKey
) -> None:
    realm.publish(ec_one)
    clock = Clock()
    authority = authority_of(realm.config(), clock=clock)
    first = await ask(authority, mint(ec_one, realm.claims(jti="1"), "ES256"))
    realm.behave(**{document: behaviour})
    clock.now += 2 * 3_600.0  # beyond the life of metadata, too
    began = time.monotonic()
    later = await ask(authority, mint(ec_one, realm.claims(jti="2"), "ES256"))
    took = time.monotonic() - began
    said = [sentence for _, sentence in authority.said]  # type: ignore[attr-defined]
    await authority.aclose()

    assert (status(first), status(later)) == (GOOD, GOOD)
    assert took < 2.0
    assert len(said) == 1
    assert "the last ones are used" in said[0]


@pytest.mark.parametrize("behaviour", ["html", "big", "many", "none", "gone"])
async def test_an_issuer_that_never_gave_keys_is_503(behaviour: str, realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    realm.behave(keys=behaviour)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    await authority.aclose()

    assert status(answer) == DOWN


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["slow", "hang"])
async def test_an_issuer_that_takes_for_ever_is_given_up(behaviour: str, realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    realm.behave(keys=behaviour)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    await authority.aclose()

    assert status(answer) == DOWN


async def test_metadata_of_another_issuer_are_not_believed(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one, issuer=realm.url + "/")
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    said = [sentence for _, sentence in authority.said]  # type: ignore[attr-defined]
    await authority.aclose()

    assert status(answer) == DOWN
    assert "speaks of the issuer" in said[0]


async def test_metadata_must_name_keys(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one, jwks_uri=None)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    await authority.aclose()

    assert status(answer) == DOWN


async def test_an_issuer_on_this_machine_leads_to_no_other(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one, jwks_uri="http://169.254.169.254/keys")
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    said = [sentence for _, sentence in authority.said]  # type: ignore[attr-defined]
    await authority.aclose()

    assert status(answer) == DOWN
    assert "is not https" in said[0]


async def test_a_caller_who_leaves_does_not_end_the_fetch_for_the_others(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    token = mint(ec_one, realm.claims(), "ES256")
    leaving = asyncio.ensure_future(ask(authority, token))
    staying = asyncio.ensure_future(ask(authority, token))
    await asyncio.sleep(0)
    leaving.cancel()
    answer = await staying
    await asyncio.gather(leaving, return_exceptions=True)
    await authority.aclose()

    assert leaving.cancelled()
    assert status(answer) == GOOD
    assert realm.asked()["keys"] == 1


async def test_keys_can_be_fetched_before_anybody_waits(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    authority.warm()
    await fetched(realm, 1)
    answer = await ask(authority, mint(ec_one, realm.claims(), "ES256"))
    await authority.aclose()

    assert status(answer) == GOOD
    assert realm.asked()["keys"] == 1


async def test_keys_that_are_weak_or_broken_are_left_aside(realm: Realm, rsa_one: RSAKey) -> None:
    with pytest.warns(SecurityWarning):
        weak = rsa_key("weak", 1024)
    strange = ec_key("strange", "P-384")
    long = {**public(rsa_one), "kid": "long", "n": "A" * rsa_bits_max}
    broken = {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "AA", "y": "AA"}
    lost = {**rsa_one.as_dict(private=True), "kid": "lost"}
    hidden = {**public(rsa_one), "kid": "hidden", "use": "enc"}
    shut = {**public(rsa_one), "kid": "shut", "key_ops": ["encrypt"]}
    other = {**public(rsa_one), "kid": "other", "alg": "PS256"}
    realm.publish()
    odd: list[object] = [7, {"kty": "RSA"}, {**public(rsa_one), "kid": 5}, {**public(rsa_one), "alg": 5}]
    jwks = [public(weak), public(strange), long, broken, lost, hidden, shut, other, public(rsa_one), *odd]
    realm.tell(keys={"keys": jwks})
    authority = authority_of(realm.config())
    claims = realm.claims()
    answers = {
        "weak": await ask(authority, mint(weak, claims)),
        "strange": await ask(authority, mint(strange, claims, "ES384", alg="ES256")),
        **{kid: await ask(authority, mint(rsa_one, claims, kid=kid)) for kid in ("long", "lost", "hidden", "shut")},
        "broken": await ask(authority, mint(ec_key("broken"), claims, "ES256")),
        "other": await ask(authority, mint(rsa_one, claims, kid="other")),
    }
    good = await ask(authority, mint(rsa_one, claims))
    await authority.aclose()

    assert {name: status(answer) for name, answer in answers.items()} == dict.fromkeys(answers, BAD)
    assert status(good) == GOOD


def test_a_set_may_hold_so_many_keys_and_no_more(ec_one: ECKey) -> None:
    jwk = public(ec_one)

    assert len(keys_of({"keys": [jwk] * issuer_keys_max}, "here")) == issuer_keys_max
    with pytest.raises(FetchFault, match=f"more than {issuer_keys_max} keys"):
        keys_of({"keys": [jwk] * (issuer_keys_max + 1)}, "here")


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": []}, {"keys": [7]}])
def test_what_is_no_set_of_keys_is_said_to_be_none(document: object) -> None:
    with pytest.raises(FetchFault):
        keys_of(document, "here")
