"""What somebody comes to sign in for: to answer a client, or for a page of the gateway's own.

Knows: the two, and how a form remembers which. Refuses to know: what is on those pages.
"""

import msgspec

from narthex.issuer.office import Office
from narthex.issuer.wanted import Wanted, read


class Visit(msgspec.Struct, frozen=True):
    """For a page of ours. `path`, with its query: where they go once they are signed in."""

    path: str

    @property
    def query(self) -> str:
        """As forms remember it: what a client asks begins with the name of a parameter, never with a slash."""
        return self.path

    @property
    def prompts(self) -> frozenset[str]:
        return frozenset()

    @property
    def with_key(self) -> str:
        """The same page, for somebody who shows an API key instead."""
        return f"{self.path}{'&' if '?' in self.path else '?'}with=key"


Errand = Wanted | Visit


async def errand_of(office: Office, query: str, peer: str) -> Errand:
    """What a form of ours is about. Only texts that we have sealed ourselves get here. Raises as `read`."""
    return Visit(query) if query.startswith("/") else await read(office, query, peer)
