"""The caller as the certificate of their connection names them.

Knows: names in a certificate, in the form Python's `ssl` gives it. Refuses to check it: TLS has done that before the
first byte of a request was read, against the one configured authority. What it has not checked never gets here.
"""

import hashlib
import re
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from narthex.limits import subject_chars_max
from narthex.model.authentication import CertificatesConfig
from narthex.model.identity import Principal, Refusal

_NAME = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_FORMS = {"san_uri": "URI in its subjectAltName", "san_dns": "DNS name in its subjectAltName", "cn": "common name"}


class Presented(msgspec.Struct, frozen=True, eq=False):
    """A client certificate that TLS has found good: made once for each connection."""

    uris: tuple[str, ...]
    dns_names: tuple[str, ...]
    common_names: tuple[str, ...]
    expires: float  # seconds since the epoch
    thumbprint: str  # SHA-256 of the whole, base64url without padding (RFC 8705, 3.1)

    def named(self, form: str) -> tuple[str, ...]:
        return {"san_uri": self.uris, "san_dns": self.dns_names, "cn": self.common_names}[form]

    def __repr__(self) -> str:
        return f"<Presented {self.thumbprint[:8]}>"


class TlsObject(Protocol):
    """`ssl.SSLObject`, as far as it is asked here."""

    def getpeercert(self, binary_form: bool = False) -> Any: ...  # noqa: FBT001 - as Python has it


def presented(tls: TlsObject | None) -> Presented | None:
    """What the other end of this TLS connection has shown. None: plain HTTP, or nothing that could be read."""
    if tls is None:
        return None
    try:
        # The parsed form is empty unless the certificate was checked; the raw one would be there all the same.
        found, whole = tls.getpeercert(), tls.getpeercert(True)
        return _read(found, whole) if found and whole else None
    except (ssl.SSLError, ValueError, KeyError):
        return None  # a certificate that nobody can read names nobody


def principal_of(shown: Presented | None, config: CertificatesConfig, now: float) -> Principal | Refusal | None:
    """Whose certificate it is. None: there is none. `now`: seconds since the epoch."""
    if shown is None:
        return None
    if shown.expires <= now:  # it was good when the connection began
        return _refused("The client certificate has expired. Connect again with a new one.")
    names = shown.named(config.subject)
    if len(names) != 1:
        # With several, which one the caller is would be our choice; SPIFFE forbids it too (X.509-SVID, 2).
        return _refused(f"The client certificate must have exactly one {_FORMS[config.subject]}; it has {len(names)}.")
    if not _NAME.fullmatch(names[0]) or len(names[0]) > subject_chars_max:
        return _refused(f"The {_FORMS[config.subject]} of the client certificate cannot be a caller's name.")
    return Principal(
        subject=names[0],
        scopes=frozenset(config.scopes),
        claims={"x5t#S256": shown.thumbprint},
        how="certificate",
        expires=shown.expires,
    )


def _read(found: Mapping[str, Any], whole: bytes) -> Presented:
    names: dict[str, tuple[str, ...]] = {}
    for kind, value in found.get("subjectAltName", ()):
        names[kind] = (*names.get(kind, ()), value)
    return Presented(
        uris=names.get("URI", ()),
        dns_names=names.get("DNS", ()),
        common_names=tuple(value for part in found.get("subject", ()) for kind, value in part if kind == "commonName"),
        expires=float(ssl.cert_time_to_seconds(found["notAfter"])),
        thumbprint=urlsafe_b64encode(hashlib.sha256(whole).digest()).rstrip(b"=").decode("ascii"),
    )


def _refused(message: str) -> Refusal:
    return Refusal(401, "invalid_token", message)
