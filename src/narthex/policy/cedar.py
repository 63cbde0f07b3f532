"""Rules in Cedar, asked in process: may this caller do this to this thing, with these arguments?

Knows: how a call looks to the rules (docs/scopes.md). Refuses to know: where the rules are kept. Whatever is not a
plain "allow" is a no: no decision, an error in any rule, arguments that Cedar cannot read.
"""

import hashlib
from functools import lru_cache
from importlib import import_module
from typing import Any

import msgspec

from narthex.limits import judged_callers_max, policy_context_bytes_max
from narthex.model.call import Call
from narthex.model.claims import words_in
from narthex.model.endpoint import Endpoint, Thing
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.policy.cedar_values import Unfit, cedar_value
from narthex.policy.cedar_words import messages, quoted
from narthex.policy.thing import thing_of
from narthex.wire.faults import FORBIDDEN

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)  # of whatever is not plain JSON


class NotInstalled(ValueError):
    """The language is an extra. The text says how to get it."""


class Rules:
    """The rules of one snapshot, parsed (`model.endpoint.Judge`). Equal where they say the same."""

    __slots__ = ("_caller", "_engine", "_policies", "_reads_context", "_says", "roles", "text")

    def __init__(self, text: str, roles: str | None = None) -> None:
        """`roles`: the claim that lists a caller's. Raises `ValueError` with the place in what is no Cedar."""
        self.text, self.roles = text, roles
        self._engine = _engine()
        self._policies = self._engine.PolicySet.from_str(text)
        self._says = messages(_decode(self._engine.policies_to_json_str(text)))
        self._reads_context = "context" in text  # else arguments need not be read, however large they are
        self._caller = lru_cache(judged_callers_max)(self._made)

    def __repr__(self) -> str:
        return f"<Rules: {len(self._policies)} policies>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rules) and (self.text, self.roles) == (other.text, other.roles)

    def __hash__(self) -> int:
        return hash((self.text, self.roles))

    def decide(self, call: Call) -> Denial | None:
        thing = thing_of(call)
        try:
            context = self._context(call)
            caller, entity = self._caller(call.principal)
            request = {
                "principal": {"type": "Caller", "id": caller},
                "action": {"type": "Action", "id": call.method},
                "resource": {"type": thing.kind, "id": thing.id},
                "context": context,
            }
            entities = f"[{entity},{_entity(call.endpoint, thing)}]"
        except Unfit as unfit:
            return _denied(call, "policy_unreadable", f"the operator's rules cannot read {unfit}", str(unfit))
        try:
            answer = self._engine.is_authorized_batch([request], self._policies, entities, None, False)[0]
        except ValueError as fault:
            return _denied(call, "policy_error", "the operator's rules cannot judge this call", str(fault))
        return self._denial(call, _decode(answer))

    def hides(self, endpoint: Endpoint, who: Principal, method: str, thing: Thing) -> bool:
        try:
            caller, entity = self._caller(who)
            request = {
                "principal": f'Caller::"{caller}"',
                "action": f'Action::"{method}"',
                "resource": f"{thing.kind}::{quoted(thing.id)}",
                "context": None if self._reads_context else "{}",
            }
            entities = f"[{entity},{_entity(endpoint, thing)}]"
            answer = _decode(self._engine.is_authorized_partial(request, self._policies, entities, None, False))
        except ValueError:  # `Unfit` among them: whoever cannot be judged may not call it either
            return True
        return bool(answer.get("decision") == "Deny" or answer["diagnostics"].get("errors"))

    def _denial(self, call: Call, answer: dict[str, Any]) -> Denial | None:
        diagnostics = answer["diagnostics"]
        errors, deciding = diagnostics.get("errors") or [], diagnostics.get("reason") or []
        if answer["decision"] == "Allow" and not errors:
            return None
        if answer["decision"] == "NoDecision" or errors:
            note = "; ".join(map(str, errors)) or "no decision"
            return _denied(call, "policy_error", "the operator's rules cannot judge this call", note)
        if not deciding:
            return _denied(call, "policy", "no rule of the operator allows it", "no policy permits it")
        names = [self._says[one].name for one in deciding if one in self._says]
        said = [self._says[one].message for one in deciding if one in self._says and self._says[one].message]
        return _denied(call, "policy", " ".join(said) or "a rule of the operator forbids it", f"by {', '.join(names)}")

    def _context(self, call: Call) -> str:
        if not self._reads_context:
            return "{}"
        arguments = call.params.get("arguments") if call.method != "completion/complete" else None
        text = _text({"arguments": cedar_value(arguments or {}), "endpoint": call.endpoint.name})
        if len(text) > policy_context_bytes_max:
            raise Unfit(f"arguments of more than {policy_context_bytes_max} bytes")
        return text

    def _made(self, who: Principal) -> tuple[str, str]:
        """An id that nobody can choose, and the caller as an entity. Raises `Unfit`."""
        opaque = hashlib.blake2b(who.key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        attributes = {
            "subject": who.subject,
            "tenant": who.tenant,
            "issuer": who.issuer,
            "client": who.client,
            "how": who.how,
            "scopes": sorted(who.scopes),
            "roles": list(words_in(who.claims, self.roles)) if self.roles is not None else [],
            "claims": cedar_value(dict(who.claims)),
        }
        return opaque, _text({"uid": {"type": "Caller", "id": opaque}, "attrs": attributes, "parents": []})


def _entity(endpoint: Endpoint, thing: Thing) -> str:
    """Raises `Unfit`."""
    attributes: dict[str, Any] = {
        "server": thing.server,
        "name": thing.name,
        "public": thing.public,
        "endpoint": endpoint.name,
    }
    if thing.tool is not None:
        believed = endpoint.reach[thing.server].trusted
        attributes |= {
            "read_only": believed and thing.tool.read_only,
            "idempotent": believed and thing.tool.idempotent,
        }
    parents = [{"type": "Server", "id": thing.server}, {"type": "Endpoint", "id": endpoint.name}]
    return _text({"uid": {"type": thing.kind, "id": thing.id}, "attrs": attributes, "parents": parents})


def _text(value: Any) -> str:
    try:
        return _encode(value).decode()
    except _UNREADABLE:
        raise Unfit("text that is no Unicode") from None


def _denied(call: Call, reason: str, why: str, note: str) -> Denial:
    code = None if call.method == "tools/call" else FORBIDDEN
    ended = why if why.endswith((".", "!", "?")) else f"{why}."
    return Denial("policies", reason, f"Permission denied: '{call.exposed}': {ended}", code=code, note=note)


def _engine() -> Any:
    try:
        import_module("cedarpy")  # an extra: most houses have no rules of this kind
    except ImportError:
        raise NotInstalled("pip install 'narthex[cedar]'") from None
    return import_module("cedarpy._internal")
