"""Whose grant at which server: what a page may show of it, and what everything about it is kept by.

Knows: owners, and what was granted. Refuses to know: tokens; none of these nouns has a place for one.
"""

import msgspec

from narthex.model.identity import Principal


class Owner(msgspec.Struct, frozen=True):
    """Whose grant it is. The same for all credentials of one caller, and after every restart."""

    key: str  # `Principal.key`; "" is the gateway itself

    def __repr__(self) -> str:
        return f"<Owner {self}>"

    def __str__(self) -> str:
        """As it may be told: the subject, and its tenant."""
        if not self.key:
            return "the gateway"
        tenant, _, rest = self.key.partition("\x00")
        subject = rest.partition("\x00")[2]
        return f"{subject}@{tenant}" if tenant else subject


GATEWAY = Owner("")  # where one grant serves every caller


class Connection(msgspec.Struct, frozen=True):
    """A grant of an owner at the authorization server of one server behind the gateway. Never a token."""

    server: str
    issuer: str  # at which it was given, and to which everything about it is bound
    scopes: frozenset[str]
    since: float  # when it was given; every time: seconds since the epoch
    expires: float | None  # of what is shown now; None: it can be renewed
    account: str = ""  # whom the issuer knows the owner as, where it said so


def owner_of(principal: Principal) -> Owner:
    return Owner(principal.key)
