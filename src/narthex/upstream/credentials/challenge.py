"""What a server says with a refusal: the `WWW-Authenticate` header (RFC 9110, 11.6.1; RFC 6750, 3; RFC 9728, 5.1).

Knows: the parts that tell a client what to do. Refuses to believe the rest.
"""

import re

import msgspec

from narthex.limits import challenge_bytes_max, challenge_scopes_max
from narthex.upstream.http.reply import HttpReply

_PART = re.compile(r'([A-Za-z0-9!#$%&*+.^_|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?')
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}")


class Challenge(msgspec.Struct, frozen=True):
    error: str = ""
    scopes: frozenset[str] = frozenset()
    resource_metadata: str = ""


NO_CHALLENGE = Challenge()


def challenge_of(reply: HttpReply) -> Challenge:
    """Of the Bearer scheme; an empty one where nothing is said."""
    header = reply.headers.get(b"www-authenticate", b"")
    if len(header) > challenge_bytes_max:
        return NO_CHALLENGE
    found: dict[str, str] = {}
    bearer = False
    for name, quoted, plain in (part.groups() for part in _PART.finditer(header.decode("latin-1"))):
        if quoted is None and plain is None:
            bearer = name.lower() == "bearer"
        elif bearer:
            found.setdefault(name.lower(), plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return Challenge(
        error=found.get("error", ""),
        scopes=scopes_in(found.get("scope", "")),
        resource_metadata=found.get("resource_metadata", ""),
    )


def scopes_asked(reply: HttpReply) -> frozenset[str]:
    """What this refusal asks for, in the server's own words; nothing where it is for another reason."""
    if reply.status != 403:
        return NO_CHALLENGE.scopes
    found = challenge_of(reply)
    return found.scopes if found.error == "insufficient_scope" else NO_CHALLENGE.scopes


def scopes_in(text: str) -> frozenset[str]:
    """The words that can be scopes."""
    return frozenset(word for word in text.split()[:challenge_scopes_max] if _SCOPE.fullmatch(word))
