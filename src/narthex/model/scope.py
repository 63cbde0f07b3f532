"""What a scope is made of, and two sets of scopes that mean something by themselves.

Knows: the form, and what nobody can be granted. Refuses to know: who was granted what, and who requires it.
"""

from typing import Annotated, Final

import msgspec

# RFC 6749, 3.3: what a scope is made of. Anything else could not be told to a client.
Scope = Annotated[str, msgspec.Meta(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]{1,256}$")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

# Required by what nobody may have: it has not the form of a scope, so no issuer can grant it.
NOBODY: Final = ""

NONE: Final[frozenset[str]] = frozenset()
