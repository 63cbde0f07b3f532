"""What an operator asks when somebody was let in or not: who, what, and with which arguments.

Knows: the form of the question and of the answer. Refuses to know: who decides (`relay/explain`), and whether a
credential is genuine: the operator says whom they suppose.
"""

import time
from typing import Any

import msgspec

from narthex.identity.authority import Authority
from narthex.model.config import Config
from narthex.model.identity import LOCAL, Principal, Refusal
from narthex.relay.explain import Look, described, explain, unseen
from narthex.relay.slot import Slot
from narthex.wire.api_key import named_prefix

Tree = dict[str, Any]


class NoAnswer(ValueError):
    """The question cannot be answered. The text says why, and what to ask instead."""


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of `key`, `scopes` and `claims`, and exactly one of `tool`, `prompt` and `resource`."""

    key: str | None = None
    scopes: list[str] | None = None
    claims: Tree | None = None
    tool: str | None = None
    prompt: str | None = None
    resource: str | None = None
    arguments: Tree = {}
    endpoint: str = ""


class Explaining:
    """Answers from memory, at once: it asks no issuer and no server."""

    def __init__(self, slot: Slot, authority: Authority, look: Look = unseen) -> None:
        self._slot, self._authority, self._look = slot, authority, look

    def explain(self, question: object) -> Tree:
        """Raises `NoAnswer`."""
        try:
            asked = msgspec.convert(question, Asked)
        except msgspec.ValidationError as error:
            raise NoAnswer(f"{error}.") from None
        world = self._slot.current
        config: Config = world.config
        endpoint = world.endpoints.get(asked.endpoint)
        if endpoint is None:
            names = ", ".join(sorted(name for name in world.endpoints if name)) or "none but /mcp"
            raise NoAnswer(f"There is no endpoint '{asked.endpoint}'. There is: {names}.")
        method, params = _what(asked)
        found = self._who(asked)
        barred = found.message if isinstance(found, Refusal) else ""
        who = found if isinstance(found, Principal) else Principal("nobody")
        return described(explain(config, endpoint, who, method, params, barred, self._look))

    def _who(self, asked: Asked) -> Principal | Refusal:
        if sum(one is not None for one in (asked.key, asked.scopes, asked.claims)) != 1:
            raise NoAnswer("Say who calls: by one of 'key' (its prefix), 'scopes' and 'claims'.")
        if self._authority.open:
            return LOCAL  # without authentication everybody is the same person
        now = time.time()
        if asked.scopes is not None:
            return self._authority.supposed_scopes(asked.scopes)
        if asked.claims is not None:
            return self._authority.supposed_claims(asked.claims, now)
        prefix = named_prefix(asked.key or "")
        found = self._authority.supposed_key(prefix, now) if prefix is not None else None
        if found is None:
            raise NoAnswer("There is no such API key. 'narthex keys list' shows their prefixes.")
        return found


def _what(asked: Asked) -> tuple[str, Tree]:
    named = [(kind, name) for kind in ("tool", "prompt", "resource") if (name := getattr(asked, kind)) is not None]
    if len(named) != 1:
        raise NoAnswer("Say what is called: one of 'tool', 'prompt' and 'resource', by its public name or URI.")
    kind, name = named[0]
    if kind == "resource":
        return "resources/read", {"uri": name}
    return ("tools/call" if kind == "tool" else "prompts/get"), {"name": name, "arguments": asked.arguments}


_TEXT: Tree = {"type": "string"}
_TEXTS: Tree = {"type": "array", "items": _TEXT}
_MAYBE: Tree = {"type": ["string", "null"]}
QUESTION: Tree = {
    "type": "object",
    "description": "Who: one of key, scopes, claims. What: one of tool, prompt, resource.",
    "properties": {
        "key": {**_TEXT, "description": "The prefix of an API key."},
        "scopes": _TEXTS,
        "claims": {"type": "object", "description": "Those of a token, which is supposed to be genuine."},
        "tool": _TEXT,
        "prompt": _TEXT,
        "resource": _TEXT,
        "arguments": {"type": "object"},
        "endpoint": {**_TEXT, "description": "Absent: /mcp."},
    },
    "additionalProperties": False,
}
ANSWER: Tree = {
    "type": "object",
    "properties": {
        "allowed": {"type": "boolean"},
        "decided_by": _MAYBE,
        "told": {**_MAYBE, "description": "The words the caller would get."},
        "method": _TEXT,
        "endpoint": _TEXT,
        "name": _TEXT,
        "server": _MAYBE,
        "listed": {"type": "boolean", "description": "Whether the caller finds it in its list."},
        "caller": {"type": "object"},
        "required_scopes": _TEXTS,
        "granted_scopes": _TEXTS,
        "missing_scopes": _TEXTS,
        "rules": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "Which rules hold for this call, and where each stands in the configuration.",
        },
        "required_by": {
            "type": "array",
            "items": {"type": "object", "properties": {"where": _TEXT, "scopes": _TEXTS}, "required": ["where"]},
        },
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": _TEXT,
                    "about": _TEXT,
                    "verdict": {"enum": ["passed", "denied", "not reached"]},
                    "why": _TEXT,
                },
                "required": ["name", "about", "verdict", "why"],
            },
        },
    },
    "required": ["allowed", "decided_by", "told", "steps", "required_scopes", "missing_scopes", "required_by"],
}
