"""What becomes of definitions that are new, changed, gone or suspect, as the operator writes it.

Knows: choices. Refuses to know: what a definition says, and how two of them differ.
"""

from typing import Annotated, Literal

import msgspec

OnChange = Literal["announce", "hold", "quarantine"]
Score = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Definitions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where nothing is said, this holds for the servers that were locked (`narthex lock`), and for no others."""

    new: Literal["accept", "announce", "quarantine"] = "announce"  # never seen before; a renamed one is a new one
    changed: OnChange = "quarantine"  # callers that knew the old one can go on
    text: OnChange | None = None  # what only models and people read has changed; absent: as `changed`
    breaking: Literal["announce", "quarantine"] = "quarantine"  # callers that knew the old one may fail
    removed: Literal["announce", "ignore"] = "announce"
    # Nobody approved, and it looks like an attack. Absent: `quarantine`, and `announce` for what the operator wrote
    # (`ServerConfig.written_here`), because there a person has chosen the text, and it changes by their hand alone.
    poisoned: Literal["ignore", "announce", "quarantine"] | None = None
    suspicious: Score = 0.5  # from which on that is announced
    score: Score = 0.8  # from which on it is done
    results: Literal["ignore", "announce", "block"] = "ignore"  # what tools, prompts and resources bring, by the same


AS_LOCKED = Definitions()
