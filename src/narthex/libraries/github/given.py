"""What the library is given: where GitHub is, and whose token is shown there.

Knows: settings, secrets, the environment. Refuses to show a token to anybody but GitHub.

Address and token come from the same place, both from the configuration or both from the environment: a token that
somebody has exported for one GitHub is never shown to another.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from narthex import Principal, ToolError
from narthex.libraries.github.bounds import seconds_default, seconds_max
from narthex.libraries.surroundings import Surroundings

PUBLIC = "https://api.github.com"
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\U0010ffff@?#\\%]+")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Given:
    """`tokens` are of users: by subject, and by tenant and subject where there are tenants.

    `around` comes from the environment alone: where callers are told apart, nobody has said that it is for all of them.
    """

    base: str
    seconds: float = seconds_default
    token: str = field(default="", repr=False)
    tokens: Mapping[str, Any] = field(default_factory=dict, repr=False)
    claim: str = ""
    around: str = field(default="", repr=False)

    def token_of(self, who: Principal | None) -> str:
        """The caller's own, else the one for all; empty where there is none at all. Raises ToolError."""
        token = self._own(who) or self.token or (self.around if who is None else "")
        if token:
            return _checked(token.strip())
        if self.tokens or self.claim:
            raise ToolError("You have no GitHub token here. Ask whoever runs this gateway for one of your own.")
        return ""

    def _own(self, who: Principal | None) -> str:
        if who is None:
            return ""
        found = who.claims.get(self.claim) if self.claim else None
        if found is None:
            users = self.tokens.get(who.tenant) if who.tenant else self.tokens
            found = users.get(who.subject) if isinstance(users, Mapping) else None
        return found if isinstance(found, str) else ""


def read(given: Surroundings, environ: Mapping[str, str] = os.environ) -> Given:
    """Raises ToolError where it cannot be meant."""
    settings, secrets = given.settings, given.secrets
    base, claim = settings.get("base_url"), settings.get("token_claim", "")
    token, tokens, around = secrets.get("GITHUB_TOKEN", ""), _tokens(secrets.get("USER_TOKENS", "")), ""
    if not (base or claim or token or tokens):
        base, around = environ.get("GITHUB_API_URL"), environ.get("GITHUB_TOKEN", "")
    if not isinstance(claim, str):
        raise _wrong("`token_claim` is the name of a claim")
    seconds = _seconds(settings.get("seconds", seconds_default))
    return Given(_base(base or PUBLIC), seconds, token, tokens, claim, around)


def _base(text: Any) -> str:
    wrong = _wrong("`base_url` is an address like https://github.example.com/api/v3, without user, query and fragment")
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text) or ".." in text:
        raise wrong
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.port == 0:
            raise wrong
    except ValueError:  # of the port, or of brackets
        raise wrong from None
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise _wrong("`base_url` begins with https://, or the token would travel in the clear")
    return text.rstrip("/")


def _tokens(text: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, str | dict[str, str]]) if text else {}
    except msgspec.DecodeError:
        raise _wrong('the secret USER_TOKENS is JSON: {"ana": "token"}, or {"tenant": {"ana": "token"}}') from None


def _seconds(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= seconds_max:
        raise _wrong(f"`seconds` is a number up to {seconds_max:g}")
    return float(value)


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise _wrong("the GitHub token has blanks or signs that no token has")
    return token


def _wrong(what: str) -> ToolError:
    return ToolError(f"The GitHub library is not set up: {what}. Whoever runs this can mend it.")
