"""Secrets do not reach the log: masked by the name of their field, or by the look of the text.

Knows: names and shapes of secrets. Refuses to know: the secrets; it is the last net, not the first.
"""

import math
import re
from collections.abc import Mapping

from narthex.telemetry.plain import plain

MASK = "***"
depth_max = 4
items_max = 50

_NAME = re.compile(
    r"(?:secret|token|password|apikey|authorization|cookie)$"
    r"|(?:^|[-_.\s])(?:passwd|passphrase|credential|(?:api|private)[-_ ]?key|secret|token|password|cookie)s?$",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_ASSIGNED = re.compile(
    r"((?:authorization|cookie|passw(?:or)?d|secret|token|api[-_]?key)[\"']?\s*[=:]\s*)(?!(?:bearer|basic)\b)[\"']?[^\s\"'&,;}]+",
    re.IGNORECASE,
)


def scrubbed(name: str, value: object, depth: int = 0) -> object:
    """`value` as it may be written under `name`: JSON types only, text on one line, secrets masked."""
    if _NAME.search(name) and value not in (None, "", False):
        return MASK
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= depth_max:
        return "…"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:items_max]
        return {plain(str(key)): scrubbed(str(key), item, depth + 1) for key, item in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrubbed("", item, depth + 1) for item in list(value)[:items_max]]
    return scrubbed_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def scrubbed_text(text: str) -> str:
    """`text` on one line, without what looks like a credential."""
    text = plain(text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _USERINFO.sub(f"{MASK}@", text)
    return _ASSIGNED.sub(rf"\1{MASK}", text)
