"""Whether answers of a tool that only reads may be given again, as the operator writes it.

Knows: a time and a choice. Refuses to know: which two calls are the same, and where answers are kept.
"""

from typing import Annotated

import msgspec

FreshSeconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class Caching(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of tools whose definition says `readOnlyHint: true`; others are asked every time."""

    seconds: FreshSeconds = 60.0  # 0: nothing is kept, and only calls at the same time share an answer
    public: bool = False  # answers are the same for every caller
