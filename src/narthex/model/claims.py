"""What a claim of a token says, as words.

Knows: the two ways in which issuers write a list. Refuses to know: which claim means what.
"""

from collections.abc import Mapping
from typing import Any

from narthex.limits import token_scopes_max


def claim_of(claims: Mapping[str, Any], claim: str) -> Any:
    """What a claim says; `a.b` also finds `b` in the object `a`. None: nothing."""
    value = claims.get(claim)
    return _inside(claims, claim.split(".")) if value is None and "." in claim else value


def words_in(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """The words a claim lists, as a list or separated by blanks."""
    value = claim_of(claims, claim)
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list):
        return ()
    return tuple(word for word in value[:token_scopes_max] if isinstance(word, str))


def _inside(value: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
