"""The arguments of a call must be what the tool's input schema asks for, before anything is sent.

Knows: the compiled schema of the call's tool, which was made ready before (`relay/checking`), and what the operator
wants done. Refuses to know: how checking works (`policy/validation`).

A refusal lists what is wrong, so that a model can mend it: a call that must be mended has spent nothing.
"""

from typing import Any

from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.policy.validation.checked import Checked, Unchecked
from narthex.policy.validation.flaws import Flaws, flaws_of
from narthex.policy.validation.mending import Mending
from narthex.policy.validation.saying import data, listed

_NAME = "schema"
_NOTHING: dict[str, Any] = {}


def request(call: Call) -> Denial | None:
    ready = call.input_schema
    if type(ready) is not Checked:
        return None
    arguments = call.private.get("arguments")
    if arguments is None:
        arguments = _NOTHING
    size = 0 if call.revealed else call.bytes_in  # what stood for a value may have been shorter
    if call.settled.validation.coerce:
        arguments = _mended(call, ready, arguments)
    known = None if call.revealed or call.mended else call.weighed
    if not (ready.affordable(arguments, size) if known is None else known):
        return _judged(call, _too_dear(call))
    if ready.accepts(arguments) or ready.accepts(_given(arguments)):
        return None
    return _judged(call, _refused(call, flaws_of(ready, arguments), values=not call.revealed))


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """Without those that are null: many clients write that for what is not given, and headers leave it out (R18).

    One that is required is missing then. What is sent stays as it is.
    """
    return {name: value for name, value in arguments.items() if value is not None}


def standing(call: Call) -> str:
    """What an operator reads of a call that may pass."""
    ready, rule = call.input_schema, call.settled.validation
    if type(ready) is Unchecked:
        return f"The arguments are not checked: of the input schema, {ready.why}."
    if ready is None:
        return "The arguments are not checked." if rule.arguments == "off" else ""
    warned = [denial for denial in call.warned if denial.filter == _NAME]
    if warned:
        return f"Only a warning: {warned[0].message}"
    count = len(call.mended)
    return f"{count} value{'s were' if count != 1 else ' was'} put right." if count else ""


def _mended(call: Call, ready: Checked, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as they will be sent, if anything of them was put right."""
    call.mended = ()
    mending = Mending(ready.read())
    mended: dict[str, Any] = mending.mend(arguments)
    if mending.changes and ready.affordable(mended, 0) and ready.accepts(mended):
        call.mended = tuple((change.pointer, change.what) for change in mending.changes)
        call.private = {**call.private, "arguments": mended}
        return mended
    return mended if mending.changes else arguments


def _refused(call: Call, found: Flaws, *, values: bool) -> Denial:
    count = len(found.told) + found.more
    said = f"{count} thing{'s' * (count != 1)} to mend. " if count > 1 and found.whole else ""
    message = (
        f"The arguments for '{call.exposed}' do not match its input schema, so it was not called. "
        f"{said}{listed(found, 'the arguments', values=values)}"
    )
    return Denial(_NAME, "invalid_arguments", message, data(found, values=values), note=listed(found, "", values=False))


def _too_dear(call: Call) -> Denial:
    message = (
        f"The arguments for '{call.exposed}' are too many, or nest too deep, to be checked against its input schema, "
        f"so it was not called. Send less at one time."
    )
    return Denial(_NAME, "arguments_too_complex", message)


def _judged(call: Call, denial: Denial) -> Denial | None:
    if call.settled.validation.arguments != "warn":
        return denial
    # What is only a warning goes to the log, where no argument belongs.
    message = f"The arguments for '{call.exposed}' do not match its input schema."
    call.warned += (Denial(_NAME, denial.reason, message, note=denial.note or denial.message),)
    return None
