"""A grant: one way to get an access token. Some need a token of the caller, some only us.

Knows: the shape, and the fields every request for a token has. Refuses to know: when a token is asked for.
"""

from typing import Protocol

from narthex.model.credentials import CredentialsConfig
from narthex.model.identity import Voucher
from narthex.upstream.credentials.challenge import Challenge
from narthex.upstream.credentials.home import Home
from narthex.upstream.credentials.token import Token


class Grant(Protocol):
    """`obtain` is called for one caller at a time, but for several callers at once."""

    @property
    def scopes(self) -> frozenset[str]:
        """What is asked for anyway."""
        ...

    def hide(self, text: str) -> str:
        """The text without our secrets."""
        ...

    async def obtain(self, voucher: Voucher | None, scopes: frozenset[str], challenge: Challenge) -> Token:
        """`scopes`: to be asked for besides those that are asked for anyway. Raises CredentialFault."""
        ...


class OfHome:
    """What all grants have that are used where a server is at home."""

    def __init__(self, home: Home, config: CredentialsConfig) -> None:
        self._home, self._config = home, config

    @property
    def scopes(self) -> frozenset[str]:
        return self._home.scopes

    def hide(self, text: str) -> str:
        return self._home.hide(text)


def wanted(home: Home, scopes: frozenset[str], *, omit_resource: bool) -> dict[str, str]:
    """For which server, and for what (RFC 8707, 2; C-AUTH-04, C-AUTH-08)."""
    scopes = home.scopes | scopes
    fields = {} if omit_resource else {"resource": home.resource}
    return {**fields, "scope": " ".join(sorted(scopes))} if scopes else fields
