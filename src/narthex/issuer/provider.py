"""The OpenID provider at which people log in, as its client sees it: its metadata, its keys, its ID tokens.

Knows: OpenID Connect Core 3.1.3: what an ID token must say to be for us and for this login. Refuses to know: browsers.
"""

import asyncio
import base64
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec

from narthex.identity.keyring import Found, Keyring, Unreachable, keys_of
from narthex.identity.tokens import BadToken, audiences, check_times, read
from narthex.issuer.office import Say
from narthex.limits import issuer_metadata_seconds_max
from narthex.model.authentication import ALGORITHMS
from narthex.model.issuer import LoginConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.fetch import ACCEPT_JSON, FORM, FetchFault, fetch, reach_of, shown
from narthex.upstream.http import Tls
from narthex.upstream.issuer_metadata import addresses


class House(Protocol):
    """Where a provider is asked from."""

    tls: Tls
    say: Say

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float: ...


class ProviderFault(Exception):
    """It did not answer as it should. The text is for the operator."""


class ProviderMetadata(msgspec.Struct, frozen=True):
    """As much of the metadata as a client needs."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    issuer: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def says_iss(self) -> bool:
        return self.authorization_response_iss_parameter_supported


class Provider:
    """Whoever makes one closes it."""

    def __init__(self, config: LoginConfig, office: House) -> None:
        self.config, self._office = config, office
        self._reach = reach_of(config.issuer, allow_private=config.allow_private)
        self._owned = Owned("login", lambda where, error: office.say("error", f"{where}: {type(error).__name__}"))
        self._found: ProviderMetadata | None = None
        self._until = 0.0
        self._asking = asyncio.Lock()
        self._keys = Keyring(
            config.issuer,
            self._load,
            owned=self._owned,
            clock=office.monotonic,
            say=office.say,
            taken_back=lambda: None,
        )

    def __repr__(self) -> str:
        return f"<Provider {self.config.issuer}>"

    async def aclose(self) -> None:
        await self._owned.aclose()

    @property
    def known(self) -> ProviderMetadata | None:
        """Its metadata, as far as they were asked for."""
        return self._found

    async def metadata(self) -> ProviderMetadata:
        """Raises ProviderFault."""
        async with self._asking:
            if self._found is None or self._office.monotonic() >= self._until:
                self._found = await self._discover()
                self._until = self._office.monotonic() + issuer_metadata_seconds_max
            return self._found

    async def claims(self, code: str, callback: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Who logged in, for a code. Raises ProviderFault, BadToken."""
        found = await self.metadata()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": verifier,
        }
        headers, more = self._proof(found)
        body = urlencode({**fields, **more}).encode("ascii")
        try:
            answer = await fetch(
                found.token_endpoint,
                self._reach,
                tls=self._office.tls,
                method="POST",
                headers=ACCEPT_JSON + FORM + headers,
                body=body,
            )
        except FetchFault as fault:
            raise ProviderFault(str(fault)) from None
        token = answer.value.get("id_token") if isinstance(answer.value, dict) else None
        if not isinstance(token, str):
            raise ProviderFault("it gave out no ID token; is 'openid' among the scopes?")
        return await self._judged(token, nonce)

    def _proof(self, found: ProviderMetadata) -> tuple[bytes, dict[str, str]]:
        """How we prove that we are the client: in the header where that is understood, else in the form."""
        config = self.config
        if config.client_secret is None:
            return b"", {"client_id": config.client_id}
        methods = found.token_endpoint_auth_methods_supported
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            return b"", {"client_id": config.client_id, "client_secret": config.client_secret}
        pair = f"{quote(config.client_id, safe='')}:{quote(config.client_secret, safe='')}"
        return b"authorization: Basic " + base64.b64encode(pair.encode("ascii")) + b"\r\n", {}

    async def _judged(self, text: str, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that is for us, now, and for this login. Raises BadToken, ProviderFault."""
        token = read(text)
        if token is None or token.algorithm not in ALGORITHMS or token.kind not in ("", "jwt"):
            raise BadToken("The ID token is none that could be read here.")
        try:
            keys = await self._keys.find(token.kid, token.algorithm)
        except Unreachable as fault:
            raise ProviderFault(str(fault)) from None
        if not any(key.verifies(token.algorithm, token.signed, token.signature) for key in keys):
            raise BadToken("The ID token is not signed by its issuer.")
        claims = token.claims
        if claims.get("iss") != self.config.issuer:
            raise BadToken("The ID token is of another issuer.")
        meant = audiences(claims)
        azp = claims.get("azp", self.config.client_id if len(meant) == 1 else None)
        if self.config.client_id not in meant or azp != self.config.client_id:
            raise BadToken("The ID token is for another client.")
        check_times(claims, self._office.now())
        said = claims.get("nonce")
        if not isinstance(said, str) or not compare_digest(said.encode(), nonce.encode()):
            raise BadToken("The ID token is of another login.")
        return claims

    async def _discover(self) -> ProviderMetadata:
        first: FetchFault | None = None
        for url in addresses(self.config.issuer):
            try:
                answer = await fetch(url, self._reach, tls=self._office.tls)
            except FetchFault as fault:
                first = first or fault
                continue
            try:
                found = msgspec.convert(answer.value, ProviderMetadata)
            except msgspec.ValidationError:
                raise ProviderFault(f"{shown(url)} does not name all its endpoints") from None
            if found.issuer != self.config.issuer:
                raise ProviderFault(f"{shown(url)} speaks of the issuer '{shown(found.issuer)}'")
            return found
        raise ProviderFault(str(first))

    async def _load(self) -> Found:
        try:
            url = (await self.metadata()).jwks_uri
        except ProviderFault as fault:
            raise FetchFault("metadata", str(fault)) from None
        answer = await fetch(url, self._reach, tls=self._office.tls)
        return keys_of(answer.value, shown(url))
