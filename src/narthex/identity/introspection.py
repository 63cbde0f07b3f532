"""Asking an issuer about a token that only it can read (RFC 7662).

Knows: how to ask, how often at once, and what answers may be believed. Refuses to know: what the claims mean.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

from narthex.identity.keyring import Say, Unreachable
from narthex.limits import inactive_tokens_max, inactive_tokens_seconds_max, introspections_max
from narthex.model.authentication import IntrospectionConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.fetch import ACCEPT_JSON, FORM, FetchFault, Reach, ask, open_client
from narthex.upstream.http import HttpClient, Tls, header_lines

Claims = Mapping[str, Any]
Place = tuple[str, tuple[str, ...]]  # the endpoint, and the ways in which a client may prove itself there
_BASIC, _POST = "client_secret_basic", "client_secret_post"
_RETRY_SECONDS = 1


class Introspection:
    """The introspection endpoint of one issuer. Equal questions that come together are asked once."""

    def __init__(
        self,
        issuer: str,
        config: IntrospectionConfig,
        place: Callable[[], Awaitable[Place]],
        *,
        reach: Reach,
        tls: Tls,
        owned: Owned,
        clock: Callable[[], float],
        say: Say,
    ) -> None:
        """`place` tells the endpoint, and raises FetchFault."""
        self._issuer, self._config, self._place = issuer, config, place
        self._reach, self._tls, self._owned, self._clock, self._say = reach, tls, owned, clock, say
        self._asking: dict[bytes, asyncio.Task[Claims | None]] = {}
        self._inactive: dict[bytes, float] = {}  # digest of a token -> until when it need not be asked about
        self._client_of: tuple[str, HttpClient] | None = None
        self._down = False

    def __repr__(self) -> str:
        return f"<Introspection at {self._issuer}>"

    async def claims(self, token: str, digest: bytes) -> Claims | None:
        """What the issuer says of the token; None when it is not, or no longer, good. Raises Unreachable."""
        if self._clock() < self._inactive.get(digest, 0.0):
            return None
        question = self._asking.get(digest)
        if question is None:
            if len(self._asking) >= introspections_max:
                raise Unreachable(f"Too many tokens are being shown to {self._issuer}.", _RETRY_SECONDS)
            question = self._asking[digest] = self._owned.start(self._ask(token), "introspection")
            question.add_done_callback(lambda _: self._asking.pop(digest, None))
        await asyncio.wait({question})  # who leaves while waiting does not end the question for the others
        answer = None if question.cancelled() or question.exception() is not None else question.result()
        if answer is None:
            raise Unreachable(f"{self._issuer} cannot be asked about the token.", _RETRY_SECONDS)
        if answer.get("active") is True:
            return answer
        self._remember_inactive(digest)
        return None

    async def aclose(self) -> None:
        before, self._client_of = self._client_of, None
        if before is not None:
            await before[1].aclose()

    async def _ask(self, token: str) -> Claims | None:
        """The issuer's answer; None when there is none that could be believed."""
        try:
            url, methods = await self._place()
            headers, fields = self._proof(methods)
            body = urlencode({"token": token, "token_type_hint": "access_token", **fields}).encode("ascii")
            said = (await ask(self._client(url), "POST", ACCEPT_JSON + FORM + headers, body)).value
            if not isinstance(said, dict) or not isinstance(said.get("active"), bool):
                raise FetchFault("json", "the answer does not say whether the token is active")
            if said.get("iss", self._issuer) != self._issuer:
                raise FetchFault("issuer", "the answer is about a token of another issuer")
        except FetchFault as fault:
            if not self._down:  # once per outage; whoever is refused because of it is told each time
                self._say("warning", f"{self._issuer} cannot be asked about tokens, which are refused: {fault}")
            self._down = True
            return None
        if self._down:
            self._say("info", f"{self._issuer} can be asked about tokens again")
        self._down = False
        return said

    def _client(self, url: str) -> HttpClient:
        """One client, for the address of the day."""
        if self._client_of is None or self._client_of[0] != url:
            client = open_client(url, self._reach, self._tls)
            before, self._client_of = self._client_of, (url, client)
            if before is not None:
                self._owned.start(before[1].aclose(), "introspection.moved")
        return self._client_of[1]

    def _proof(self, methods: tuple[str, ...]) -> tuple[bytes, dict[str, str]]:
        """How we prove who we are: RFC 6749, 2.3.1. The issuer's word decides, and the header is the rule."""
        config = self._config
        if methods and _BASIC not in methods and _POST in methods:
            return b"", {"client_id": config.client_id, "client_secret": config.client_secret}
        pair = f"{quote_plus(config.client_id)}:{quote_plus(config.client_secret)}".encode("ascii")
        return header_lines([(b"authorization", b"Basic " + b64encode(pair))]), {}

    def _remember_inactive(self, digest: bytes) -> None:
        if len(self._inactive) >= inactive_tokens_max:
            del self._inactive[next(iter(self._inactive))]
        self._inactive[digest] = self._clock() + inactive_tokens_seconds_max
