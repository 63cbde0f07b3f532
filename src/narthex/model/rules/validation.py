"""Whether arguments and results are held against the schemas of the tool, as the operator writes it.

Knows: choices. Refuses to know: schemas, and what a flaw in them looks like.
"""

from typing import Literal

import msgspec

Strictness = Literal["enforce", "warn", "off"]


class Validation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where nothing is said, arguments are checked before a call leaves, and results are the server's own affair."""

    arguments: Strictness = "enforce"
    results: Strictness = "off"  # the structured content, where the tool has an output schema
    coerce: bool = False  # arguments that are harmlessly wrong ("10" for 10) are put right, and the answer says so
    formats: bool = False  # `format` is a rule, and not a remark


AS_USUAL = Validation()
