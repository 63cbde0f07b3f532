"""An older server wants URLs opened before it serves a call (error -32042 of 2025-11-25); its client is a modern one.

Knows: for a modern client that is a question like any other, and the retry a new call (R15, H1.13). Refuses to keep:
what was asked is in the client's hands, and whether it was done the server alone knows.
"""

from typing import Any

from narthex.limits import questions_open_max
from narthex.model.call import Call
from narthex.model.outcome import Denial, Failure, Outcome, Result
from narthex.relay import state
from narthex.wire.faults import LEGACY_URL_ELICITATION_REQUIRED, MISSING_CLIENT_CAPABILITY
from narthex.wire.revisions import INPUT_REQUIRED, MODERN, OWN_META
from narthex.wire.seal import Sealer
from narthex.wire.translate import modern_result

_NEEDED: dict[str, Any] = {"elicitation": {"url": {}}}
# Of the older revision's question: a modern one has no id of its own, and is not a task.
_OF_THE_PAST = ("elicitationId", "task", "_meta")


def asked_first(call: Call, failure: Failure, sealer: Sealer) -> Outcome | None:
    """What a modern client gets for this error: the URLs as questions, or the word that it cannot be asked.

    None: the error is another one, or names no URLs, or comes where no question is allowed.
    """
    if failure.code != LEGACY_URL_ELICITATION_REQUIRED or not call.modern or call.method not in INPUT_REQUIRED:
        return None
    requests = _questions(failure)
    if requests is None or call.endpoint.server_revisions.get(call.server) == MODERN:
        return None
    if "url" not in call.capabilities.get("elicitation", {}):
        data = {"requiredCapabilities": _NEEDED, OWN_META + "data": failure.data}
        return Failure(MISSING_CLIENT_CAPABILITY, failure.message, data, 400)
    members = {
        "resultType": "input_required",
        "inputRequests": requests,
        "requestState": state.own(call, sealer),
    }
    return Result(modern_result(call.method, members, call.endpoint.server_info))


def refused(call: Call) -> Denial | None:
    """The retry of such a call, when the user said no: the server is not asked a second time."""
    given = call.params.get("inputResponses")
    answers = given.values() if type(given) is dict else ()
    if all(type(one) is dict and one.get("action") == "accept" for one in answers):
        return None
    message = f"'{call.exposed}' needs a page to be opened first, and the user declined."
    return Denial("urls", "declined", message)


def _questions(failure: Failure) -> dict[str, Any] | None:
    found = failure.data.get("elicitations") if type(failure.data) is dict else None
    if type(found) is not list or not 0 < len(found) <= questions_open_max:
        return None
    requests: dict[str, Any] = {}
    for number, one in enumerate(found):
        if type(one) is not dict or type(one.get("url")) is not str:
            return None
        params = {name: value for name, value in one.items() if name not in _OF_THE_PAST}
        params = {"message": failure.message, **params, "mode": "url"}
        requests[f"gw.url.{number}"] = {"method": "elicitation/create", "params": params}
    return requests
