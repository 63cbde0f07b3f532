"""Who is asking: the one place that turns a credential into a principal, or into the reason why not.

Knows: whom the operator believes, and what was found good a moment ago. Refuses to know: HTTP answers, and what a
principal may do beyond the scopes that every request needs.

`known` never waits and is meant for every request; `find` may wait for an issuer. Both fail closed.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from narthex.identity import refusals
from narthex.identity.binding import Binding, Proofs
from narthex.identity.certificate import principal_of
from narthex.identity.credential import Credential
from narthex.identity.grants import Grants
from narthex.identity.issuers import Issuer, Keys, Proven, Workshop
from narthex.identity.keyring import Say
from narthex.identity.proxy import Forwarded
from narthex.identity.tokens import BadToken, read
from narthex.identity.verified import Verified, VerifiedTokens
from narthex.limits import (
    verified_key_seconds_max,
    verified_seconds_max,
    verified_tokens_max,
    vouched_callers_max,
)
from narthex.model.authentication import AuthenticationConfig, IssuerConfig, ScopesConfig
from narthex.model.identity import LOCAL, Principal, Refusal, Voucher
from narthex.telemetry.owned import Owned
from narthex.upstream.http import Tls

Answer = Principal | Refusal
Audiences = Mapping[str, Collection[str]]  # endpoint -> the URIs that mean it in a token's `aud`


class ApiKeys(Protocol):
    """Our own keys. They are all in memory: asking waits for nothing."""

    def known(self, token: str, now: float) -> Principal | Refusal | None:
        """Whose key it is; None for what is no key of ours."""

    def of_prefix(self, prefix: str, now: float) -> Principal | Refusal | None:
        """Whose key begins so, for an operator who asks."""

    def stands(self, who: Principal, now: float) -> bool:
        """Whether the key of this caller is still good."""
        ...

    def touch(self, who: Principal, now: float) -> None:
        """The key of this caller was used, although nobody asked."""


class Authority:
    """`epoch` changes whenever something that was found good may not be so any more: whoever remembers asks again.

    Times are wall clock, seconds since the epoch.
    """

    def __init__(
        self,
        *,
        keys: ApiKeys | None = None,
        say: Say = lambda _level, _sentence: None,
        on_fault: Callable[[str, BaseException], None] = lambda _where, _error: None,
        tls: Tls | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.open = False  # until `configure` says otherwise
        self.epoch = 0
        self.keys = keys
        self.vouching: Callable[[], bool] = lambda: False  # some server is reached on behalf of callers
        self._owned = Owned("identity", on_fault)
        self._workshop = Workshop(self._owned, tls or Tls(), clock, say, self.revoke_all)
        self._tokens = VerifiedTokens()
        self._proofs = Proofs()
        self._hosted: dict[str, Issuer] = {}
        self._taken_back: Callable[[Mapping[str, Any]], bool] = lambda _: False
        self._issuers: dict[str, Issuer] = {}
        self._opaque: Issuer | None = None
        self._config: AuthenticationConfig | None = None
        # For `credential.of`: the headers in which a proxy in front says who calls.
        self.proxy_headers: tuple[bytes, bytes] | None = None
        self.required: frozenset[str] = frozenset()  # the scopes that every request needs
        self._grants = Grants(ScopesConfig())
        self._forwarded: Forwarded | None = None
        self._callers: dict[tuple[object, ...], Answer] = {}  # those without a token
        self._meant: dict[str, frozenset[str]] = {}  # audience -> endpoints
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"<Authority {'open' if self.open else f'{len(self._issuers)} issuers'}, epoch {self.epoch}>"

    # The configured world

    def configure(self, config: AuthenticationConfig | None, audiences: Audiences) -> None:
        """Another configuration. Issuers that stay as they were keep their keys; everything else is asked anew."""
        self.open = config is None
        self._config = config
        before = dict(self._issuers)
        wanted = config.all_issuers() if config is not None else ()
        self._issuers = {**self._hosted, **{one.issuer: self._issuer(one, before) for one in wanted}}
        for issuer in before.values():
            if issuer not in self._issuers.values():
                self._owned.start(issuer.aclose(), "issuer")
        self._opaque = next((one for one in self._issuers.values() if one.introspection is not None), None)
        self.required = frozenset(config.required_scopes) if config is not None else frozenset()
        self._grants = Grants(config.scopes if config is not None else ScopesConfig())
        proxy = config.proxy if config is not None else None
        self._forwarded = Forwarded(proxy) if proxy is not None else None
        self.proxy_headers = self._forwarded.headers if self._forwarded is not None else None
        self.meant_by(audiences)

    def meant_by(self, audiences: Audiences) -> None:
        """Other endpoints, or other names of them."""
        meant: dict[str, set[str]] = {}
        for endpoint, names in audiences.items():
            for name in names:
                meant.setdefault(name, set()).add(endpoint)
        self._meant = {name: frozenset(endpoints) for name, endpoints in meant.items()}
        self._sets.clear()
        self.revoke_all()

    def host(
        self, config: IssuerConfig, keys: Keys, taken_back: Callable[[Mapping[str, Any]], bool] = lambda _: False
    ) -> None:
        """An issuer in this process: its keys need not be fetched. `taken_back`: the claims of a token are void."""
        self._taken_back = taken_back
        self._hosted[config.issuer] = issuer = Issuer(config, self._workshop, keys)
        self._issuers[config.issuer] = issuer
        self.revoke_all()

    def evict(self, issuer: str) -> None:
        """It lives here no more."""
        self._hosted.pop(issuer, None)
        self._issuers.pop(issuer, None)
        self.revoke_all()

    def warm(self) -> None:
        """Fetch the keys of all issuers before somebody waits for them."""
        for issuer in self._issuers.values():
            issuer.keys.warm()

    def issuers(self) -> tuple[str, ...]:
        """Where a client may get a token."""
        return tuple(self._issuers)

    async def aclose(self) -> None:
        await self._owned.aclose()
        await asyncio.gather(*(issuer.aclose() for issuer in self._issuers.values()))

    # Asking

    def known(self, credential: Credential, endpoint: str, now: float) -> Answer | None:
        """Who it is, as far as that is known without waiting; None: `find` may know more."""
        if self.open:
            return LOCAL
        if not credential.token:
            return self._without_token(credential, now)
        verified = self._tokens.get(credential.digest)
        if verified is None or not verified.since <= now < verified.until:
            return None
        return self._admit(verified, credential, endpoint, now)

    def seen(self, token: bytes, endpoint: str, now: float, *, by_key: bool = False) -> Verified | None:
        """What is known of a token with which nothing else needs to be shown, if its holder may come in.

        The quick part of `known`, for many callers in turn. `by_key`: it came where only keys of ours may stand.
        None: ask `find`.
        """
        digest = sha256(token).digest()
        verified = self._tokens.young.get(digest) or self._tokens.get(digest)
        if verified is None or not verified.since <= now < verified.until:
            verified = self._seen_key(token, digest, now)
        if verified is None or verified.binding is not None or verified.lacking is not None:
            return None
        who = verified.principal
        if who.endpoints is not None and endpoint not in who.endpoints:
            return None
        if who.how != "key":
            return None if by_key else verified
        if self.keys is not None:
            self.keys.touch(who, now)
        return verified

    async def find(self, credential: Credential, endpoint: str, now: float) -> Answer:
        """Who it is. Waits for an issuer if need be, and never longer than its limits say."""
        answer = self.known(credential, endpoint, now)
        if answer is not None:
            return answer
        epoch = self.epoch
        proven, seconds = await self._judge(credential, now)
        if isinstance(proven, Refusal):
            return proven
        who = proven.principal
        if self.vouching() and who.can_step_up:  # a token of an issuer, and no key of ours
            who = msgspec.structs.replace(who, voucher=Voucher(credential.token))
        verified = self._verified(who, proven.binding, now, seconds)
        if epoch == self.epoch:  # else it may have been taken back while we waited
            self._tokens.put(credential.digest, verified)
        return self._admit(verified, credential, endpoint, now)

    def good_until(self, credential: Credential) -> float:
        """How long whoever keeps the answer to this credential need not ask again, as long as `epoch` stays the same.

        0: each request must be asked about, because the next with the same token may show less than this one.
        """
        verified = self._tokens.get(credential.digest) if credential.token and not credential.changes else None
        return 0.0 if verified is None or verified.binding is not None else verified.until

    def stands(self, who: Principal, now: float) -> bool:
        """Whether somebody who came in a while ago could come in again: what streams are held against."""
        config = self._config
        if self.open or config is None or who.expires <= now:
            return self.open
        if who.how == "key":
            return config.keys and self.keys is not None and self.keys.stands(who, now)
        if who.how in ("jwt", "introspection"):
            return who.issuer in self._issuers and not (who.issuer in self._hosted and self._taken_back(who.claims))
        if who.how == "proxy":
            return config.proxy is not None
        return who.how == "certificate" and config.certificates is not None

    def revoke_all(self) -> None:
        """Whatever was found good is looked at again."""
        self.epoch += 1
        self._tokens.clear()
        self._callers.clear()

    def forget(self, key: str) -> None:
        """The same for one caller, by `Principal.key`."""
        self.epoch += 1
        self._tokens.forget(key)

    # People at a browser, who send no token

    @property
    def takes_keys(self) -> bool:
        return self._config is not None and self._config.keys

    def vouched(self, credential: Credential, now: float) -> Answer | None:
        """Whom a proxy or a certificate names, whatever they may do here; None: nobody."""
        found = self._vouched_for(credential, now)
        return self._granted(found) if isinstance(found, Principal) else found

    def of_key(self, key: str, now: float) -> Answer:
        """Whose API key this is, whichever endpoints it is good for."""
        found = self._own_key(Credential(scheme="key", token=key), now)
        if found is None:
            return refusals.NO_KEY_OF_OURS
        return found if isinstance(found, Refusal) else found.principal

    def named(self, issuer: str, subject: str) -> Principal | None:
        """Whom the tokens of an issuer call so; None: it is not one whose tokens are taken here."""
        found = self._issuers.get(issuer)
        if found is None:
            return None
        return Principal(subject, tenant=found.config.tenant or "", how="jwt", issuer=issuer)

    # Supposing, for an operator who asks what would be

    def supposed_key(self, prefix: str, now: float) -> Answer | None:
        """Whose API key begins so; None: there is none."""
        found = self.keys.of_prefix(prefix, now) if self.keys is not None else None
        return self._granted(found) if isinstance(found, Principal) else found

    def supposed_scopes(self, scopes: Iterable[str]) -> Principal:
        """Somebody who was granted these."""
        return Principal("somebody", scopes=self._grants.of(scopes, {}), how="jwt" if self._issuers else "key")

    def supposed_claims(self, claims: Mapping[str, Any], now: float) -> Answer:
        """Who a token with these claims would mean, were it genuine."""
        named = claims.get("iss", next(iter(self._issuers), None) if len(self._issuers) == 1 else None)
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            return refusals.NO_ISSUER
        meant = {"aud": list(issuer.config.audience or self._meant), **claims}
        return issuer.supposed(meant, self._grants, self._endpoints_meant, now)

    # Judging

    async def _judge(self, credential: Credential, now: float) -> tuple[Proven | Refusal, float]:
        """What the credential proves, and how long that is believed."""
        own = self._own_key(credential, now)
        if own is not None:
            return own, verified_key_seconds_max
        if self._config is None or not self._issuers:
            return refusals.NO_TOKENS, 0.0
        if credential.scheme == "key":
            return refusals.NO_KEY_THERE, 0.0
        try:
            token = read(credential.token)
        except BadToken as bad:
            return Refusal(401, "invalid_token", str(bad)), 0.0
        if token is None:
            return await self._judge_opaque(credential, now), verified_seconds_max
        named = token.claims.get("iss")
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            return refusals.NO_ISSUER, 0.0
        if named in self._hosted and self._taken_back(token.claims):
            return refusals.TAKEN_BACK, 0.0
        return await issuer.of_token(token, self._grants, self._endpoints_meant, now), verified_seconds_max

    async def _judge_opaque(self, credential: Credential, now: float) -> Proven | Refusal:
        if self._opaque is None:
            return refusals.OPAQUE
        return await self._opaque.of_opaque(
            credential.token, credential.digest, self._grants, self._endpoints_meant, now
        )

    def _own_key(self, credential: Credential, now: float) -> Proven | Refusal | None:
        if self.keys is None or credential.scheme == "dpop":
            return None
        found = self.keys.known(credential.token, now)
        if found is None:
            return None
        if self._config is None or not self._config.keys:
            return refusals.NO_KEYS
        if isinstance(found, Refusal):
            return found
        return Proven(self._granted(found), None)

    def _seen_key(self, token: bytes, digest: bytes, now: float) -> Verified | None:
        """A key of ours can be judged without waiting, and has to be each second."""
        if self.keys is None or self._config is None or not self._config.keys:
            return None
        found = self.keys.known(token.decode("latin-1"), now)
        if not isinstance(found, Principal):
            return None
        verified = self._verified(self._granted(found), None, now, verified_key_seconds_max)
        self._tokens.put(digest, verified)
        return verified

    def _granted(self, who: Principal) -> Principal:
        scopes = self._grants.of(who.scopes, {})
        if scopes == who.scopes:
            return who
        fields = {name: getattr(who, name) for name in who.__struct_fields__}
        return Principal(**{**fields, "scopes": scopes})

    def _without_token(self, credential: Credential, now: float) -> Answer:
        caller = (credential.peer, credential.forwarded, credential.thumbprint)
        answer = self._callers.get(caller)
        if answer is not None and (isinstance(answer, Refusal) or now < answer.expires):
            return answer
        found = self._vouched_for(credential, now)
        if found is None:
            return Refusal(401, "", refusals.NOBODY if self._issuers else refusals.NO_KEY, scopes=self.required)
        if isinstance(found, Refusal):
            return found
        who = self._granted(found)
        answer = refusals.lacking(self.required, who) or who
        if len(self._callers) >= vouched_callers_max:
            self._callers.clear()
        self._callers[caller] = answer
        return answer

    def _vouched_for(self, credential: Credential, now: float) -> Answer | None:
        """Whom a proxy names, else a certificate; but a proxy's own certificate is never that of who calls."""
        if self._forwarded is not None and self._forwarded.vouches(credential.peer):
            return self._forwarded.principal(credential.peer, credential.forwarded)
        certificates = self._config.certificates if self._config is not None else None
        return None if certificates is None else principal_of(credential.certificate, certificates, now)

    def _verified(self, who: Principal, binding: Binding | None, now: float, seconds: float) -> Verified:
        return Verified(who, now, min(who.expires, now + seconds), binding, refusals.lacking(self.required, who))

    def _admit(self, verified: Verified, credential: Credential, endpoint: str, now: float) -> Answer:
        if verified.binding is not None or credential.scheme == "dpop":
            problem = self._proofs.judge(verified.binding, credential, now)
            if problem is not None:
                return problem
        who = verified.principal
        if credential.scheme == "key" and who.how != "key":
            return refusals.NO_KEY_THERE
        if who.endpoints is not None and endpoint not in who.endpoints:
            return refusals.ELSEWHERE
        if who.how == "key" and self.keys is not None:
            self.keys.touch(who, now)
        return verified.lacking or who

    def _endpoints_meant(self, audiences: Iterable[str]) -> frozenset[str]:
        found = frozenset[str]().union(*(self._meant.get(audience, ()) for audience in audiences))
        if len(self._sets) >= verified_tokens_max:
            self._sets.clear()
        return self._sets.setdefault(found, found)

    def _issuer(self, config: IssuerConfig, before: Mapping[str, Issuer]) -> Issuer:
        same = before.get(config.issuer)
        return same if same is not None and same.config == config else Issuer(config, self._workshop)
