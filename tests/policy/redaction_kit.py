"""Rules, ready to look at a text, and what they leave of it."""

import json
from typing import Any

from narthex.model.rules.redaction import Redaction
from narthex.policy.redaction.compiling import Compiled, compiled_rule
from narthex.policy.redaction.engine import Work
from narthex.policy.redaction.matcher import Budget

RAW = {"ensure_ascii": False, "separators": (",", ":")}


def ready(**rule: Any) -> Compiled:
    return compiled_rule(Redaction(**{"detect": ("all",), **rule}))


def work(size: int = 1_000_000, spared: frozenset[str] = frozenset()) -> Work:
    return Work(Budget(size), lambda kind, action, value: f"<{action} {kind} {len(value)}>", spared)


def left_of(raw: bytes, **rule: Any) -> bytes:
    return ready(**rule).engine.json(raw, work(len(raw)))


def shown(value: Any, **rule: Any) -> Any:
    """What is left of a value that was written as JSON, read again."""
    return json.loads(left_of(json.dumps(value, **RAW).encode(), **rule))


def text_left(text: str, **rule: Any) -> str:
    found: str = shown(text, **rule)
    return found
