"""Tokens that are taken: every algorithm, every address of the metadata, and what becomes of the claims."""

import time
from typing import Any

import pytest
from identity_kit import HERE, SALES, AnyKey, Realm, ask, authority_of, mint, status
from joserfc.jwk import ECKey, OKPKey, RSAKey

from narthex.limits import scopes_told_max, token_scopes_max
from narthex.model.authentication import ClaimsConfig, RolesConfig, ScopesConfig
from narthex.model.identity import Principal, Refusal


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
async def test_every_algorithm_of_the_list_is_taken(
    algorithm: str, realm: Realm, rsa_one: RSAKey, ec_one: ECKey, okp_one: OKPKey
) -> None:
    key: AnyKey = {"RS256": rsa_one, "PS256": rsa_one, "ES256": ec_one}.get(algorithm, okp_one)
    realm.publish(rsa_one, ec_one, okp_one)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(key, realm.claims(), algorithm))
    await authority.aclose()

    assert status(answer) == (200, "ana")


@pytest.mark.parametrize("where", ["oauth", "openid", "appended"])
async def test_metadata_are_found_at_all_three_addresses(where: str, realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one, where=where)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(rsa_one, realm.claims()))
    await authority.aclose()

    assert status(answer) == (200, "ana")


async def test_with_an_address_of_keys_no_metadata_are_needed(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config(jwks_uri=f"{realm.url}/keys"))
    answer = await ask(authority, mint(rsa_one, realm.claims()))
    await authority.aclose()

    assert status(answer) == (200, "ana")
    assert realm.asked() == {"keys": 1}


async def test_a_principal_is_what_the_token_says(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config(tenant="acme"))
    claims = realm.claims(scope="mcp:tools crm:read", client_id="agent", groups=["sales"], jti="x")
    answer = await ask(authority, mint(rsa_one, claims))
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert (answer.subject, answer.tenant, answer.client, answer.how) == ("ana", "acme", "agent", "jwt")
    assert answer.scopes == {"mcp:tools", "crm:read"}
    assert answer.issuer == realm.url
    assert answer.endpoints == {""}
    assert answer.expires == claims["exp"] + 30
    assert answer.claims == {"sub": "ana", "client_id": "agent", "groups": ["sales"]}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"scope": "a b"}, {"a", "b"}),
        ({"scope": ["a", "b"]}, {"a", "b"}),
        ({"scope": None, "scp": "a b"}, {"a", "b"}),
        ({"scope": None, "scp": ["a"]}, {"a"}),
        ({"scope": None}, set()),
        ({"scope": 7}, set()),
        ({"scope": ["a", 7, None]}, {"a"}),
    ],
)
async def test_scopes_in_all_their_spellings(
    claims: dict[str, Any], expected: set[str], realm: Realm, rsa_one: RSAKey
) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(rsa_one, realm.claims(**claims)))
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert answer.scopes == expected


async def test_other_claims_may_hold_scopes_and_subject(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config(claims=ClaimsConfig(scopes="permissions", subject="email")))
    claims = realm.claims(permissions=["a"], email="ana@example.com", sub=None)
    answer = await ask(authority, mint(rsa_one, claims))
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert (answer.subject, answer.scopes) == ("ana@example.com", {"a"})


async def test_roles_are_granted_scopes_and_scopes_imply_others(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    scopes = ScopesConfig(
        implies={"mcp:admin": ("mcp:tools", "crm:write"), "crm:write": ("crm:read",), "crm:read": ("crm:write",)},
        roles=RolesConfig(claim="realm_access.roles", grants={"boss": ("mcp:admin",)}),
    )
    authority = authority_of(realm.config(), scopes=scopes, required_scopes=("mcp:tools",))
    claims = realm.claims(scope="other", realm_access={"roles": ["boss", "clerk"]})
    answer = await ask(authority, mint(rsa_one, claims))
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert answer.scopes == {"other", "mcp:admin", "mcp:tools", "crm:write", "crm:read"}


async def test_a_claim_with_dots_in_its_name_is_found_first(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    roles = RolesConfig(claim="https://example.com/roles", grants={"boss": ("mcp:admin",)})
    authority = authority_of(realm.config(), scopes=ScopesConfig(roles=roles))
    answer = await ask(authority, mint(rsa_one, realm.claims(**{"https://example.com/roles": ["boss"]})))
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert "mcp:admin" in answer.scopes


async def test_a_token_is_good_for_the_endpoints_it_names(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config())
    here, both = mint(rsa_one, realm.claims()), mint(rsa_one, realm.claims(aud=[HERE, SALES, "https://x.example"]))
    answers = [status(await ask(authority, token, at)) for token in (here, both) for at in ("", "sales", "other")]
    again = [status(await ask(authority, token, at)) for token in (here, both) for at in ("", "sales", "other")]
    await authority.aclose()

    refused = (401, "invalid_token")
    assert answers == again == [(200, "ana"), refused, refused, (200, "ana"), (200, "ana"), refused]


async def test_a_configured_audience_is_good_everywhere_and_alone(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config(audience=("api://tools",)))
    answers = [await ask(authority, mint(rsa_one, realm.claims(aud=aud)), "sales") for aud in ("api://tools", SALES)]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [(200, "ana"), (401, "invalid_token")]


async def test_issuers_are_mapped_to_tenants_and_never_mixed_up(issuers: str, rsa_one: RSAKey, rsa_two: RSAKey) -> None:
    one, two = Realm(issuers), Realm(issuers)
    one.publish(rsa_one)
    two.publish(rsa_two)
    authority = authority_of(one.config(tenant="acme"), two.config(tenant="beta"))
    mine, theirs = await ask(authority, mint(rsa_one, one.claims())), await ask(authority, mint(rsa_two, two.claims()))
    forged = await ask(authority, mint(rsa_two, one.claims()))
    await authority.aclose()

    assert isinstance(mine, Principal)
    assert isinstance(theirs, Principal)
    assert (mine.tenant, theirs.tenant) == ("acme", "beta")
    assert mine.key != theirs.key
    assert status(forged) == (401, "invalid_token")


async def test_clocks_may_differ_by_half_a_minute(realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config())
    now = int(time.time())
    answers = [
        await ask(authority, mint(rsa_one, realm.claims(**claims)))
        for claims in ({"exp": now - 20}, {"iat": now + 20}, {"nbf": now + 20}, {"iat": None})
    ]
    await authority.aclose()

    assert [status(answer) for answer in answers] == [(200, "ana")] * 4


async def test_a_token_without_a_key_id_is_tried_with_the_keys_of_its_kind(
    realm: Realm, rsa_one: RSAKey, rsa_two: RSAKey, ec_one: ECKey
) -> None:
    realm.publish(ec_one, rsa_one, rsa_two)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(rsa_two, realm.claims(), kid=None))
    await authority.aclose()

    assert status(answer) == (200, "ana")


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_type_of_access_tokens_may_be_demanded(typ: str, realm: Realm, rsa_one: RSAKey) -> None:
    realm.publish(rsa_one)
    authority = authority_of(realm.config(typ="at+jwt"))
    answer = await ask(authority, mint(rsa_one, realm.claims(), typ=typ))
    await authority.aclose()

    assert status(answer) == (200, "ana")


@pytest.mark.parametrize("scope", [["", "a"], ["a", "b c"], ["a", 'x"y'], ["a", "é"], ["a", "x" * 257], ["a\n", "a"]])
async def test_what_has_not_the_form_of_a_scope_is_none(scope: list[str], realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(ec_one, realm.claims(scope=scope), "ES256"))
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert answer.scopes == {"a"}


@pytest.mark.parametrize("client", [7, "", "a\x00b", "c" * 256, None])
async def test_a_client_that_cannot_be_shown_is_left_out(client: object, realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config())
    answer = await ask(authority, mint(ec_one, realm.claims(client_id=client), "ES256"))
    await authority.aclose()

    assert isinstance(answer, Principal)
    assert answer.client == ""


async def test_a_token_lists_so_many_scopes_and_no_more(realm: Realm, ec_one: ECKey) -> None:
    realm.publish(ec_one)
    authority = authority_of(realm.config(), required_scopes=("needed",))
    answer = await ask(authority, mint(ec_one, realm.claims(scope=[f"s{n}" for n in range(300)]), "ES256"))
    more = token_scopes_max - scopes_told_max
    await authority.aclose()

    assert isinstance(answer, Refusal)
    assert answer.message.endswith(f" and {more} more.")
