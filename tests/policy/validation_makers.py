"""Schemas made ready, tools that have them, and calls that are held against them."""

import math
from typing import Any

import jsonschema_rs
from policy_makers import compiled as endpoints
from policy_makers import offer, rules, server, tool

from narthex.model.call import Call
from narthex.model.endpoint import Endpoint
from narthex.model.identity import LOCAL
from narthex.model.rules.validation import Validation
from narthex.policy.validation.checked import Checked, Unchecked
from narthex.policy.validation.compiling import compiled
from narthex.policy.validation.flaws import flaws_of
from narthex.policy.validation.saying import listed
from narthex.relay.checking import Checking
from narthex.relay.resolve import resolve
from narthex.relay.trial import trial

Tree = dict[str, Any]

SEARCH: Tree = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "status": {"type": "string", "enum": ["open", "closed", "pending"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "since": {"type": ["string", "null"], "format": "date"},
        "filters": {
            "type": "object",
            "properties": {"company": {"type": "string"}, "size": {"type": "integer"}},
            "additionalProperties": False,
        },
        "deep": {"type": "boolean"},
    },
    "required": ["query"],
    "additionalProperties": False,
}


def ready(schema: Tree, *, formats: bool = False) -> Checked:
    made = compiled(lambda: schema, formats=formats)
    assert isinstance(made, Checked), made
    return made


def refused(schema: Tree, *, formats: bool = False) -> str:
    """Why nothing is held against this schema."""
    made = compiled(lambda: schema, formats=formats)
    assert isinstance(made, Unchecked)
    return made.why


def said(schema: Tree, value: Any, *, values: bool = True, formats: bool = False) -> str:
    """What is wrong with a value, in words; "" where nothing is."""
    checked = ready(schema, formats=formats)
    return "" if checked.accepts(value) else listed(flaws_of(checked, value), "the arguments", values=values)


def directly(schema: Tree, value: Any) -> bool:
    """What the library itself says, and nothing of ours."""
    return bool(jsonschema_rs.Draft202012Validator(schema, offline=True).is_valid(value))


def desk(schema: Tree | None, *, output: Tree | None = None, **rule: Any) -> Endpoint:
    """An endpoint with one tool, `search`."""
    more = {"outputSchema": output} if output is not None else {}
    one = {"name": "search", **({"inputSchema": schema} if schema is not None else {"inputSchema": {}}), **more}
    crm = server("crm", validation=Validation(**rule) if rule else None)
    return endpoints(crm, offers=(offer("crm", {**tool("search"), **one}),), authentication=rules()).endpoints[""]


def call(endpoint: Endpoint, arguments: Tree | None, told: list[str] | None = None) -> Call:
    """A call that is resolved, with all that it is held against."""
    made = trial(endpoint, LOCAL, "tools/call", {"name": "search", "arguments": arguments})
    resolve(made)
    Checking((told if told is not None else []).append).look(made)
    return made


def spent(schema: Tree, value: Any) -> float:
    """Milliseconds that checking may take, by our own reckoning."""
    nanoseconds = ready(schema).effort(value)
    return nanoseconds if math.isinf(nanoseconds) else nanoseconds / 1e6
