"""For whom a request goes to a server, and what of the client's own request goes with it.

Knows: the shape. Refuses to know: what a server is shown of it (that is `upstream.credentials`).
"""

from typing import NamedTuple, Protocol

from narthex.model.identity import Principal

Carried = tuple[tuple[bytes, bytes], ...]  # headers of the client that some server asks for; names in lower case
NOTHING_CARRIED: Carried = ()


class Caller(Protocol):
    """A `Call` is one."""

    @property
    def principal(self) -> Principal: ...
    @property
    def carried(self) -> Carried: ...

    def asked_for(self, scopes: frozenset[str]) -> bool:
        """The server refuses a call for want of these, as it calls them. True: the caller is to be told what the
        operator requires for that, before anything better is got to show to the server."""
        ...


class Known(NamedTuple):
    """A caller apart from any call: whose a conversation is."""

    principal: Principal
    carried: Carried = NOTHING_CARRIED

    def asked_for(self, scopes: frozenset[str]) -> bool:
        return False
