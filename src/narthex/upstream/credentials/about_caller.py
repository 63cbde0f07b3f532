"""Headers about whom a request is for: from claims, and from headers of the client that the operator lets pass.

Knows: `${claims.…}` in a configured header, and what no header may hold. Refuses to know: the rules of which headers
may be passed on (`model.credentials`); the configuration was checked against them.
"""

import re

from narthex.limits import header_claim_bytes_max
from narthex.model.caller import Caller
from narthex.model.claims import claim_of
from narthex.model.config import ServerConfig
from narthex.model.identity import Principal
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.http.head import VALUE

_FORM = re.compile(r"\$\{(claims|principal)\.([^{}]+)\}")
_OF_PRINCIPAL = ("subject", "tenant", "issuer", "client")


class AboutCaller:
    """What of the configuration of a server speaks of callers. Empty for most."""

    def __init__(self, config: ServerConfig) -> None:
        self._templates = {name: value for name, value in config.headers.items() if speaks_of_caller(value)}
        self._passed = frozenset(name.lower().encode("ascii") for name in config.pass_headers)

    def __bool__(self) -> bool:
        return bool(self._templates or self._passed)

    def lines(self, caller: Caller | None) -> bytes:
        """Raises CredentialFault for a caller who lacks a claim: a server that wants to know who calls is not asked
        without saying so. Nothing where the gateway asks for itself."""
        if caller is None:
            return b""
        lines = bytearray()
        for name, template in self._templates.items():
            lines += b"%b: %b\r\n" % (name.encode("ascii"), _filled(template, caller.principal))
        for passed, said in caller.carried:
            if passed in self._passed:
                lines += b"%b: %b\r\n" % (passed, said)
        return bytes(lines)


def speaks_of_caller(value: str) -> bool:
    return _FORM.search(value) is not None


def forms_in(value: str) -> list[tuple[str, str]]:
    """`("claims", "sub")` for each `${claims.sub}`."""
    return [(found[1], found[2]) for found in _FORM.finditer(value)]


def _filled(template: str, principal: Principal) -> bytes:
    def of(found: re.Match[str]) -> str:
        value = _value(found[1], found[2], principal)
        if value is None:
            raise _lacks(f"your credential has no '{found[2]}'")
        return value

    filled = _FORM.sub(of, template).encode("utf-8", "replace")
    if not VALUE.fullmatch(filled) or len(filled) > header_claim_bytes_max:
        raise _lacks("what your credential says of you is too long, or holds control characters")
    return filled


def _value(kind: str, name: str, principal: Principal) -> str | None:
    if kind == "principal":
        return getattr(principal, name) or None if name in _OF_PRINCIPAL else None
    found = claim_of(principal.claims, name)
    if isinstance(found, list) and all(isinstance(one, str) and "," not in one for one in found):
        found = ",".join(found)
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, str | int) and found != "" else None


def _lacks(what: str) -> CredentialFault:
    return CredentialFault(f"it wants to know who calls, and {what}")
