"""The gate: who sends this request, and what they are told who may not come in.

Knows: where a request shows its credential, and how a refusal looks in HTTP. Refuses to judge credentials: that is
`identity`. Nothing of a body is parsed before this (H11).
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from narthex.edge.challenge import Resource, challenge, public_base
from narthex.edge.http1_exchange import Exchange
from narthex.edge.http1_head import Headers
from narthex.edge.response import Extra
from narthex.edge.route import base_path, inner_path
from narthex.identity.api_keys import is_guess
from narthex.identity.attempts import Attempts
from narthex.identity.authority import Authority
from narthex.identity.credential import API_KEY, Credential, of, usual_token, without_token
from narthex.model.config import Config
from narthex.model.endpoint import Endpoint
from narthex.model.identity import LOCAL, Principal, Refusal
from narthex.policy.entrance import endpoint_place, lacking
from narthex.policy.scopes import missing
from narthex.relay.slot import Slot
from narthex.wire.envelope import encode_error
from narthex.wire.faults import FORBIDDEN, UNAUTHENTICATED

OnRefused = Callable[[str, Principal | None, str, str], None]  # endpoint, who, the machine's word, from where
Challenge = Callable[[Exchange, frozenset[str]], Extra]  # the header that asks for these scopes


class Remembered(msgspec.Struct, frozen=True, eq=False):
    """Whose credential a head holds. Only for what the head alone proves, not for what a connection does."""

    who: Principal
    epoch: int
    until: float


class Gate:
    """One for the gateway. `secure`: clients reach our own port by TLS."""

    def __init__(self, authority: Authority, slot: Slot, *, secure: bool, count: Callable[[str], None]) -> None:
        self.authority = authority
        self._slot = slot
        self._secure = secure
        self._count = count  # of refusals, by reason
        self.on_refused: OnRefused = _unheard
        self._attempts = Attempts(lambda: self._slot.current.config.limits.failed_credentials_per_minute_max)

    def remembered(self, kept: Remembered | None) -> Principal | None:
        """Who sent this very head a moment ago, if that still holds. Costs nothing on the path of a call."""
        if self.authority.open:
            return LOCAL
        if kept is None or kept.epoch != self.authority.epoch or kept.until <= time.time():
            return None
        return kept.who

    def glance(self, headers: Headers, field: bytes | None, route: str, needs: frozenset[str]) -> Principal | None:
        """Who sends this request, if this very head came a moment ago, or the same token was good under another. None:
        ask `who`.

        Ten thousand callers take turns: their heads cannot all be kept, but who they are can. `field`: where the token
        stands (`credential.usual_field`); `needs`: of the endpoint.
        """
        authority = self.authority
        kept: Remembered | None = headers.caller
        if authority.open:
            return LOCAL
        now = time.time()
        if kept is not None and kept.epoch == authority.epoch and kept.until > now:
            return kept.who
        if field is None or authority.proxy_headers is not None:
            return None
        verified = authority.seen(headers.token or usual_token(headers, field), route, now, by_key=field is API_KEY)
        if verified is None or (needs and missing(verified.principal, needs)):
            return None
        headers.caller = Remembered(verified.principal, authority.epoch, verified.until)
        return verified.principal

    async def who(self, exchange: Exchange, route: str) -> Principal | None:
        """The caller of an endpoint, remembered with the headers. None: refused, and told so."""
        resource, now = self.resource(exchange, route), time.time()
        credential = self._credential(exchange)
        if isinstance(credential, Refusal):
            self.refuse(exchange, self._lacking(credential, route) or credential, resource)
            return None
        found = await self.authority.find(credential, route, now)
        if isinstance(found, Refusal) and is_guess(found):
            found = self._attempts.failed(exchange.peer, found, now)
        refusal = self._lacking(found, route)
        if refusal is not None:
            self.refuse(exchange, refusal, resource, found if isinstance(found, Principal) else None)
            return None
        assert isinstance(found, Principal)
        exchange.headers.caller = self._kept(found, credential, now)
        return found

    def visitor(self, exchange: Exchange) -> Principal | Refusal | None:
        """Who is at a browser, as far as its request proves that by itself; None: nothing does."""
        if self.authority.open:
            return LOCAL
        credential = without_token(
            exchange.headers,
            peer=exchange.peer,
            certificate=exchange.certificate,
            proxy_headers=self.authority.proxy_headers,
        )
        return credential if isinstance(credential, Refusal) else self.authority.vouched(credential, time.time())

    def key_holder(self, key: str, peer: str) -> Principal | Refusal:
        """Whose API key somebody has typed. Wrong ones count as they do everywhere."""
        now = time.time()
        found = self.authority.of_key(key, now)
        if isinstance(found, Refusal) and is_guess(found):
            return self._attempts.failed(peer, found, now)
        return found

    def resource(self, exchange: Exchange, route: str) -> Resource:
        host = (exchange.headers.get(b"host") or b"").decode("latin-1")
        config: Config = self._slot.current.config
        return Resource(public_base(config, host, secure=self._secure), route)

    def refuse(self, exchange: Exchange, refusal: Refusal, resource: Resource, who: Principal | None = None) -> None:
        """401, 403 and their kin. The body says the same as the header, for whoever reads only that."""
        code = FORBIDDEN if refusal.status == 403 else UNAUTHENTICATED
        reason = refusal.error or "no_credential"
        self._count(reason)
        self.on_refused(resource.route, who, reason, exchange.peer)
        data: dict[str, Any] = {"reason": reason}
        if refusal.scopes:
            data["required_scopes"] = sorted(refusal.scopes)
        body = encode_error(None, code, refusal.message, data)
        exchange.respond(refusal.status, body, headers=self.headers(refusal, resource))

    def more_scopes(self, exchange: Exchange, scopes: frozenset[str]) -> Extra:
        """The challenge beside an answer that says which scopes a call needs (S-AUTH-03)."""
        refusal = Refusal(403, "insufficient_scope", "This call requires more scopes.", scopes)
        return self.headers(refusal, self.resource(exchange, exchange.headers.notes.route))

    def headers(self, refusal: Refusal, resource: Resource) -> Extra:
        headers: Extra = ()
        if refusal.status in (400, 401, 403):
            headers = challenge(refusal, resource if self.authority.issuers() else None)
        if refusal.retry_after_seconds is not None:
            headers = (*headers, (b"Retry-After", b"%d" % refusal.retry_after_seconds))
        return headers

    def _credential(self, exchange: Exchange) -> Credential | Refusal:
        host = (exchange.headers.get(b"host") or b"").decode("latin-1")
        config: Config = self._slot.current.config
        base = public_base(config, host, secure=self._secure)
        path = inner_path(exchange.path, base_path(config.public_url))
        return of(
            exchange.headers,
            query=exchange.query,
            method=exchange.method.decode("ascii"),
            uri=base.rstrip("/") + path,
            peer=exchange.peer,
            certificate=exchange.certificate,
            proxy_headers=self.authority.proxy_headers,
        )

    def _lacking(self, found: Principal | Refusal, route: str) -> Refusal | None:
        """A challenge names everything that is needed, at once: a client asks for a new token once (S-AUTH-03)."""
        endpoint: Endpoint | None = self._slot.current.endpoints.get(route)
        needs = endpoint.needs if endpoint is not None else frozenset[str]()
        if isinstance(found, Refusal):
            if found.status not in (401, 403):
                return found
            return msgspec.structs.replace(found, scopes=found.scopes | needs)
        if not missing(found, needs):
            return None
        said = lacking(endpoint_place(route), needs, found.scopes)
        return Refusal(403, "insufficient_scope", said, scopes=needs)

    def _kept(self, who: Principal, credential: Credential, now: float) -> Remembered | None:
        """A proxy's word and a certificate belong to one connection, a proof to one request."""
        if who.how not in ("key", "jwt", "introspection") or credential.certificate:
            return None
        until = self.authority.good_until(credential)  # no longer than the authority itself would believe it
        return Remembered(who, self.authority.epoch, until) if until > now else None


def _unheard(_route: str, _who: Principal | None, _reason: str, _peer: str) -> None:
    """Nobody keeps what was refused."""


def audiences(config: Config, endpoints: Iterable[str], port: int, *, secure: bool) -> Mapping[str, Collection[str]]:
    """The URIs that mean each endpoint in the audience of a token (RFC 8707), as clients may have written them."""
    if config.public_url:
        bases = [config.public_url]
    else:
        own = urlsplit(config.listen).hostname or "127.0.0.1"
        hosts = {own, "localhost", "127.0.0.1", "[::1]", *config.allowed_hosts}
        scheme = "https" if secure else "http"
        bases = [f"{scheme}://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{port}" for host in hosts]
    return {name: tuple(Resource(base, name).url for base in bases) for name in endpoints}
