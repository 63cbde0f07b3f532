"""One login at another provider: what a browser takes there, and who comes back.

Knows: the code flow of OpenID Connect as its client: PKCE, nonce, `iss`. Refuses to know: how one browser is told from
another, where its secrets are kept while it is away, and what people come for.
"""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from narthex.identity.tokens import name_in
from narthex.issuer.answer import with_parameters
from narthex.issuer.provider import Provider, ProviderFault
from narthex.model.issuer import LoginConfig
from narthex.wire.pkce import challenge_of

_SHOWN = ("preferred_username", "email", "name")


class Trip(NamedTuple):
    """The secrets of one browser that is sent away. `state` goes there and back; of `verifier`, only a challenge."""

    state: str
    verifier: str
    nonce: str

    def __repr__(self) -> str:
        return "<Trip>"


class Person(NamedTuple):
    """`shown`: how a page calls them."""

    subject: str
    shown: str


def new_trip() -> Trip:
    return Trip(*(secrets.token_urlsafe(32) for _ in Trip._fields))


def digest_of(state: str) -> bytes:
    """What is kept of a state."""
    return sha256(state.encode()).digest()


async def address(provider: Provider, callback: str, trip: Trip, prompt: str = "") -> str:
    """Where the browser is sent. Raises ProviderFault."""
    found = await provider.metadata()
    said = {
        "response_type": "code",
        "client_id": provider.config.client_id,
        "redirect_uri": callback,
        "scope": " ".join(provider.config.scopes),
        "state": trip.state,
        "nonce": trip.nonce,
        "code_challenge": challenge_of(trip.verifier),
        "code_challenge_method": "S256",
    }
    if prompt:
        said["prompt"] = prompt
    return with_parameters(found.authorization_endpoint, said)


async def claims_of(
    provider: Provider, callback: str, said: Mapping[str, str], verifier: str, nonce: str
) -> Mapping[str, Any] | None:
    """Of whoever came back with this; None: nobody signed in there. Raises ProviderFault, BadToken."""
    await _check_sender(provider, said)
    if "code" not in said:
        return None
    return await provider.claims(said["code"], callback, verifier, nonce)


def person_of(claims: Mapping[str, Any], config: LoginConfig) -> Person:
    """Raises ProviderFault, BadToken."""
    subject = name_in(claims, config.subject)
    if config.subject == "email" and claims.get("email_verified") not in (None, True):
        raise ProviderFault("it has not checked this person's e-mail address")
    shown = next((said for name in _SHOWN if isinstance(said := claims.get(name), str) and said), subject)
    return Person(subject, shown[:128])


async def _check_sender(provider: Provider, said: Mapping[str, str]) -> None:
    """RFC 9207: whose answer this is. Raises ProviderFault; nothing else of such an answer is read."""
    found = await provider.metadata()
    iss = said.get("iss")
    if (iss is not None or found.says_iss) and iss != provider.config.issuer:
        raise ProviderFault("the answer came from another provider than the one that was asked")
