"""Where the users of one server give their grants: found out from what the server says, and looked at again.

Knows: the order of discovery (2026-07-28, authorization server discovery; 2025-03-26 where a server has no metadata),
and that a server may move to another issuer. Refuses to know: whose grant it is.

Unlike a secret of the operator, a grant is given anew by its user wherever it is needed. So an issuer that the server
names may change; one that stands in the configuration may not.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec

from narthex.limits import connect_wait_seconds_max, issuer_metadata_seconds_max, issuers_tried_max
from narthex.model.credentials import CredentialsConfig
from narthex.upstream.credentials.canonical import canonical, origin_of
from narthex.upstream.credentials.challenge import NO_CHALLENGE, Challenge
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.home import reach_from, reach_of_server
from narthex.upstream.credentials.issuer_endpoints import OFFLINE, IssuerEndpoints, assumed, endpoints_of
from narthex.upstream.credentials.probe import challenge_at
from narthex.upstream.credentials.protected_resource import ProtectedResource, protected_resource
from narthex.upstream.fetch import FetchFault, Reach, shown
from narthex.upstream.http.tls import Tls

_NOT_FOUND = "it cannot be found out where a connection to it is given"


class Place(msgspec.Struct, frozen=True):
    """`resource` names the server, as itself says it; "": it is not named.

    `named`: every issuer the server names; a grant of any of them is good.
    """

    resource: str
    named: tuple[str, ...]
    at: IssuerEndpoints
    scopes: frozenset[str]  # to be asked for, where nothing else says which

    @property
    def issuer(self) -> str:
        return self.at.issuer


class Granting:
    """Of one server, as it is configured. `challenge` is what the server said last when it refused."""

    def __init__(self, upstream: str, config: CredentialsConfig, tls: Tls) -> None:
        self.challenge: Challenge = NO_CHALLENGE
        self._upstream, self._config, self._tls = upstream, config, tls
        self._place: Place | None = None
        self._until = 0.0
        self._turn = asyncio.Lock()  # whoever discovers has it

    def reach(self, url: str) -> Reach:
        return reach_from(self._upstream, self._config, url)

    async def find(self, *, anew: bool = False) -> Place:
        """`anew`: whatever is remembered. Raises CredentialFault."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._turn:
            fresh = self._place is not None and loop.time() < self._until
            if not fresh or (anew and self._until - issuer_metadata_seconds_max < asked):
                try:
                    async with asyncio.timeout(connect_wait_seconds_max):
                        self._place = await self._discover()
                except TimeoutError:
                    raise CredentialFault(_NOT_FOUND, f"{_NOT_FOUND}: it takes too long", retry_seconds=1.0) from None
                except FetchFault as fault:
                    raise CredentialFault(_NOT_FOUND, f"{_NOT_FOUND}: {fault}", retry_seconds=1.0) from None
                self._until = loop.time() + issuer_metadata_seconds_max
            assert self._place is not None, "it was found just now, or before"
            return self._place

    async def endpoints(self, issuer: str) -> IssuerEndpoints:
        """Of an issuer at which somebody has a grant; the server may name another by now. Raises CredentialFault."""
        if self._place is not None and self._place.issuer == issuer:
            return self._place.at
        try:
            return await self._endpoints(issuer)
        except FetchFault as fault:
            raise CredentialFault(_NOT_FOUND, f"{_NOT_FOUND}: {fault}", retry_seconds=1.0) from None

    async def _discover(self) -> Place:
        config, said = self._config, await self._said()
        if said is None:
            resource, named = canonical(self._upstream), [config.issuer or origin_of(self._upstream)]
        else:
            if config.issuer is not None and config.issuer not in said.issuers:
                others = ", ".join(shown(one) for one in said.issuers[:3])
                text = f"the server names {others}, and `issuer` names {shown(config.issuer)}"
                raise FetchFault("issuer", f"{text}; what was registered at one is not shown to another")
            resource, named = said.resource, [config.issuer] if config.issuer is not None else list(said.issuers)
        scopes = self.challenge.scopes or (said.scopes if said is not None else frozenset())
        # Whoever wants to be let in for long asks the issuer for it, and only one that knows the word (C-AUTH-09).
        scopes = frozenset(config.scopes) or scopes - {OFFLINE}
        resource = "" if config.omit_resource else config.resource or resource
        return Place(resource, tuple(named), await self._first_of(named), scopes)

    async def _first_of(self, named: Sequence[str]) -> IssuerEndpoints:
        """The first issuer to which a browser can be sent: which one is for the client to choose (RFC 9728, 7.6)."""
        first: FetchFault | None = None
        for issuer in named[:issuers_tried_max]:
            try:
                return await self._endpoints(issuer)
            except FetchFault as fault:
                first = first or fault
        assert first is not None, "one at least is named"
        raise first

    async def _said(self) -> ProtectedResource | None:
        """The server's own metadata; None where it has none. Raises FetchFault for any that speak of another."""
        if not self.challenge.resource_metadata:
            try:
                self.challenge = await challenge_at(self._upstream)
            except FetchFault:
                if self._config.issuer is None:
                    raise
        try:
            near = partial(reach_of_server, self._upstream)
            return await protected_resource(self._upstream, self.challenge, near, self._tls)
        except FetchFault as fault:
            if self.challenge.resource_metadata or not _is_absent(fault):
                raise
            return None

    async def _endpoints(self, issuer: str) -> IssuerEndpoints:
        try:
            return await endpoints_of(issuer, self.reach, self._tls)
        except FetchFault as fault:
            # Only a server's own origin may be taken to be an issuer that says nothing of itself.
            if self._config.issuer is None and issuer == origin_of(self._upstream) and _is_absent(fault):
                return assumed(issuer)
            raise


def _is_absent(fault: FetchFault) -> bool:
    """Something answers there, but not with such a document."""
    return 400 <= fault.status < 500 or fault.reason == "content_type"
