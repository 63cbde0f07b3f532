"""Flaws as a sentence for a model and as data for a machine.

Knows: how they are listed. Refuses to know: how they were found.
"""

from typing import Any

from narthex.policy.validation import phrases
from narthex.policy.validation.flaws import Flaw, Flaws


def listed(found: Flaws, what: str, *, values: bool) -> str:
    """One sentence for each. `values`: what came may be repeated."""
    if not found.told:
        return f"Where, is not said: {what} are too many to list what is wrong with them."
    said = [_sentence(flaw, what, values) for flaw in found.told]
    if found.more:
        said.append(f"{found.more} more.")
    if not found.whole:
        said.append("There may be more: only the first was looked for.")
    return " ".join(said)


def data(found: Flaws, *, values: bool) -> dict[str, Any]:
    errors = [
        {
            "pointer": flaw.pointer,
            "expected": flaw.expected,
            "got": flaw.got if values else flaw.kind,
            **({"suggestion": flaw.suggestion} if flaw.suggestion is not None and values else {}),
        }
        for flaw in found.told
    ]
    return {"errors": errors, **({"more": found.more} if found.more else {})}


def _sentence(flaw: Flaw, what: str, values: bool) -> str:  # noqa: FBT001 - private
    got = flaw.got if values else flaw.kind
    hint = f" Did you mean {phrases.text_of(flaw.suggestion)}?" if flaw.suggestion is not None and values else ""
    return f"{flaw.pointer or what}: expected {flaw.expected}; got {got}.{hint}"
