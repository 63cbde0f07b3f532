"""A browser comes back: what it brings is judged, redeemed at the issuer it was sent to, and kept.

Knows: the order of these steps. Refuses to know: the browser.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from narthex.limits import refused_grants_seconds
from narthex.model.connection import GATEWAY, Owner
from narthex.ports import Kept, Vault, VaultFault
from narthex.upstream.credentials.code_flow import NOT_CONNECTED, Flow, code_in, redeeming
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.user_grant import UserGrant, grant_of, granted, kept_of
from narthex.upstream.credentials.user_grants import REFUSED, UserGrants
from narthex.upstream.fetch import shown


class Back(NamedTuple):
    """A browser that came back."""

    browser: bytes  # digest of its cookie
    said: Mapping[str, str]  # `code`, `state`, `iss`, `error`
    redirect_uri: str  # where it came to
    who: Owner | None  # who is there now; None: nobody we know


class Arrival(NamedTuple):
    """A grant was given. `link`: as it was said when the flow was begun."""

    owner: Owner
    server: str
    link: str


def flow_of(content: bytes | None) -> Flow:
    """Raises CredentialFault. It never says which: the state may be another's, used, expired, or made up."""
    if content is not None:
        try:
            return msgspec.msgpack.decode(content, type=Flow)
        except msgspec.MsgspecError:
            pass  # another version of this program sent the browser
    raise CredentialFault("this was not begun here in this browser, took too long, or was finished already; begin anew")


def fits(flow: Flow, back: Back) -> None:
    """It came back where it was sent to, and whoever sent it is there still. Raises CredentialFault.

    Each server has an address of its own: whoever answers for another one, without a word of who they are, is known
    by that (RFC 9700, 4.4.2). What the operator gives for all is begun by a link, and holds no one's name.
    """
    if back.redirect_uri != flow.redirect_uri:
        note = f"an answer for {flow.server} came to the address of another server, or of another name of this gateway"
        raise CredentialFault("the answer came from somebody else than it was asked of; nothing was connected", note)
    if flow.owner != GATEWAY.key and (back.who is None or back.who.key != flow.owner):
        note = f"who came back from {shown(flow.issuer)} is not who was sent there"
        raise CredentialFault("somebody else began this in this browser; nothing was connected", note)


async def finished(grants: UserGrants, vault: Vault, flow: Flow, said: Mapping[str, str], at: float) -> Kept:
    """Raises CredentialFault, VaultFault."""
    if flow.upstream != grants.keeper.upstream or not grants.keeper.clients.is_ours_still(flow.client):
        raise CredentialFault("the server was configured anew meanwhile; begin anew")
    code = code_in(flow, said)
    if flow.client.kind == "registered":
        await vault.came_back(flow.issuer, flow.redirect_uri)
    server = await grants.keeper.server_of(flow.issuer, flow.client)
    try:
        answer = await server.ask(redeeming(flow, code))
    except CredentialFault as fault:
        if fault.error == "invalid_client" and flow.client.kind == "registered":
            await vault.forget_client(flow.issuer, flow.redirect_uri)  # it has forgotten us; the next try registers
        raise CredentialFault(f"{NOT_CONNECTED}: its issuer gave no token", fault.note, error=fault.error) from None
    grant = granted(
        answer,
        server.name,
        owner=Owner(flow.owner),
        server=flow.server,
        upstream=flow.upstream,
        resource=flow.resource,
        issuer=flow.issuer,
        client=flow.client,
        asked=flow.asked,
        now=time.time(),
    )
    try:
        kept = await vault.find(flow.owner, flow.server)
        return await vault.put(kept_of(_after(grant, grant_of(kept) if kept is not None else None)))
    except VaultFault:
        await grants.keeper.take_back(grant)  # nobody will ever use it
        raise


def _after(grant: UserGrant, before: UserGrant | None) -> UserGrant:
    """What was tried in vain is remembered, so that nobody is asked for ever."""
    if before is None or before.upstream != grant.upstream or before.issuer != grant.issuer:
        return grant
    refused = before.void == REFUSED and grant.since - before.since < refused_grants_seconds
    return msgspec.structs.replace(
        grant,
        refusals=before.refusals + 1 if refused else 0,
        step_ups=before.step_ups + 1 if set(before.lacking) - set(grant.scopes) else 0,
    )
