"""One authorization server that we are a client of: where its token endpoint is, and asking it for a token.

Knows: its metadata, kept for an hour, and what its refusals mean to an operator. Refuses to know: for whom a token is.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from narthex.limits import (
    issuer_error_chars_max,
    issuer_metadata_seconds_max,
)
from narthex.model.credentials import OAuthClientConfig
from narthex.telemetry.scrub import MASK, scrubbed_text
from narthex.upstream.credentials.client_authentication import ClientAuthentication
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.fetch import Fetched, FetchFault, Reach, post_form, shown
from narthex.upstream.http.tls import Tls
from narthex.upstream.issuer_metadata import issuer_metadata

ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
_ERROR = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]{1,64}")  # RFC 6749, 5.2
_NO_TOKEN = "no access token for it could be had"  # noqa: S105 - a sentence about a token

Reaches = Callable[[str], Reach]  # how far this address may lead


class AuthorizationServer:
    """`issuer` is what everything got here is bound to: another issuer is another object."""

    def __init__(self, issuer: str, config: OAuthClientConfig, reaches: Reaches, tls: Tls) -> None:
        self.issuer = issuer
        self._config, self._reaches, self._tls = config, reaches, tls
        self._client = ClientAuthentication(config)
        self._found: dict[str, Any] | None = None
        self._until = 0.0
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
        proof = await self._client.proof(self.issuer, _texts(metadata.get("token_endpoint_auth_methods_supported")))
        form = {**self._config.parameters, **fields, **proof.fields}
        try:
            answer = await post_form(endpoint, self._reaches(endpoint), form, tls=self._tls, headers=proof.headers)
        except FetchFault as fault:
            self.doubt()
            raise self._unreachable(fault) from None
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, form)
        return answer.value

    def hide(self, text: str) -> str:
        return self._client.hide(text)

    async def _metadata(self) -> dict[str, Any]:
        if self._config.token_endpoint is not None and not self._config.private_key_file:
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
        value: Mapping[str, Any] = answer.value if isinstance(answer.value, dict) else {}
        error, said = value.get("error"), value.get("error_description")
        error = error if isinstance(error, str) and _ERROR.fullmatch(error) else f"HTTP {answer.status}"
        text = f"the issuer {self.name} refuses a token to the client '{self._config.client_id}': {error}"
        if isinstance(said, str) and said:
            text += f" ({self._clean(said, form)})"
        return CredentialFault(_NO_TOKEN, f"{text}. {_REMEDIES.get(error, '')}".rstrip())

    def _clean(self, said: str, form: Mapping[str, str]) -> str:
        """What an issuer says of a refusal, without what we had sent it."""
        for name in ("client_secret", "client_assertion", "subject_token", "assertion"):
            if name in form:
                said = said.replace(form[name], MASK)
        return scrubbed_text(self._client.hide(said))[:issuer_error_chars_max]


_REMEDIES = {
    "invalid_client": "Check `client_id`, the secret or key, and `method`.",
    "unauthorized_client": "Allow this client the grant there.",
    "unsupported_grant_type": "Allow the grant there, or use another `type`.",
    "invalid_scope": "Check `scopes`.",
    "invalid_target": "Register the server's address there as a resource, or set `resource` or `audience`.",
    "invalid_grant": "Check that it trusts whoever issued the callers' tokens.",
}


def _texts(value: Any) -> tuple[str, ...] | None:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else None
