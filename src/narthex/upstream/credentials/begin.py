"""A connection is begun: it is found out where a user's grant is given, and what to ask for there.

Knows: what is remembered of a browser that is sent away. Refuses to know: the browser.
"""

import msgspec

from narthex.model.connection import Owner
from narthex.ports import Vault
from narthex.upstream.credentials.code_flow import Flow, address, digest_of, new_state, new_verifier, wanted
from narthex.upstream.credentials.user_grant import UserGrant, grant_of
from narthex.upstream.credentials.user_grants import UserGrants


async def begun(
    grants: UserGrants,
    vault: Vault,
    owner: Owner,
    redirect_uri: str,
    browser: bytes,
    link: str,
    expires: float,
    at: float,
) -> str:
    """Where to send the browser. Raises CredentialFault, VaultFault."""
    await vault.has_room(owner.key, grants.name)  # else the user would agree to what cannot be kept
    place = await grants.keeper.granting.find()
    client = await grants.keeper.clients.at(place.at, redirect_uri)
    kept = await vault.find(owner.key, grants.name)
    before = grant_of(kept) if kept is not None else None
    flow = Flow(
        owner=owner.key,
        server=grants.name,
        upstream=grants.keeper.upstream,
        resource=place.resource,
        issuer=place.issuer,
        says_iss=place.at.says_iss,
        client=client,
        verifier=new_verifier(),
        redirect_uri=redirect_uri,
        asked=wanted(place, _had(before, grants, place.issuer)),
        link=link,
    )
    state = new_state()
    await vault.send(digest_of(state), browser, owner.key, msgspec.msgpack.encode(flow), expires, at)
    if client.kind == "registered":
        await vault.sent_with(place.issuer, redirect_uri)
    return address(place, flow, state)


def _had(before: UserGrant | None, grants: UserGrants, issuer: str) -> frozenset[str]:
    """What was asked for before, and what was lacking: the union, so that no right is lost (C-AUTH-08)."""
    if before is None or before.issuer != issuer or not grants.keeper.may_use(before):
        return frozenset()
    return frozenset(before.asked) | frozenset(before.lacking)
