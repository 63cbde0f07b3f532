"""What policies say of themselves: a name for the operator (`@id`), a sentence for the caller (`@message`).

Knows: the annotations of Cedar, and how its texts are quoted. Refuses to know: what a policy decides.
"""

from typing import Any, NamedTuple

_ESCAPES = {'"': '\\"', "\\": "\\\\"}


class Words(NamedTuple):
    name: str
    message: str


def messages(policies: dict[str, Any]) -> dict[str, Words]:
    """By the id that decisions carry. `policies`: a set of them as Cedar's JSON."""
    found = {}
    for policy, body in policies.get("staticPolicies", {}).items():
        said = body.get("annotations") or {}
        found[policy] = Words(str(said.get("id") or policy), str(said.get("message") or ""))
    return found


def quoted(text: str) -> str:
    """A text as Cedar writes it."""
    return '"' + "".join(_ESCAPES.get(sign) or (sign if sign.isprintable() else _escaped(sign)) for sign in text) + '"'


def _escaped(sign: str) -> str:
    return f"\\u{{{ord(sign):x}}}"
