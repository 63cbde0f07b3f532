"""PKCE (RFC 7636): what is shown of a secret before it is asked for.

Knows: S256, the one method of OAuth 2.1. Refuses to know: who made the verifier, and where it is kept.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256


def challenge_of(verifier: str) -> str:
    """The `code_challenge` that this `code_verifier` answers (RFC 7636, 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode("ascii")
