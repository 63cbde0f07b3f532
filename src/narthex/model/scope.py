"""What a scope is made of, and two sets of scopes that mean something by themselves.

Knows: the form, and what nobody can be granted. Refuses to know: who was granted what, and who requires it.
"""

from collections.abc import Iterable
from typing import Annotated, Final, NamedTuple

import msgspec

# RFC 6749, 3.3: what a scope is made of. Anything else could not be told to a client.
Scope = Annotated[str, msgspec.Meta(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]{1,256}$")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

# Required by what nobody may have: it has not the form of a scope, so no issuer can grant it.
NOBODY: Final = ""

NONE: Final[frozenset[str]] = frozenset()


class Said(NamedTuple):
    """One place that speaks of a thing, and what it requires."""

    where: str
    scopes: tuple[str, ...]
    opens: bool = True  # it counts as having spoken of it


def total(said: Iterable[Said], *, silent_is_no: bool) -> frozenset[str]:
    """What they require together. `silent_is_no`: nobody may have what none of them opens."""
    said = list(said)
    found = frozenset(scope for one in said for scope in one.scopes)
    is_open = not silent_is_no or any(one.opens for one in said)
    return found if is_open else found | {NOBODY}
