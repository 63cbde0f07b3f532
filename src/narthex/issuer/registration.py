"""Clients that register themselves (RFC 7591), for those that do not know documents yet.

Knows: what of a registration is kept, and that anybody may send one: so few of one address, and little of each.
Refuses to know: what a client is let in for. Who registers has gained nothing: somebody has to agree each time.
"""

import secrets
from typing import Any

from narthex.issuer.answer import Answer, Asked, OauthFault, json_answer
from narthex.issuer.client import BadClient, described, digest
from narthex.issuer.office import Office
from narthex.issuer.throttle import Throttle
from narthex.limits import (
    DEFAULTS,
    registrations_per_address_max,
    registrations_per_address_seconds,
    sign_in_body_bytes_max,
)
from narthex.store.oauth_clients import ClientsFull, Registered
from narthex.wire.addresses import address_key
from narthex.wire.faults import PeerFault
from narthex.wire.strict import decode

# As it came, so that the client finds what it said (RFC 7591, 3.2.1); nothing of it is kept or used.
_ECHOED = (
    *("scope", "application_type", "client_uri", "logo_uri", "tos_uri", "policy_uri", "contacts"),
    *("software_id", "software_version"),
)
_DAY_SECONDS = 86_400


class Registration:
    """The registration endpoint."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._throttle = Throttle(registrations_per_address_max, registrations_per_address_seconds)

    async def register(self, asked: Asked) -> Answer:
        """Raises OauthFault."""
        office = self._office
        if not office.settings.server.registration:
            raise OauthFault(
                "access_denied", "Clients cannot register themselves here. Ask who runs this gateway.", 403
            )
        wait = self._throttle.take(address_key(asked.peer), office.monotonic())
        if wait:
            raise OauthFault(
                "temporarily_unavailable", f"Too many registrations. Try again in {wait} seconds.", 429, wait
            )
        tree = _tree(asked)
        try:
            said = described(tree, office.settings.server.redirect_schemes, default_method="client_secret_basic")
        except BadClient as bad:
            raise OauthFault(bad.error, str(bad)) from None
        secret = None if said.method == "none" else secrets.token_urlsafe(32)
        now = office.now()
        record = Registered(
            id=f"dyn-{secrets.token_urlsafe(16)}",
            name=said.name,
            redirect_uris=said.redirect_uris,
            grant_types=said.grant_types,
            method=said.method,
            secret=None if secret is None else digest(secret),
        )
        try:
            await office.do(lambda shelves: shelves.clients.add(record, now))
        except ClientsFull:
            raise OauthFault(
                "temporarily_unavailable", "Too many clients are registered already.", 503, 3_600
            ) from None
        return json_answer(_told(record, secret, tree, int(now)), 201)


def _tree(asked: Asked) -> dict[str, Any]:
    kind = (asked.headers.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise OauthFault("invalid_client_metadata", "The Content-Type must be application/json.")
    if len(asked.body) > sign_in_body_bytes_max:
        raise OauthFault("invalid_client_metadata", f"The body is over {sign_in_body_bytes_max} bytes.", 413)
    try:
        tree = decode(asked.body, DEFAULTS)
    except PeerFault as fault:
        raise OauthFault("invalid_client_metadata", f"The body is not accepted as JSON: {fault}") from None
    if not isinstance(tree, dict):
        raise OauthFault("invalid_client_metadata", "The metadata must be a JSON object.")
    return tree


def _told(record: Registered, secret: str | None, tree: dict[str, Any], now: int) -> dict[str, Any]:
    answer: dict[str, Any] = {name: tree[name] for name in _ECHOED if name in tree}
    answer |= {
        "client_id": record.id,
        "client_id_issued_at": now,
        "redirect_uris": list(record.redirect_uris),
        "grant_types": list(record.grant_types),
        "response_types": ["code"],
        "token_endpoint_auth_method": record.method,
    }
    if record.name:
        answer["client_name"] = record.name
    if secret is not None:
        answer["client_secret"] = secret
        # It ends when the registration does, and that lives on as long as somebody uses it.
        answer["client_secret_expires_at"] = 0
    return answer
