"""What tools, resources and prompts bring may be written to steer the model that reads it: flagged, or withheld.

Knows: which parts of an answer a model reads, and the rule that asks for it (`definitions: {results: …}`). Refuses to
know: what an attack looks like (`policy/poison`), and to repeat anything of one.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from narthex.limits import poison_kinds_said_max, poison_text_bytes_max, poison_words_chars_min
from narthex.model.call import Call
from narthex.model.outcome import Denial, Failure
from narthex.model.rules.definitions import Definitions
from narthex.policy.poison.scoring import score_text
from narthex.policy.poison.verdict import Verdict
from narthex.wire.revisions import OWN_META
from narthex.wire.translate import opened

_NAME = "poison"
NOTE = OWN_META + _NAME  # in the `_meta` of an answer that is passed on all the same
# What the protocol itself reads, and what no model does.
_OF_THE_PROTOCOL = frozenset({"resultType", "isError", "ttlMs", "cacheScope", "requestState", "nextCursor", "_meta"})

Members = dict[str, Any]

_decode = msgspec.json.Decoder().decode


def looks(call: Call) -> bool:
    """Whether the answer to this call has to be looked through."""
    rule = call.settled.rules.definitions
    return rule is not None and rule.results != "ignore"


def response(call: Call, members: Members) -> Members | Denial:
    if not looks(call):
        return members
    values = [value for name, value in members.items() if name not in _OF_THE_PROTOCOL]
    denial = _judged(call, values)
    if denial is None or call.settled.rules.definitions is None:
        return members
    if call.settled.rules.definitions.results == "block":
        return denial
    call.warned += (denial,)
    meta = opened(members.get("_meta"))
    return {**members, "_meta": {**(meta if type(meta) is dict else {}), NOTE: denial.data}}


def failure(call: Call, outcome: Failure) -> Denial | None:
    """An error of a server is read by a model too. The denial, where it has to be withheld."""
    if not looks(call):
        return None
    denial = _judged(call, [outcome.message, outcome.data])
    if denial is None or call.settled.rules.definitions is None:
        return None
    if call.settled.rules.definitions.results == "block":
        return denial
    call.warned += (denial,)
    return None


def _judged(call: Call, values: list[Any]) -> Denial | None:
    rule = call.settled.rules.definitions
    assert rule is not None
    found, data = _score(values), dict[str, Any]()
    if found is None:
        said = "cannot be looked through for attacks"
    elif found.score >= _from(rule):
        kinds = list(dict.fromkeys(one.kind for one in found.findings))[:poison_kinds_said_max]
        said = f"looks like an attack on whoever reads it ({', '.join(kinds)})"
        data = {"kinds": kinds, "score": found.score}
    elif not found.whole and rule.results == "block":
        said = "is too long to be looked through for attacks"
    else:
        return None
    withheld = ", and is withheld" if rule.results == "block" else ""
    carried_out = " The call itself was carried out: check what it did before you repeat it."
    message = (
        f"What '{call.exposed}' of server '{call.server}' answers {said}{withheld}."
        f"{carried_out if withheld and call.method == 'tools/call' else ''}"
    )
    return Denial(_NAME, "poisoned_result", message, data, note=call.settled.places.get("definitions", ""))


def _from(rule: Definitions) -> float:
    return rule.score if rule.results == "block" else min(rule.suspicious, rule.score)


def _score(values: list[Any]) -> Verdict | None:
    """Of all that a model reads in these. None: some of it cannot be read, and so nobody knows."""
    try:
        words = [text for value in values for text in _texts(_decode(value) if type(value) is msgspec.Raw else value)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    text = "\n".join(words)
    found = score_text(text)
    return found._replace(whole=found.whole and len(text) <= poison_text_bytes_max)


def _texts(value: Any) -> Iterator[str]:
    """Every text of a value, in its order; of a text that is JSON itself, the texts in there."""
    stack = [value]
    while stack:
        one = stack.pop()
        if type(one) is str:
            inner = _inner(one)
            if inner is None:
                yield one
            else:
                stack.append(inner)
        elif type(one) is list or type(one) is tuple:
            stack.extend(reversed(one))
        elif type(one) is dict:
            for name, part in reversed(one.items()):
                if not (name == "data" and one.get("type") in ("image", "audio")):
                    stack.append(part)
                if len(name) >= poison_words_chars_min:
                    stack.append(name)


def _inner(text: str) -> dict[str, Any] | list[Any] | None:
    if text.lstrip(" \n\r\t")[:1] not in ("{", "["):
        return None
    try:
        found = _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return found if type(found) is dict or type(found) is list else None
