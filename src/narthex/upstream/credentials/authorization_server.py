"""One authorization server that we are a client of: where its token endpoint is, and asking it for a token.

Knows: its metadata, kept for an hour, and what its refusals mean to an operator. Refuses to know: for whom a token is.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from narthex.limits import (
    issuer_error_chars_max,
    issuer_metadata_seconds_max,
)
from narthex.model.credentials import OAuthClientConfig
from narthex.telemetry.scrub import MASK, scrubbed_text
from narthex.upstream.credentials.client_authentication import ClientAuthentication, Proof
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.fetch import Fetched, FetchFault, Reach, post_form, shown, tell_form
from narthex.upstream.http.tls import Tls
from narthex.upstream.issuer_metadata import issuer_metadata

ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
_ERROR = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]{1,64}")  # RFC 6749, 5.2
_METHODS = "token_endpoint_auth_methods_supported"
_NO_TOKEN = "no access token for it could be had"  # noqa: S105 - a sentence about a token

Reaches = Callable[[str], Reach]  # how far this address may lead


class AuthorizationServer:
    """`issuer` is what everything got here is bound to: another issuer is another object."""

    def __init__(
        self,
        issuer: str,
        config: OAuthClientConfig,
        reaches: Reaches,
        tls: Tls,
        found: Mapping[str, Any] | None = None,
        client: ClientAuthentication | None = None,
    ) -> None:
        """`found`, `client`: its metadata, and how we prove who we are, where whoever asks has them already."""
        self.issuer = issuer
        self._config, self._reaches, self._tls = config, reaches, tls
        self._client = client or ClientAuthentication(config)
        self._found: Mapping[str, Any] | None = found
        self._until = 0.0 if found is None else inf
        self._turn = asyncio.Lock()  # whoever asks for the metadata has it

    def __repr__(self) -> str:
        return f"<AuthorizationServer {shown(self.issuer)}>"

    @property
    def name(self) -> str:
        """As it may be told."""
        return shown(self.issuer or self._config.token_endpoint or "")

    async def believes_id_jag(self) -> bool:
        """Whether it takes identity assertions, as far as it says (draft, 7)."""
        profiles = (await self._metadata()).get("authorization_grant_profiles_supported")
        return not isinstance(profiles, list) or ID_JAG_PROFILE in profiles

    def doubt(self) -> None:
        """Look at the metadata again before the next use."""
        self._until = 0.0

    async def ask(self, fields: Mapping[str, str]) -> Any:
        """The answer of the token endpoint, if it is a success. Raises CredentialFault."""
        metadata = await self._metadata()
        endpoint = self._config.token_endpoint or metadata.get("token_endpoint")
        if not isinstance(endpoint, str):
            raise CredentialFault(_NO_TOKEN, f"the issuer {self.name} names no token endpoint")
        methods = _texts(metadata.get(_METHODS))
        proof = await self._client.proof(self.issuer, methods)
        answer = await self._sent(endpoint, fields, proof)
        if _error_in(answer) == "invalid_client" and await self._client.replaced(proof):
            proof = await self._client.proof(self.issuer, methods)
            answer = await self._sent(endpoint, fields, proof)
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, {**fields, **proof.fields})
        return answer.value

    async def _sent(self, endpoint: str, fields: Mapping[str, str], proof: Proof) -> Fetched:
        form = {**self._config.parameters, **fields, **proof.fields}
        try:
            return await post_form(endpoint, self._reaches(endpoint), form, tls=self._tls, headers=proof.headers)
        except FetchFault as fault:
            self.doubt()
            raise self._unreachable(fault) from None

    def hide(self, text: str) -> str:
        return self._client.hide(text)

    async def revoke(self, token: str, kind: str) -> None:
        """Take a token back (RFC 7009). An issuer without an endpoint for it keeps it. Raises CredentialFault."""
        metadata = await self._metadata()
        endpoint = metadata.get("revocation_endpoint")
        if not isinstance(endpoint, str):
            return
        methods = metadata.get("revocation_endpoint_auth_methods_supported")
        proof = await self._client.proof(self.issuer, _texts(methods or metadata.get(_METHODS)))
        form = {"token": token, "token_type_hint": kind, **proof.fields}
        try:
            await tell_form(endpoint, self._reaches(endpoint), form, tls=self._tls, headers=proof.headers)
        except FetchFault as fault:
            raise CredentialFault("it could not be taken back", f"the issuer {self.name}: {fault}") from None

    async def _metadata(self) -> Mapping[str, Any]:
        if self._found is None and self._config.token_endpoint is not None and not self._config.by_key:
            return {}  # nothing else is needed of them
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._found is None or now >= self._until:
                try:
                    self._found = await issuer_metadata(self.issuer, self._reaches(self.issuer), self._tls)
                except FetchFault as fault:
                    raise self._unreachable(fault) from None
                self._until = now + issuer_metadata_seconds_max
            return self._found

    def _unreachable(self, fault: FetchFault) -> CredentialFault:
        return CredentialFault(_NO_TOKEN, f"the issuer {self.name} gives no token: {fault}", retry_seconds=1.0)

    def _refusal(self, answer: Fetched, form: Mapping[str, str]) -> CredentialFault:
        said = answer.value.get("error_description") if isinstance(answer.value, dict) else None
        error = _error_in(answer) or f"HTTP {answer.status}"
        text = f"the issuer {self.name} refuses a token to the client '{self._config.client_id}': {error}"
        if isinstance(said, str) and said:
            text += f" ({self._clean(said, form)})"
        return CredentialFault(_NO_TOKEN, f"{text}. {_REMEDIES.get(error, '')}".rstrip(), error=error)

    def _clean(self, said: str, form: Mapping[str, str]) -> str:
        """What an issuer says of a refusal, without what we had sent it."""
        for name in _SECRETS:
            if name in form:
                said = said.replace(form[name], MASK)
        return scrubbed_text(self._client.hide(said))[:issuer_error_chars_max]


_SECRETS = (
    *("client_secret", "client_assertion", "subject_token", "assertion"),
    *("code", "code_verifier", "refresh_token"),
)
_REMEDIES = {
    "invalid_client": "Check `client_id`, the secret or key, and `method`.",
    "unauthorized_client": "Allow this client the grant there.",
    "unsupported_grant_type": "Allow the grant there, or use another `type`.",
    "invalid_scope": "Check `scopes`.",
    "invalid_target": "Register the server's address there as a resource, or set `resource` or `audience`.",
    "invalid_grant": "Check that it trusts whoever issued the callers' tokens.",
}


def _error_in(answer: Fetched) -> str:
    """Why it refuses; "": it does not, or does not say."""
    error = answer.value.get("error") if isinstance(answer.value, dict) else None
    refuses = not 200 <= answer.status < 300
    return error if refuses and isinstance(error, str) and _ERROR.fullmatch(error) else ""


def _texts(value: Any) -> tuple[str, ...] | None:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else None
