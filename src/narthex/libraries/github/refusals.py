"""What GitHub's refusals mean, in words that a model can act on.

Knows: the statuses and bodies that its documentation names. Refuses to repeat a token, or more than a few words of what
it is not sure of.
"""

from collections.abc import Mapping

import msgspec

from narthex import ToolError
from narthex.libraries.github.bounds import quoted_chars_max

_MEANING = {
    400: "GitHub did not understand the request",
    401: "GitHub does not take the token. Whoever runs this can give a new one",
    403: "GitHub forbids this to the token that is used here",
    404: "Not found, or the token that is used here may not see it. Check owner, repository and names; "
    "search_repos and list_directory find them",
    409: "This does not fit the state of the repository",
    410: "This is gone, or switched off in this repository",
    413: "This is too large for GitHub",
    422: "GitHub cannot do this as it was asked. Mend the arguments",
    451: "This is not available for legal reasons",
}
_FLAWS_MAX = 5


class _Flaw(msgspec.Struct):
    """One of the `errors` of a refusal."""

    resource: str | None = None
    field: str | None = None
    code: str | None = None
    message: str | None = None

    def sentence(self) -> str:
        where = ".".join(one for one in (self.resource, self.field) if one)
        return " ".join(one for one in (where, self.message or self.code or "") if one)


class _Said(msgspec.Struct):
    message: str | None = None
    errors: list[_Flaw | str] | str | None = None

    def sentence(self) -> str:
        errors = [self.errors] if isinstance(self.errors, str) else self.errors or []
        flaws = [one if isinstance(one, str) else one.sentence() for one in errors[:_FLAWS_MAX]]
        return "; ".join(one for one in (self.message or "", *flaws) if one)


def words_of(body: bytes) -> str:
    """What GitHub says itself; empty where it is no JSON of the usual form, as from a proxy in between."""
    try:
        said = msgspec.json.decode(body, type=_Said).sentence()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    plain = "".join(sign if sign.isprintable() else " " for sign in said)
    return plain if len(plain) <= quoted_chars_max else plain[: quoted_chars_max - 1] + "…"


def refusal(status: int, said: str, headers: Mapping[str, str], token: str) -> ToolError:
    """For an answer that is neither what was asked for nor a rate limit."""
    meaning = _MEANING.get(status, f"GitHub answered with status {status}")
    if status >= 500:
        meaning = f"GitHub is not well (status {status}). Try again later"
    sentences = [f"{meaning}."]
    if said:
        sentences.append(f"GitHub says: {said.rstrip('.')}.")
    needed = headers.get("x-accepted-github-permissions", "")
    if status == 403 and needed.isascii() and needed.isprintable() and needed:
        sentences.append(f"The token would need: {needed[:100]}.")
    return ToolError(without(token, " ".join(sentences)))


def limited(resource: str, seconds: int, *, asked: bool) -> ToolError:
    """`asked`: GitHub refused; otherwise it was not even asked."""
    what = "searches" if resource == "search" else "requests"
    why = "says that there were too many" if asked else "has taken its last"
    later = f"Wait {seconds} seconds before you try again" if seconds > 1 else "Wait a second before you try again"
    return ToolError(f"GitHub's rate limit: it {why} {what} for now. {later}; sooner it would be refused again.")


def without(token: str, text: str) -> str:
    return text.replace(token, "***") if token else text
