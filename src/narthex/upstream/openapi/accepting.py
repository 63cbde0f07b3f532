"""Which forms of an answer are asked for: those that the document names for success, JSON before all others.

Knows: media types. Refuses to know: what an answer holds.
"""

import re
from typing import Any

from narthex.limits import http_accepted_types_max
from narthex.upstream.openapi.answers import is_json
from narthex.upstream.openapi.document import BadDocument, Document

USUAL = "application/json, */*;q=0.5"
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")


def accepted(document: Document, responses: Any) -> str:
    """The `Accept` header. Whatever is not named there is taken too, if the API has nothing else."""
    named = list(dict.fromkeys(kind for kind in _named(document, responses) if _TYPE.fullmatch(kind)))
    first = [kind for kind in named if is_json(kind.lower())] or named
    if not first or first == ["application/json"]:
        return USUAL
    others = [kind for kind in named if kind not in first]
    kinds = [*first[:http_accepted_types_max], *(f"{kind};q=0.8" for kind in others[:http_accepted_types_max])]
    return ", ".join([*kinds, "*/*;q=0.5"])


def _named(document: Document, responses: Any) -> list[str]:
    found: list[str] = []
    for status, raw in responses.items() if type(responses) is dict else ():
        if not status.startswith("2"):
            continue
        try:
            content = document.follow(raw).get("content")
        except BadDocument:
            continue
        found += content if type(content) is dict else []
    return found
