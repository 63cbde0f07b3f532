"""A tool whose definition is quarantined is not called: nobody has approved of what its server says of it now.

Knows: what the catalogue has made of the definition. Refuses to know: pins and rules (that is `catalog/verdicts`), and
to repeat anything of what the server says.
"""

from collections.abc import Mapping

from narthex.model.call import Call
from narthex.model.outcome import Denial

_NAME = "definitions"
_WHY: Mapping[str, str] = {
    "new": "it is new, and whoever runs this gateway has not approved of it yet",
    "changed": "its server has changed its definition, and whoever runs this gateway has not approved of that yet",
    "breaking": "its server has changed how it is called, and whoever runs this gateway has not approved of that yet",
    "rejected": "whoever runs this gateway has rejected its definition",
    "poisoned": "its definition looks like an attack, and whoever runs this gateway has not approved of it",
    "unreadable": "its definition cannot be read",
    "pins_unreadable": "the gateway cannot tell at the moment whether its definition was approved",
    "pins_not_kept": "the gateway cannot write down its definition at the moment",
}


def request(call: Call) -> Denial | None:
    if call.tool is None or call.tool.judged is None or call.tool.judged.standing != "quarantined":
        return None
    found = call.tool.judged
    message = (
        f"'{call.exposed}' cannot be called now: {_WHY[found.reason]}. Calling it again will not help; go on "
        f"without it, or tell the user that its operator has to approve of it."
    )
    data = {"server": call.server, "why": found.reason}
    return Denial(_NAME, "definition_quarantined", message, data, note=f"{found.note} {_remedy(call)}")


def standing(call: Call) -> str:
    """What an operator reads of a call that may pass."""
    found, rule = call.tool.judged if call.tool is not None else None, call.settled.rules.definitions
    said = [] if found is None else [found.note or "Its definition was approved, or is accepted as it is."]
    if rule is not None and rule.results != "ignore":
        done = "withheld" if rule.results == "block" else "announced"
        said.append(f"What it answers is looked through, and {done} if it looks like an attack.")
    return f"{' '.join(said)} ({call.settled.places.get(_NAME, 'the server was locked')})" if said else ""


def _remedy(call: Call) -> str:
    assert call.tool is not None
    assert call.tool.judged is not None
    found = call.tool.judged
    which = f"--server {found.server} --tool {found.name!r}"
    if found.reason in ("unreadable", "pins_unreadable", "pins_not_kept"):
        return f"({call.settled.places.get(_NAME, 'the server was locked')})"
    return (
        f"Look at it with 'narthex lock diff {which}', and let it in with 'narthex lock approve {which} "
        f"--fingerprint {found.fingerprint[:12]}'."
    )
