"""The code flow of one user, as a client walks it (RFC 6749, 4.1; RFC 7636; RFC 8707; RFC 9207).

Knows: the address a browser is sent to, what is remembered of it, and what may come back. Refuses to know: browsers,
and where things are kept.
"""

import re
import secrets
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from narthex.limits import connect_code_chars_max
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.granting import Place
from narthex.upstream.credentials.issuer_endpoints import OFFLINE
from narthex.upstream.credentials.user_grant import OurClient
from narthex.upstream.fetch import shown
from narthex.wire.pkce import challenge_of

_ERROR = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]{1,64}")  # RFC 6749, 4.1.2.1
NOT_CONNECTED = "it could not be connected"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is away, and what it must come back with."""

    owner: str
    server: str
    upstream: str
    resource: str
    issuer: str  # validated; whoever answers in another's name is refused
    says_iss: bool
    client: OurClient
    verifier: str
    redirect_uri: str
    asked: tuple[str, ...]
    link: str = ""  # by which the page was opened: whoever comes back goes on with that one

    def __repr__(self) -> str:
        return f"<Flow to {shown(self.issuer)} for {self.server}>"


def new_state() -> str:
    return secrets.token_urlsafe(32)


def new_verifier() -> str:
    return secrets.token_urlsafe(48)


def digest_of(state: str) -> bytes:
    return sha256(state.encode("utf-8", "replace")).digest()


def wanted(place: Place, before: frozenset[str]) -> tuple[str, ...]:
    """The scopes to ask for: what the server wants, what was asked for before, and to be let in for long."""
    asked = place.scopes | before
    return tuple(sorted(asked | {OFFLINE} if place.at.offline else asked))


def address(place: Place, flow: Flow, state: str) -> str:
    """Where the browser is sent. Parameters of ours win over those that the endpoint's own query may hold."""
    fields = {
        "response_type": "code",
        "client_id": flow.client.id,
        "redirect_uri": flow.redirect_uri,
        "state": state,
        "code_challenge": challenge_of(flow.verifier),
        "code_challenge_method": "S256",
        **_of(flow.resource),
    }
    if flow.asked:
        fields["scope"] = " ".join(flow.asked)
    if OFFLINE in flow.asked:
        fields["prompt"] = "consent"  # without it an OpenID provider ignores `offline_access` (Core, 11)
    parts = urlsplit(place.at.authorization_endpoint)
    theirs = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in fields]
    return urlunsplit(parts._replace(query=urlencode([*theirs, *fields.items()]), fragment=""))


def code_in(flow: Flow, said: Mapping[str, str]) -> str:
    """What came back, judged. Raises CredentialFault.

    Who says it comes first: of an answer in another issuer's name nothing is believed, nor shown (C-AUTH-05).
    """
    iss = said.get("iss")
    if iss != flow.issuer and (iss is not None or flow.says_iss):
        note = f"an answer came back that is not of the issuer {shown(flow.issuer)}: it names "
        note += "none" if iss is None else "another"
        raise CredentialFault("the answer came from somebody else than it was asked of; nothing was connected", note)
    error = said.get("error")
    if error is not None:
        raise _refused(flow, error)
    code = said.get("code", "")
    if not code or len(code) > connect_code_chars_max:
        raise CredentialFault(NOT_CONNECTED, f"the issuer {shown(flow.issuer)} sent a browser back without a code")
    return code


def redeeming(flow: Flow, code: str) -> dict[str, str]:
    """The request for tokens."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow.verifier,
        **_of(flow.resource),
    }


def renewing(refresh_token: str, resource: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": refresh_token, **_of(resource)}


def _of(resource: str) -> dict[str, str]:
    return {"resource": resource} if resource else {}


def _refused(flow: Flow, error: str) -> CredentialFault:
    if error == "access_denied":
        return CredentialFault("you declined it there; nothing was connected", error=error)
    word = error if _ERROR.fullmatch(error) else "an error without a name"
    note = f"the issuer {shown(flow.issuer)} refuses to let a user in: {word}"
    return CredentialFault(f"{NOT_CONNECTED}: {word}", note, error=word)
