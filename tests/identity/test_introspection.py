"""Tokens that only their issuer can read: asked about once, believed for a moment, refused while nobody can tell."""

import asyncio
import time
from typing import Any

import pytest
from identity_kit import Clock, Realm, ask, authority_of, basic, bearer, mint, shown, status
from joserfc.jwk import ECKey

from narthex.identity.authority import Authority
from narthex.limits import (
    inactive_tokens_max,
    inactive_tokens_seconds_max,
    introspections_max,
    issuer_metadata_seconds_max,
    verified_seconds_max,
)
from narthex.model.authentication import IntrospectionConfig, IssuerConfig
from narthex.model.identity import Principal, Refusal

GOOD, BAD, DOWN = (200, "ana"), (401, "invalid_token"), (503, "")
SECRET = "s3cret&ü"
ME = IntrospectionConfig(client_id="gate way", client_secret=SECRET)
ENCODED = basic("gate+way", "s3cret%26%C3%BC")


def opening(realm: Realm, config: IntrospectionConfig = ME, **further: Any) -> IssuerConfig:
    return realm.config(introspection=config, **further)


def knows(realm: Realm, tokens: dict[str, Any], client: str = ENCODED, **metadata: Any) -> None:
    realm.publish(**metadata)
    realm.tell(client=client, tokens=tokens)


def active(realm: Realm, **claims: Any) -> dict[str, Any]:
    return {"active": True, **realm.claims(**claims)}


async def test_the_issuer_says_who_it_is(realm: Realm) -> None:
    knows(realm, {"opaque": active(realm, client_id="agent", scope="a b")})
    authority = authority_of(opening(realm, tenant="acme"))
    answer = await ask(authority, "opaque")
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert (answer.subject, answer.tenant, answer.client, answer.how) == ("ana", "acme", "agent", "introspection")
    assert answer.scopes == {"a", "b"}
    assert answer.endpoints == {""}
    assert "active" not in answer.claims


async def test_a_client_that_acts_for_nobody_is_itself(realm: Realm) -> None:
    knows(realm, {"opaque": active(realm, sub=None, client_id="agent")})
    authority = authority_of(opening(realm))
    answer = await ask(authority, "opaque")
    await authority.aclose()

    assert status(answer) == (200, "agent")


async def test_where_the_header_is_not_taken_the_secret_goes_into_the_form(realm: Realm) -> None:
    methods = ["private_key_jwt", "client_secret_post"]
    knows(
        realm,
        {"opaque": active(realm)},
        client=f"gate way:{SECRET}",
        introspection_endpoint_auth_methods_supported=methods,
    )
    authority = authority_of(opening(realm))
    answer = await ask(authority, "opaque")
    await authority.aclose()

    assert status(answer) == GOOD


async def test_the_endpoint_may_be_configured(realm: Realm) -> None:
    realm.tell(client=ENCODED, tokens={"opaque": active(realm)})
    config = IntrospectionConfig(client_id="gate way", client_secret=SECRET, endpoint=f"{realm.url}/introspect")
    authority = authority_of(opening(realm, config))
    answer = await ask(authority, "opaque")
    await authority.aclose()

    assert status(answer) == GOOD
    assert realm.asked() == {"introspect": 1}


@pytest.mark.parametrize(
    "said",
    [
        {"active": False},
        {"aud": None},
        {"aud": "https://other.example/mcp"},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": "ana\x00"},
        {"cnf": {"kid": "x"}},
        {"token_type": "refresh_token"},
        {"typ": "Refresh"},
    ],
)
async def test_what_the_issuer_says_must_be_about_us_and_now(said: dict[str, Any], realm: Realm) -> None:
    tokens = {"opaque": {**active(realm, **said), **({} if "active" not in said else said)}}
    knows(realm, tokens)
    authority = authority_of(opening(realm))
    answers = [await ask(authority, token) for token in ("opaque", "unknown")]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [BAD, BAD]


@pytest.mark.parametrize(
    "said", [{"iss": "https://other.example"}, {"active": "true"}, {"active": 1}, {"active": None}]
)
async def test_an_answer_that_is_none_is_as_if_there_was_none(said: dict[str, Any], realm: Realm) -> None:
    knows(realm, {"opaque": {**active(realm), **said}})
    authority = authority_of(opening(realm))
    answer = await ask(authority, "opaque")
    await authority.aclose()

    assert status(answer) == DOWN


@pytest.mark.parametrize("behaviour", ["html", "error", "redirect", "big", "deep", "list", "words", "gone", "twice"])
async def test_while_the_issuer_cannot_be_asked_its_tokens_are_refused(behaviour: str, realm: Realm) -> None:
    knows(realm, {"opaque": active(realm)})
    realm.behave(introspect=behaviour)
    authority = authority_of(opening(realm))
    answers = [await ask(authority, "opaque") for _ in range(2)]
    realm.behave(introspect="good")
    again = await ask(authority, "opaque")
    said = authority.said  # type: ignore[attr-defined]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [DOWN, DOWN]
    assert isinstance(answers[0], Refusal)
    assert answers[0].retry_after_seconds
    assert status(again) == GOOD
    assert [level for level, _ in said] == ["warning", "info"]
    assert SECRET not in str(said)
    assert "opaque" not in str(said)


async def test_the_wrong_secret_of_ours_is_our_trouble_not_the_caller_s(realm: Realm) -> None:
    knows(realm, {"opaque": active(realm)}, client=basic("somebody", "else"))
    authority = authority_of(opening(realm))
    answer = await ask(authority, "opaque")
    said = [sentence for _, sentence in authority.said]  # type: ignore[attr-defined]
    await authority.aclose()

    assert status(answer) == DOWN
    assert "status 401" in said[0]


async def test_many_who_show_one_token_cause_one_question(realm: Realm) -> None:
    knows(realm, {"opaque": active(realm)})
    authority = authority_of(opening(realm))
    answers = await asyncio.gather(*(ask(authority, "opaque") for _ in range(50)))
    await authority.aclose()

    assert {status(answer) for answer in answers} == {GOOD}
    assert realm.asked()["introspect"] == 1


async def test_what_was_said_is_believed_for_a_minute_and_not_longer_than_the_token_lives(realm: Realm) -> None:
    now = time.time()
    knows(realm, {"long": active(realm), "short": active(realm, exp=int(now) + 10)})
    authority = authority_of(opening(realm))
    for token in ("long", "short"):
        await authority.find(bearer(token), "", now)
    last = now + verified_seconds_max - 1
    kept = [authority.known(bearer(token), "", last) is not None for token in ("long", "short")]
    gone = authority.known(bearer("long"), "", now + verified_seconds_max)
    await authority.aclose()

    assert kept == [True, False]
    assert gone is None


async def test_a_token_taken_back_is_refused_within_a_minute(realm: Realm) -> None:
    now = time.time()
    knows(realm, {"opaque": active(realm)})
    authority = authority_of(opening(realm))
    before = await authority.find(bearer("opaque"), "", now)
    realm.tell(tokens={})
    after = await authority.find(bearer("opaque"), "", now + verified_seconds_max)
    await authority.aclose()

    assert (status(before), status(after)) == (GOOD, BAD)


async def test_a_token_without_an_end_does_not_end_by_itself(realm: Realm) -> None:
    knows(realm, {"opaque": active(realm, exp=None)})
    authority = authority_of(opening(realm))
    answer = await ask(authority, "opaque")
    known = authority.known(bearer("opaque"), "", time.time() + verified_seconds_max)
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert answer.expires == float("inf")
    assert known is None  # but it is asked about again


async def test_tokens_that_are_no_good_are_not_asked_about_each_time(realm: Realm) -> None:
    clock = Clock()
    knows(realm, {})
    authority = authority_of(opening(realm), clock=clock)
    for _ in range(20):
        await ask(authority, "unknown")
    few = realm.asked()["introspect"]
    clock.now += inactive_tokens_seconds_max
    await ask(authority, "unknown")
    await authority.aclose()

    assert few == 1
    assert realm.asked()["introspect"] == 2


async def test_what_is_remembered_as_no_good_is_bounded(realm: Realm) -> None:
    knows(realm, {})
    authority = authority_of(opening(realm))
    await ask(authority, "first")
    introspection = authority._issuers[realm.url].introspection
    assert introspection is not None
    remembered = introspection._inactive
    remembered.update({n.to_bytes(32): 1e12 for n in range(inactive_tokens_max - 1)})
    await ask(authority, "one-more")
    await authority.aclose()

    assert len(remembered) == inactive_tokens_max


async def test_an_endpoint_that_moves_is_followed(realm: Realm) -> None:
    clock = Clock()
    knows(realm, {"one": active(realm), "two": active(realm)}, introspection_endpoint=f"{realm.url}/gone")
    authority = authority_of(opening(realm), clock=clock)
    before = await ask(authority, "one")
    knows(realm, {"one": active(realm), "two": active(realm)})
    clock.now += issuer_metadata_seconds_max
    after = await ask(authority, "two")
    await authority.aclose()

    assert (status(before), status(after)) == (DOWN, GOOD)


async def test_there_are_so_many_questions_at_once_and_no_more(realm: Realm) -> None:
    knows(realm, {})
    realm.behave(introspect="hang")
    authority = authority_of(opening(realm))
    asking = [asyncio.ensure_future(ask(authority, f"t{n}")) for n in range(introspections_max)]
    async with asyncio.timeout(10):
        while realm.asked().get("introspect", 0) == 0:
            await asyncio.sleep(0.01)
    refused = await ask(authority, "one-more")
    await authority.aclose()
    rest = await asyncio.gather(*asking)

    assert status(refused) == DOWN
    assert {status(answer) for answer in rest} == {DOWN}


async def test_a_caller_who_leaves_does_not_end_the_question_for_the_others(realm: Realm) -> None:
    knows(realm, {"opaque": active(realm)})
    authority = authority_of(opening(realm))
    leaving, staying = (asyncio.ensure_future(ask(authority, "opaque")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    answer = await staying
    await asyncio.gather(leaving, return_exceptions=True)
    await authority.aclose()

    assert status(answer) == GOOD
    assert realm.asked()["introspect"] == 1


async def test_tokens_that_can_be_read_are_not_shown_to_anybody(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    realm.tell(client=ENCODED, tokens={})
    authority = authority_of(opening(realm))
    answers = [await ask(authority, mint(ec_one, realm.claims(iss=iss), "ES256")) for iss in (realm.url, "https://x")]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [GOOD, BAD]
    assert "introspect" not in realm.asked()


async def test_without_introspection_an_opaque_token_is_none(realm: Realm) -> None:
    authority = authority_of(realm.config())
    answers = [await ask(authority, "opaque"), await authority.find(shown(("X-API-Key", "opaque")), "", time.time())]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [BAD, BAD]
    assert realm.asked() == {}


async def test_the_secret_is_in_no_repr(realm: Realm) -> None:
    config = opening(realm)
    authority = Authority()

    assert SECRET not in repr(config) + repr(ME) + repr(authority)
