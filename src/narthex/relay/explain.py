"""Why would this caller be let in, or not? A call is tried, and every step says what it decided.

Knows: the steps of a real call, in their order, and which line of the configuration requires which scope. Refuses to
decide anything itself: the filters are asked, the very ones of `policy/chain`, and their own words are repeated.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from narthex.catalog.needs import Needs, house_of
from narthex.model.call import Call
from narthex.model.config import Config, EndpointConfig
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.scope import NOBODY, NONE, Said
from narthex.policy import cached, chain, result, stopped
from narthex.policy.entrance import ELSEWHERE, THE_GATEWAY, endpoint_place, lacking
from narthex.policy.scopes import hidden, missing, needed_by
from narthex.policy.thing import thing_of
from narthex.relay.resolve import locate, resolve
from narthex.relay.trial import trial
from narthex.wire.faults import PeerFault

Look = Callable[[Call], None]  # shows a call the tallies it would be held against


def unseen(call: Call) -> None:
    """Nothing is counted here."""


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
    config: Config,
    endpoint: Endpoint,
    who: Principal,
    method: str,
    params: dict[str, Any],
    barred: str = "",
    look: Look = unseen,
) -> Explanation:
    """`barred`: why the credential itself is not taken. `look` shows the call its tallies, for nothing to be spent."""
    call = trial(endpoint, who, method, params)
    gate = Step("gate", _GATE, "denied", barred) if barred else _gate(config, endpoint, who)
    try:
        locate(call)
    except PeerFault as unknown:
        rest = tuple(Step(name, _about(decide), "not reached") for name, decide in chain.ORDER)
        steps = (gate, Step("names", _NAMES, "denied", f"There is no such thing at this endpoint. {unknown}"), *rest)
        return Explanation(call, _ended(steps), gate.why if gate.verdict == "denied" else str(unknown), (), NONE)
    said = tuple(_said(config, call))
    look(call)
    steps = (gate, _name(call, said), *_filters(call))
    return Explanation(call, _ended(steps), _told(call, steps, look), said, needed_by(call) - {NOBODY})


_GATE = "The credential must be good for this endpoint, with the scopes that every request here needs."
_NAMES = "A public name leads to a server and its own name; what a caller may not know of is unknown to it."


def _gate(config: Config, endpoint: Endpoint, who: Principal) -> Step:
    """In the order of the gate, and in its words."""
    place = endpoint_place(endpoint.name)
    if who.endpoints is not None and endpoint.name not in who.endpoints:
        return Step("gate", _GATE, "denied", ELSEWHERE)
    of_all = frozenset(config.authentication.required_scopes) if config.authentication is not None else frozenset[str]()
    for where, needed in ((THE_GATEWAY, of_all), (place, endpoint.needs)):
        if missing(who, needed):
            return Step("gate", _GATE, "denied", lacking(where, needed, who.scopes))
    needs = f"; it needs {_listed(endpoint.needs)}" if endpoint.needs else ""
    return Step("gate", _GATE, "passed", f"Good for {place}{needs}.")


def _name(call: Call, said: tuple[Said, ...]) -> Step:
    found = f"'{call.exposed}' leads to the server '{call.server}'"
    if not hidden(call):
        return Step("names", _NAMES, "passed", f"{found}.")
    if any(NOBODY in one.scopes for one in said):
        why = "what its server declares for it cannot be read, so it is for nobody"
    elif NOBODY in needed_by(call):
        why = "nothing in the configuration speaks of it, and 'authentication.scopes.default' is 'deny'"
    else:
        why = "that server is concealed from whoever lacks its scopes"
    return Step("names", _NAMES, "denied", f"{found}, but {why}: the caller is told that it is unknown.")


def _filters(call: Call) -> Iterable[Step]:
    for name, decide in chain.ORDER:
        denial = decide(call)
        about = _about(decide)
        if denial is None:
            yield Step(name, about, "passed", _standing(decide, call))
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


def _told(call: Call, steps: tuple[Step, ...], look: Look) -> str:
    """The very words that the caller would get."""
    gate = steps[0]
    if gate.verdict == "denied":
        return gate.why
    tried = trial(call.endpoint, call.principal, call.method, call.params)
    try:
        resolve(tried)
    except PeerFault as unknown:
        return str(unknown)
    look(tried)
    decided = chain.request(tried)
    return decided.message if isinstance(decided, Denial) else ""


def _said(config: Config, call: Call) -> Iterable[Said]:
    endpoint, tool = call.endpoint, call.tool
    wanted = config.endpoints.get(endpoint.name, EndpointConfig())
    servers = [server for server in config.servers if server.name == call.server]
    needs = Needs(house_of(config), endpoint.name, wanted, servers)
    if not servers:
        return ()
    if tool is not None:
        return needs.said_of_tool(call.server, tool.private, tool.declared, tool.learnt, read_only=tool.read_only)
    thing, guard = thing_of(call), endpoint.reach[call.server].guard
    if thing.kind == "Prompt":
        return needs.said_of_prompt(call.server, thing.name, endpoint.prompts[call.exposed].declared)
    return needs.said_of_server(call.server) if guard is None else guard.said(thing.name)


def _is_listed(call: Call) -> bool:
    """Whether the caller finds it in its list, of tools, prompts or resources."""
    thing, endpoint, judge = thing_of(call), call.endpoint, call.endpoint.judge
    if thing.kind == "Resource" and endpoint.owners.get(call.exposed) is None:
        return False
    if thing.tool is not None and call.exposed not in endpoint.tools:
        return False
    if missing(call.principal, needed_by(call)) or stopped.request(call) is not None:
        return False
    return judge is None or not judge.hides(endpoint, call.principal, call.method, thing)


def described(found: Explanation) -> dict[str, Any]:
    """The same as JSON has it."""
    call, who = found.call, found.call.principal
    return {
        "allowed": found.allowed,
        "decided_by": found.decided_by,
        "told": found.told or None,
        "method": call.method,
        "endpoint": call.endpoint.name,
        "name": call.exposed or str(call.params.get("name", call.params.get("uri", ""))),
        "server": call.server or None,
        "listed": bool(call.server) and _is_listed(call),
        "caller": {
            "subject": who.subject,
            "tenant": who.tenant or None,
            "how": who.how,
            "endpoints": None if who.endpoints is None else sorted(who.endpoints),
        },
        "required_scopes": sorted(found.needed),
        "granted_scopes": sorted(who.scopes),
        "missing_scopes": sorted(missing(who, found.needed)),
        "rules": dict(call.settled.places),
        "answer": [words for words in (cached.standing(call), result.standing(call)) if words],
        "required_by": [
            {"where": one.where, "scopes": [scope for scope in one.scopes if scope != NOBODY]} for one in found.said
        ],
        "steps": [step._asdict() for step in found.steps],
    }


def _standing(decide: chain.Filter, call: Call) -> str:
    """What a filter that let the call pass has to say of it, if it says anything."""
    says: Callable[[Call], str] | None = getattr(sys.modules[decide.__module__], "standing", None)
    return says(call) if says is not None else ""


def _listed(scopes: frozenset[str]) -> str:
    return ", ".join(f"'{scope}'" for scope in sorted(scopes))


def _about(decide: chain.Filter) -> str:
    """What a filter says of itself: the first paragraph of its module."""
    text = sys.modules[decide.__module__].__doc__ or ""
    return " ".join(text.partition("\n\n")[0].split())
