"""What a request shows of who sends it: read once, and refused where it could be read in two ways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_kit import Fields, shown

from narthex.identity.credential import Credential, of
from narthex.limits import credential_bytes_max
from narthex.model.identity import Refusal

PROXY = (b"x-forwarded-user", b"x-forwarded-scopes")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], ("none", "")),
        ([("Authorization", "Bearer abc.DEF-_~+/==")], ("bearer", "abc.DEF-_~+/==")),
        ([("authorization", "bearer abc")], ("bearer", "abc")),
        ([("Authorization", "BEARER   abc  ")], ("bearer", "abc")),
        ([("Authorization", "DPoP abc")], ("dpop", "abc")),
        ([("X-API-Key", " nx_abc ")], ("key", "nx_abc")),
        ([("Authorization", "Bearer nx_abc"), ("X-API-Key", "nx_abc")], ("bearer", "nx_abc")),
    ],
)
def test_a_credential_is_found_where_it_may_stand(headers: list[tuple[str, str]], expected: tuple[str, str]) -> None:
    credential = shown(*headers)

    assert (credential.scheme, credential.token) == expected
    assert bool(credential.digest) == bool(credential.token)


LONG = "a" * (credential_bytes_max + 1)


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer a"), ("Authorization", "Bearer a")],
        [("X-API-Key", "a"), ("X-API-Key", "a")],
        [("Authorization", "DPoP a"), ("DPoP", "p"), ("DPoP", "p")],
        [("Authorization", "Bearer a"), ("X-API-Key", "b")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Bearer a b")],
        [("Authorization", "Bearer a,b")],
        [("Authorization", 'Bearer "a"')],
        [("Authorization", "Bearer a=b")],
        [("Authorization", "Bearer é")],
        [("Authorization", f"Bearer {LONG}")],
        [("X-API-Key", LONG)],
        [("X-API-Key", "")],
        [("X-API-Key", "a b")],
        [("Authorization", "DPoP a"), ("DPoP", LONG)],
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(headers: list[tuple[str, str]]) -> None:
    refusal = of(Fields(*headers))

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.error) == (400, "invalid_request")


@pytest.mark.parametrize("query", ["access_token=x", "a=b&Access_Token=", "api_key=x", "token=x", "%61ccess_token=x"])
def test_a_token_in_the_address_is_refused_even_beside_a_good_one(query: str) -> None:
    refusal = of(Fields(("Authorization", "Bearer good")), query=query)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.error) == (400, "invalid_request")


def test_other_words_in_the_address_are_nobody_s_business() -> None:
    assert isinstance(of(Fields(), query="sessionId=x&tokens=1"), Credential)


@pytest.mark.parametrize("said", ["Basic YTpi", "Negotiate abc", "Digest a=b", "", "abc"])
def test_other_ways_of_saying_who_one_is_are_told_which_one_is_taken(said: str) -> None:
    refusal = of(Fields(("Authorization", said)))

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.error) == (401, "")
    assert "Bearer" in refusal.message


def test_the_words_of_a_proxy_are_read_only_where_one_is_configured() -> None:
    headers = (("X-Forwarded-User", " ana "), ("X-Forwarded-Scopes", "a b"))

    assert shown(*headers).forwarded is None
    assert shown(*headers, proxy_headers=PROXY).forwarded == ("ana", "a b")
    assert shown(*headers, proxy_headers=(PROXY[0], b"")).forwarded == ("ana", "")
    assert shown(("X-Forwarded-Scopes", "a"), proxy_headers=PROXY).forwarded is None


@pytest.mark.parametrize("name", ["X-Forwarded-User", "X-Forwarded-Scopes"])
def test_a_proxy_says_everything_once(name: str) -> None:
    """One of two would be the caller's own."""
    refusal = of(Fields(("X-Forwarded-User", "ana"), (name, "a"), (name, "b")), proxy_headers=PROXY)

    assert isinstance(refusal, Refusal)
    assert refusal.status == 400


def test_a_credential_shows_itself_to_nobody() -> None:
    credential = shown(("Authorization", "DPoP planted-secret"), ("DPoP", "planted-proof"), peer="127.0.0.1")

    assert repr(credential) == "<Credential dpop from 127.0.0.1>"
    assert "planted" not in str(credential)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Authorization", "X-API-Key", "DPoP"]), st.text("aB .,=éDPopearr", max_size=30))
    )
)
def test_whatever_headers_say_there_is_one_credential_or_a_refusal(headers: list[tuple[str, str]]) -> None:
    found = of(Fields(*headers))

    assert isinstance(found, Credential) or found.status in (400, 401)
