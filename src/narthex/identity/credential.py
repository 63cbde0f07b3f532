"""What a request shows of who sends it, read off its headers once.

Knows: where credentials stand in a request, and which requests show them wrongly (RFC 6750, 2; RFC 9449, 7.1).
Refuses to know: whether any of them is good. It waits for nothing.

A `Credential` may be kept with the headers it was read from: it depends on nothing else.
"""

import re
from hashlib import sha256
from hmac import compare_digest
from typing import Final, Literal, Protocol
from urllib.parse import parse_qsl

import msgspec

from narthex.identity.certificate import Presented
from narthex.limits import credential_bytes_max
from narthex.model.identity import Refusal

AUTHORIZATION: Final = b"authorization"
API_KEY: Final = b"x-api-key"
PROOF: Final = b"dpop"

_TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750, 2.1: b64token
_SCHEMES: Final[dict[bytes, Literal["bearer", "dpop"]]] = {b"bearer": "bearer", b"dpop": "dpop"}
_BEARER: Final = (b"Bearer ", b"bearer ")
_SCHEME_BYTES: Final = len(b"Bearer ")
_IN_QUERY = {"access_token", "api_key", "token"}


class Fields(Protocol):
    """The headers of a request, names in lower case."""

    def get(self, name: bytes) -> bytes | None: ...
    def count(self, name: bytes) -> int: ...


class Credential(msgspec.Struct, frozen=True, eq=False):
    """What one request shows. Most requests show a token, or nothing."""

    scheme: Literal["none", "bearer", "dpop", "key"] = "none"
    token: str = ""
    digest: bytes = b""  # SHA-256 of the token: what it is looked up by
    proof: str = ""  # the DPoP header
    method: str = "POST"
    uri: str = ""  # as the client knows it, for DPoP: public scheme, host and path, without a query
    peer: str = ""  # the address the connection came from
    certificate: Presented | None = None  # of the client, once TLS has found it good
    forwarded: tuple[str, str] | None = None  # subject and scopes, as a proxy said; good only from its address

    @property
    def thumbprint(self) -> str:
        return "" if self.certificate is None else self.certificate.thumbprint

    @property
    def changes(self) -> bool:
        """Each request must show something new: what was found out for one says nothing of the next."""
        return self.scheme == "dpop"

    def __repr__(self) -> str:  # tokens, proofs and names are nobody's business
        return f"<Credential {self.scheme} from {self.peer or 'here'}>"


def of(
    headers: Fields,
    *,
    query: str = "",
    method: str = "POST",
    uri: str = "",
    peer: str = "",
    certificate: Presented | None = None,
    proxy_headers: tuple[bytes, bytes] | None = None,
) -> Credential | Refusal:
    """What these headers show. `proxy_headers`: the names of those in which a proxy says who calls, lower case.

    A request that shows two things that differ is refused: whoever reads the other one would see another caller.
    """
    problem = _misplaced(headers, query)
    if problem is not None:
        return problem
    shown = _token_of(headers)
    if isinstance(shown, Refusal):
        return shown
    scheme, token = shown
    proof = headers.get(PROOF) or b"" if scheme == "dpop" else b""
    if len(proof) > credential_bytes_max:
        return _malformed("The DPoP proof is too long.")
    forwarded = _forwarded(headers, proxy_headers) if proxy_headers else None
    if isinstance(forwarded, Refusal):
        return forwarded
    return Credential(
        scheme=scheme,
        token=token.decode("ascii"),
        digest=sha256(token).digest() if token else b"",
        proof=proof.decode("ascii", "replace"),
        method=method,
        uri=uri,
        peer=peer,
        certificate=certificate,
        forwarded=forwarded,
    )


def without_token(
    headers: Fields,
    *,
    peer: str = "",
    certificate: Presented | None = None,
    proxy_headers: tuple[bytes, bytes] | None = None,
) -> Credential | Refusal:
    """What the headers of a browser show: a token in them is for somebody else, perhaps a proxy in front."""
    forwarded = _forwarded(headers, proxy_headers) if proxy_headers else None
    if isinstance(forwarded, Refusal):
        return forwarded
    return Credential(peer=peer, certificate=certificate, forwarded=forwarded)


def usual_field(headers: Fields) -> bytes | None:
    """The field in which a request shows a bearer token or an API key, and nothing besides. None: look at it by `of`.

    It is the same for all requests that differ in nothing but the token.
    """
    given, key = headers.get(AUTHORIZATION), headers.get(API_KEY)
    if headers.get(PROOF) is not None or (given is None) == (key is None):
        return None
    field = API_KEY if given is None else AUTHORIZATION
    usual = headers.count(field) == 1 and (given is None or given[:_SCHEME_BYTES] in _BEARER)
    return field if usual else None


def usual_token(headers: Fields, field: bytes) -> bytes:
    """What may be the token in this field. It serves to find out whether the very same was found good before."""
    shown = headers.get(field) or b""
    return shown[_SCHEME_BYTES:] if field is AUTHORIZATION else shown


def _misplaced(headers: Fields, query: str) -> Refusal | None:
    for name in (AUTHORIZATION, API_KEY, PROOF):
        if headers.count(name) > 1:
            return _malformed(f"The header {name.decode().title()} stands there twice.")
    if query and any(name.lower() in _IN_QUERY for name, _ in parse_qsl(query, keep_blank_values=True)):
        # S-AUTH-06. RFC 6750, 2.3 is withdrawn by OAuth 2.1: addresses end up in logs.
        return _malformed("A token does not belong in the address: send it in the header Authorization.")
    return None


def _token_of(headers: Fields) -> tuple[Literal["none", "bearer", "dpop", "key"], bytes] | Refusal:
    given, key = headers.get(AUTHORIZATION), headers.get(API_KEY)
    if given is None and key is None:
        return "none", b""
    if len(given or b"") > credential_bytes_max or len(key or b"") > credential_bytes_max:
        return _malformed(f"The credential is longer than {credential_bytes_max} bytes.")
    if given is None:
        key = (key or b"").strip()
        return ("key", key) if _TOKEN.fullmatch(key) else _malformed("The header X-API-Key holds no key.")
    name, _, token = given.strip().partition(b" ")
    scheme, token = _SCHEMES.get(name.lower()), token.strip()
    if scheme is None:
        return Refusal(401, "", "Send a token: Authorization: Bearer TOKEN.")
    if not _TOKEN.fullmatch(token):
        return _malformed("The header Authorization holds no token.")
    if key is not None and not compare_digest(key.strip(), token):
        return _malformed("Authorization and X-API-Key differ: send one of them.")
    return scheme, token


def _forwarded(headers: Fields, names: tuple[bytes, bytes]) -> tuple[str, str] | Refusal | None:
    if any(name and headers.count(name) > 1 for name in names):
        return _malformed("A header of the proxy in front stands there twice.")
    subject, scopes = (headers.get(name) if name else None for name in names)
    if not subject:
        return None
    return subject.decode("utf-8", "replace").strip(), (scopes or b"").decode("utf-8", "replace").strip()


def _malformed(message: str) -> Refusal:
    return Refusal(400, "invalid_request", message)
