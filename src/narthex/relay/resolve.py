"""From the public name to the server: whom a call is for, and what its params are called there.

Knows: the tables of one endpoint. Refuses to wait. What it cannot find it answers with one text for "unknown" and "not
for you", so that nothing can be told from the difference.
"""

from typing import Any

from narthex.catalog import resolve as catalog
from narthex.model.call import Call
from narthex.policy.scopes import hidden
from narthex.relay.sight import sight
from narthex.wire.faults import INVALID_PARAMS, LEGACY_RESOURCE_NOT_FOUND, PeerFault


def resolve(call: Call) -> None:
    """Fill in `server`, `private`, `exposed` of a call. Raises `PeerFault` -32602 for what is not here for it."""
    locate(call)
    if hidden(call):
        call.server, call.tool, call.exposed, call.private = "", None, "", {}
        raise _unknown(call)


def locate(call: Call) -> None:
    """The same, whoever calls: for those who may know everything."""
    _LOCATORS[call.method](call)
    governed = call.endpoint.governed[call.server] if call.tool is None else call.tool.governed
    call.settled = governed.by(call.principal.tenant)


def _tool(call: Call) -> None:
    params = call.params
    name = params.get("name")
    if type(name) is not str:
        raise PeerFault(INVALID_PARAMS, "params.name must be a string.", data={"reason": "name"})
    arguments = params.get("arguments")
    if arguments is not None and type(arguments) is not dict:
        raise PeerFault(INVALID_PARAMS, "params.arguments must be an object.", data={"reason": "arguments"})
    tool = call.endpoint.tools.get(name) or call.endpoint.withheld.get(name)
    if tool is None:
        raise _unknown(call)
    call.tool, call.server, call.exposed = tool, tool.server, name
    call.private = params if tool.private == name else {**params, "name": tool.private}


def _prompt(call: Call) -> None:
    name = call.params.get("name")
    if type(name) is not str:
        raise PeerFault(INVALID_PARAMS, "params.name must be a string.", data={"reason": "name"})
    prompt = call.endpoint.prompts.get(name)
    if prompt is None:
        raise _unknown(call)
    call.server, call.exposed = prompt.server, name
    call.private = {**call.params, "name": prompt.private}


def _resource(call: Call) -> None:
    uri = call.params.get("uri")
    if type(uri) is not str:
        raise PeerFault(INVALID_PARAMS, "params.uri must be a string.", data={"reason": "uri"})
    found = catalog.resource(call.endpoint, uri)
    if found is None:
        raise _unknown(call)
    call.server, private = found
    call.exposed = uri
    call.private = {**call.params, "uri": private}


def _completion(call: Call) -> None:
    ref = call.params.get("ref")
    if type(ref) is not dict:
        raise PeerFault(INVALID_PARAMS, "params.ref must be an object.", data={"reason": "ref"})
    if ref.get("type") == "ref/prompt" and type(ref.get("name")) is str:
        prompt = call.endpoint.prompts.get(ref["name"])
        if prompt is None:
            raise _unknown(call)
        call.server, call.exposed = prompt.server, ref["name"]
        private: dict[str, Any] = {**ref, "name": prompt.private}
    elif ref.get("type") == "ref/resource" and type(ref.get("uri")) is str:
        found = catalog.resource(call.endpoint, ref["uri"])
        if found is None:
            raise _unknown(call)
        call.server, call.exposed = found[0], ref["uri"]
        private = {**ref, "uri": found[1]}
    else:
        message = "params.ref must be {type: 'ref/prompt', name} or {type: 'ref/resource', uri}."
        raise PeerFault(INVALID_PARAMS, message, data={"reason": "ref"})
    call.private = {**call.params, "ref": private}


_LOCATORS = {
    "tools/call": _tool,
    "prompts/get": _prompt,
    "resources/read": _resource,
    "resources/subscribe": _resource,
    "resources/unsubscribe": _resource,
    "completion/complete": _completion,
}


def _unknown(call: Call) -> PeerFault:
    """One answer for what does not exist and for what this caller may not know of."""
    completes = call.method == "completion/complete"
    named = call.params["ref"] if completes else call.params
    if call.method == "tools/call":
        return catalog.unknown_tool(sight(call.endpoint, call.principal).names("tools/list"), named["name"])
    if call.method == "prompts/get" or (completes and named["type"] == "ref/prompt"):
        return catalog.unknown_prompt(sight(call.endpoint, call.principal).names("prompts/list"), named["name"])
    code = INVALID_PARAMS if completes or call.modern else LEGACY_RESOURCE_NOT_FOUND
    return catalog.unknown_resource(named["uri"], code)
