"""What may not be in what comes from a server, or goes to one, and what is done with it.

Knows: kinds and groups by name, actions, patterns and paths as they are written. Refuses to know: how anything is
found, and what a kind looks like (`policy/redaction`).
"""

from typing import Annotated, Literal

import msgspec

from narthex.limits import redaction_findings_per_kb

Action = Literal["mask", "drop", "hash", "tokenise", "block"]
Direction = Literal["results", "arguments", "both"]
KindName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Expression = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
FieldPath = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=30 * 86_400)]


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of the operator's own. Searched in the text of values and keys, in linear time whatever it says (RE2)."""

    name: KindName
    pattern: Expression
    ignore_case: bool = False


class Redaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule. Several may stand in a list, one for each direction."""

    direction: Direction = "results"
    detect: tuple[KindName, ...] = ("pii", "secrets")  # kinds and groups; patterns of one's own are always searched
    action: Action = "mask"  # with what is found
    actions: dict[KindName, Action] = {}  # for single kinds and groups instead
    patterns: tuple[Pattern, ...] = ()
    keep: tuple[FieldPath, ...] | None = None  # the only members of results that pass
    drop: tuple[FieldPath, ...] = ()  # members of results that do not pass
    other_text: Literal["withhold", "pass"] = "withhold"  # where members are chosen: text that has none
    binary: Literal["withhold", "pass"] = "withhold"  # images, sound, files: nobody can look into them
    numbers: bool = True  # also what stands in JSON as a number
    findings_per_kb: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = (
        redaction_findings_per_kb  # more on average: all is withheld
    )
    opens: tuple[KindName, ...] = ()  # kinds of tokens for which this tool gets the value
    token_seconds: Seconds = 3_600  # since a token was last given out

    def __hash__(self) -> int:
        # Rules are looked up by what they say; equality is by value, and a dict has no hash of its own.
        return hash((self.direction, self.detect, self.action, self.patterns, self.keep, self.drop, self.opens))
