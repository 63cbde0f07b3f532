"""From a rule as it is written to one that works.

Knows: every kind and group there is, and what an operator may call them. Refuses to know: where the rule stands.
"""

from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

import msgspec

from narthex.limits import redaction_engines_max
from narthex.model.rules.redaction import Action, Redaction
from narthex.policy.redaction import contact, financial, identity, network, secrets
from narthex.policy.redaction.blocks import Blocks
from narthex.policy.redaction.engine import Engine
from narthex.policy.redaction.fields import Fields
from narthex.policy.redaction.kind import GROUPS, Kind
from narthex.policy.redaction.matcher import Matcher, compiled

# In this order: where two overlap, and neither is longer, the first one names both.
KINDS: tuple[Kind, ...] = (*secrets.KINDS, *financial.KINDS, *identity.KINDS, *contact.KINDS, *network.KINDS)
NAMES: tuple[str, ...] = tuple(dict.fromkeys(kind.name for kind in KINDS))
_GROUP_OF = {kind.name: kind.group for kind in KINDS}


class Compiled(NamedTuple):
    """One rule, ready. Immutable."""

    engine: Engine
    blocks: Blocks
    fields: Fields | None
    rule: Redaction
    named: tuple[str, ...]  # the kinds that only a model finds


def groups_of(name: str) -> tuple[str, ...]:
    """The groups that a kind is in, the smallest first."""
    group = _GROUP_OF.get(name, "")
    return (group, *(wide for wide, inside in GROUPS.items() if group in inside)) if group else ()


def names_in(rule: Redaction) -> tuple[str, ...]:
    """The kinds that only a model finds (`model.ner`): whatever else a rule speaks of was checked before."""
    return tuple(dict.fromkeys(name for name in rule.detect if name not in _GROUP_OF and name not in GROUPS))


def unknown(name: str, rule: Redaction, named: frozenset[str] = frozenset()) -> str | None:
    """What is wrong with the name of a kind, in words for the operator; None: there is one. `named`: those that the
    recogniser of this house looks for."""
    known = {*NAMES, *GROUPS, *named, *(pattern.name for pattern in rule.patterns)}
    if name in known:
        return None
    near = get_close_matches(name, sorted(known), 1)
    return f"'{name}' is no kind and no group" + (f"; perhaps '{near[0]}'" if near else "")


def compiled_rule(rule: Redaction) -> Compiled:
    """Equal rules share one. Raises `BadPattern`, `BadPath`."""
    return _compiled(msgspec.json.encode(rule, order="deterministic"))


@lru_cache(maxsize=redaction_engines_max)
def _compiled(written: bytes) -> Compiled:
    rule = msgspec.json.decode(written, type=Redaction)
    wanted = set(rule.detect)
    kinds = tuple(kind for kind in KINDS if wanted.intersection((kind.name, *groups_of(kind.name))))
    own = tuple(compiled(pattern.pattern, ignore_case=pattern.ignore_case) for pattern in rule.patterns)
    named = names_in(rule)
    names = (*(kind.name for kind in kinds), *(pattern.name for pattern in rule.patterns), *named)
    actions: dict[str, Action] = {name: action_of(rule, name) for name in names}
    engine = Engine(Matcher(kinds, own), names, actions, numbers=rule.numbers, named=named)
    fields = Fields(rule.keep, rule.drop) if rule.keep is not None or rule.drop else None
    blocks = Blocks(engine, fields, passes_binary=rule.binary == "pass", passes_text=rule.other_text == "pass")
    return Compiled(engine, blocks, fields, rule, named)


def action_of(rule: Redaction, name: str) -> Action:
    """What is done with a kind: its own action, that of its smallest group, or the rule's."""
    for key in (name, *groups_of(name)):
        if key in rule.actions:
            return rule.actions[key]
    return rule.action
