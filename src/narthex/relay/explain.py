"""Why would this caller be let in, or not? A call is tried, and every step says what it decided.

Knows: the steps of a real call, in their order, and which line of the configuration requires which scope. Refuses to
decide anything itself: the filters are asked, the very ones of `policy/chain`, and their own words are repeated.
"""

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from narthex.catalog.needs import Needs, Said, house_of
from narthex.model.call import Call
from narthex.model.config import Config, EndpointConfig
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.scope import NOBODY, NONE
from narthex.policy import chain
from narthex.policy.scopes import hidden, missing, needed_by
from narthex.relay.resolve import locate, resolve
from narthex.relay.sight import sight
from narthex.relay.trial import trial
from narthex.wire.faults import PeerFault

_LISTED_IN = {"tools/call": "tools/list", "prompts/get": "prompts/list"}


class Step(NamedTuple):
    """One step, and what became of the call there."""

    name: str
    about: str  # what it looks at, in its own words
    verdict: str  # "passed", "denied", "not reached"
    why: str = ""


class Explanation(NamedTuple):
    """The whole way of a call that was not made."""

    call: Call
    steps: tuple[Step, ...]
    told: str  # what the caller would be told; "" where it would be let in
    said: tuple[Said, ...]  # who requires what of this thing
    needed: frozenset[str]

    @property
    def allowed(self) -> bool:
        return not self.told

    @property
    def decided_by(self) -> str | None:
        return next((step.name for step in self.steps if step.verdict == "denied"), None)


def explain(
    config: Config, endpoint: Endpoint, who: Principal, method: str, params: dict[str, Any], barred: str = ""
) -> Explanation:
    """`barred`: why the credential itself is not taken."""
    call = trial(endpoint, who, method, params)
    gate = Step("gate", _GATE, "denied", barred) if barred else _gate(endpoint, who)
    try:
        locate(call)
    except PeerFault as unknown:
        rest = tuple(Step(name, _about(decide), "not reached") for name, decide in chain.ORDER)
        steps = (gate, Step("names", _NAMES, "denied", f"There is no such thing at this endpoint. {unknown}"), *rest)
        return Explanation(call, _ended(steps), gate.why if gate.verdict == "denied" else str(unknown), (), NONE)
    steps = (gate, _name(call), *_filters(call))
    said = () if not call.server else tuple(_said(config, call))
    return Explanation(call, _ended(steps), _told(call, steps), said, needed_by(call) - {NOBODY})


_GATE = "The credential must be good for this endpoint, with the scopes that every request here needs."
_NAMES = "A public name leads to a server and its own name; what a caller may not know of is unknown to it."


def _gate(endpoint: Endpoint, who: Principal) -> Step:
    place = f"/mcp/{endpoint.name}" if endpoint.name else "/mcp"
    if who.endpoints is not None and endpoint.name not in who.endpoints:
        return Step("gate", _GATE, "denied", f"This credential is not for {place}.")
    lacking = missing(who, endpoint.needs)
    if lacking:
        return Step("gate", _GATE, "denied", f"Every request to {place} needs {_listed(endpoint.needs)}.")
    needs = f"; it needs {_listed(endpoint.needs)}" if endpoint.needs else ""
    return Step("gate", _GATE, "passed", f"Good for {place}{needs}.")


def _name(call: Call) -> Step:
    found = f"'{call.exposed}' leads to the server '{call.server}'"
    if not hidden(call.principal, call.endpoint, call.server, call.tool):
        return Step("names", _NAMES, "passed", f"{found}.")
    if NOBODY in needed_by(call):
        why = "nothing in the configuration speaks of it, and 'authentication.scopes.default' is 'deny'"
    else:
        why = "that server is concealed from whoever lacks its scopes"
    return Step("names", _NAMES, "denied", f"{found}, but {why}: the caller is told that it is unknown.")


def _filters(call: Call) -> Iterable[Step]:
    for name, decide in chain.ORDER:
        denial = decide(call)
        about = _about(decide)
        if denial is None:
            yield Step(name, about, "passed")
        else:
            yield Step(name, about, "denied", f"{denial.message} ({denial.note})" if denial.note else denial.message)


def _ended(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The first "no" is the answer: nobody behind it is asked."""
    denied = False
    found = []
    for step in steps:
        found.append(step._replace(verdict="not reached", why="") if denied else step)
        denied = denied or step.verdict == "denied"
    return tuple(found)


def _told(call: Call, steps: tuple[Step, ...]) -> str:
    """The very words that the caller would get."""
    gate = steps[0]
    if gate.verdict == "denied":
        return gate.why
    tried = trial(call.endpoint, call.principal, call.method, call.params)
    try:
        resolve(tried)
    except PeerFault as unknown:
        return str(unknown)
    decided = chain.request(tried)
    return decided.message if isinstance(decided, Denial) else ""


def _said(config: Config, call: Call) -> Iterable[Said]:
    endpoint, tool = call.endpoint, call.tool
    wanted = config.endpoints.get(endpoint.name, EndpointConfig())
    servers = [server for server in config.servers if server.name == call.server]
    needs = Needs(house_of(config), endpoint.name, wanted, servers)
    if not servers:
        return ()
    if tool is None:
        return needs.said_of_server(call.server)
    written = list(needs.said_of(call.server, tool.private, read_only=tool.read_only, declared=NONE))
    declared = tool.needs.difference([NOBODY], *(one.scopes for one in written))
    return needs.said_of(call.server, tool.private, read_only=tool.read_only, declared=declared)


def described(found: Explanation) -> dict[str, Any]:
    """The same as JSON has it."""
    call, who = found.call, found.call.principal
    listed = _LISTED_IN.get(call.method)
    return {
        "allowed": found.allowed,
        "decided_by": found.decided_by,
        "told": found.told or None,
        "method": call.method,
        "endpoint": call.endpoint.name,
        "name": call.exposed or str(call.params.get("name", call.params.get("uri", ""))),
        "server": call.server or None,
        "listed": None if listed is None else call.exposed in sight(call.endpoint, who).names(listed),
        "caller": {
            "subject": who.subject,
            "tenant": who.tenant or None,
            "how": who.how,
            "endpoints": None if who.endpoints is None else sorted(who.endpoints),
        },
        "required_scopes": sorted(found.needed),
        "granted_scopes": sorted(who.scopes),
        "missing_scopes": sorted(missing(who, found.needed)),
        "required_by": [{"where": one.where, "scopes": list(one.scopes)} for one in found.said],
        "steps": [step._asdict() for step in found.steps],
    }


def _listed(scopes: frozenset[str]) -> str:
    return ", ".join(f"'{scope}'" for scope in sorted(scopes))


def _about(decide: chain.Filter) -> str:
    """What a filter says of itself: the first paragraph of its module."""
    text = sys.modules[decide.__module__].__doc__ or ""
    return " ".join(text.partition("\n\n")[0].split())
