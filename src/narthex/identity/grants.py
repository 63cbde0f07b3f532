"""From what a token says to the scopes its holder has here: granted ones, those of roles, and all that these imply.

Knows: the operator's table of scopes. Refuses to know: which scope allows what (that is `policy`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from narthex.limits import verified_tokens_max
from narthex.model.authentication import ScopesConfig
from narthex.model.claims import words_in

# RFC 6749, 3.3. Whatever else a token calls a scope is none: nothing here could require it.
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}")


class Grants:
    """Made anew with each configuration. Equal sets of scopes are one object: ten thousand callers share a few."""

    __slots__ = ("_closed", "_closures", "_roles")

    def __init__(self, config: ScopesConfig) -> None:
        self._closures = {scope: _closure(scope, config.implies) for scope in config.implies}
        self._roles = config.roles
        self._closed: dict[frozenset[str], frozenset[str]] = {}

    def of(self, granted: Iterable[str], claims: Mapping[str, Any]) -> frozenset[str]:
        """Everything that these scopes and the roles in these claims amount to."""
        told = frozenset(scope for scope in granted if _SCOPE.fullmatch(scope))
        if self._roles is not None:
            for role in words_in(claims, self._roles.claim):
                told |= frozenset(self._roles.grants.get(role, ()))
        found = self._closed.get(told)
        if found is None:
            found = told.union(*(self._closures.get(scope, ()) for scope in told))
            if len(self._closed) >= verified_tokens_max:
                self._closed.clear()
            self._closed[told] = found
        return found


def _closure(scope: str, implies: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """What a scope implies, and what that implies in turn; a circle is no harm."""
    found: set[str] = set()
    open_ends = [scope]
    while open_ends:
        for implied in implies.get(open_ends.pop(), ()):
            if implied not in found:
                found.add(implied)
                open_ends.append(implied)
    return frozenset(found)
