"""What callers are told whose credential is a good one, and not enough for where they want in.

Knows: the sentences, which the gate says and `narthex explain` foretells. Refuses to know: who decides it.
"""

from collections.abc import Iterable
from typing import Final

from narthex.limits import scopes_told_max

THE_GATEWAY: Final = "this gateway"
ELSEWHERE: Final = (
    "This credential is not for this endpoint: use the URL it was made for (on the command line, --endpoint NAME)."
)


def endpoint_place(name: str) -> str:
    return f"/mcp/{name}" if name else "/mcp"


def lacking(place: str, required: frozenset[str], granted: frozenset[str]) -> str:
    """What is needed there, and what this caller has."""
    return f"Permission denied: {place} requires {_listed(required)}; you have {_listed(granted)}."


def _listed(scopes: Iterable[str]) -> str:
    names = [f"'{scope}'" for scope in sorted(scopes)]
    if not names:
        return "no scopes"
    more = f" and {len(names) - scopes_told_max} more" if len(names) > scopes_told_max else ""
    return f"the scope{'s' * (len(names) > 1)} {', '.join(names[:scopes_told_max])}{more}"
