"""Whoever calls must have every scope that the thing requires. One predicate, for calls, lists, reads and news.

Knows: the scopes of the caller, and what the catalogue compiled for thing, server and endpoint. Refuses to know: where
either came from, and how a refusal reaches the caller.
"""

from narthex.limits import scopes_said_max
from narthex.model.call import Call
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.scope import NOBODY
from narthex.policy.thing import thing_of
from narthex.wire.faults import FORBIDDEN

_UNHEARD_OF = frozenset({NOBODY})


def missing(principal: Principal, needed: frozenset[str]) -> frozenset[str]:
    """The scopes that are needed and not there; empty: the caller may."""
    return (needed - principal.scopes) | (needed & _UNHEARD_OF)


def needed_by(call: Call) -> frozenset[str]:
    """What this call requires, once it is resolved."""
    if call.tool is not None:
        return call.tool.needs
    thing = thing_of(call)
    if thing.kind == "Prompt":
        return call.endpoint.prompts[call.exposed].needs
    return call.endpoint.reach[thing.server].needs_of(thing.name)


def hidden(call: Call) -> bool:
    """Whether a thing must seem unknown to this caller: no scope opens it, or its server is not to be spoken of."""
    needed = needed_by(call)
    if not needed:
        return False
    reach = call.endpoint.reach[call.server]
    return NOBODY in needed or (reach.concealed and bool(missing(call.principal, reach.needs)))


def request(call: Call) -> Denial | None:
    return refusal(call, needed_by(call))


def refusal(call: Call, needed: frozenset[str]) -> Denial | None:
    """The "no" to a caller who lacks any of these."""
    if not needed:
        return None
    lacking = missing(call.principal, needed)
    if not lacking:
        return None
    data = {"required_scopes": sorted(needed - _UNHEARD_OF), "granted_scopes": sorted(call.principal.scopes)}
    code = None if call.method == "tools/call" else FORBIDDEN
    if NOBODY in lacking:
        message = f"Permission denied: nothing in the configuration opens '{call.exposed}' to anybody."
        return Denial("scopes", "not_opened", message, data, code=code)
    message = (
        f"Permission denied: '{call.exposed}' requires the {'scope' if len(lacking) == 1 else 'scopes'} "
        f"{_listed(lacking)}; this session has {_listed(call.principal.scopes) or 'no scopes'}."
    )
    return Denial("scopes", "insufficient_scope", message, data, code=code, scopes=needed)


def _listed(scopes: frozenset[str]) -> str:
    """In one order, so that a sentence stays the same sentence."""
    words = [f"'{scope}'" for scope in sorted(scopes)]
    beyond = len(words) - scopes_said_max
    if beyond > 0:
        words = [*words[:scopes_said_max], f"{beyond} more"]
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
