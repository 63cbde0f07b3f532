"""The caller as a proxy in front names them, which has signed them in already.

Knows: from which addresses that is believed. Refuses to believe anything else: what counts is who holds the other end
of the connection. `X-Forwarded-For`, `Forwarded` and their kin are never asked; everybody can write them.
"""

import re

from narthex.limits import api_key_scopes_max, forwarded_callers_max, subject_chars_max
from narthex.model.authentication import ProxyConfig
from narthex.model.identity import Principal, Refusal
from narthex.wire.addresses import networks, plain

# No comma: two headers that somebody in between has joined to one look like that (RFC 9110, 5.3), and the first of
# them may be the caller's own.
_SUBJECT = re.compile(r"[!-+\--~](?:[ -+\--~]*[!-+\--~])?")
_SCOPE = re.compile(r"[\x21\x23-\x2B\x2D-\x5B\x5D-\x7E]{1,256}")


class Forwarded:
    """Who calls through the proxies of this configuration. ValueError: an address in it is none.

    What was found for one connection says nothing about another: the same headers from elsewhere name nobody.
    """

    __slots__ = ("_known", "_networks", "_peers", "headers")

    def __init__(self, config: ProxyConfig) -> None:
        # Of subject and scopes, as `credential.of` looks for them.
        self.headers = config.subject.lower().encode("ascii"), (config.scopes or "").lower().encode("ascii")
        self._networks = networks(config.addresses)
        self._peers: dict[str, bool] = {}
        self._known: dict[tuple[str, str], Principal] = {}

    @property
    def remembered(self) -> int:
        """Callers and addresses, together."""
        return len(self._known) + len(self._peers)

    def vouches(self, peer: str) -> bool:
        """Whether this other end of a connection is one of the proxies."""
        known = self._peers.get(peer)
        if known is None:
            address = plain(peer)
            known = address is not None and any(address in network for network in self._networks)
            if len(self._peers) >= forwarded_callers_max:
                self._peers.clear()
            self._peers[peer] = known
        return known

    def principal(self, peer: str, said: tuple[str, str] | None) -> Principal | Refusal | None:
        """Whom `said` (subject and scopes, as the headers have them) names, coming from `peer`. None: nobody."""
        if said is None or not self.vouches(peer):
            return None
        who = self._known.get(said)
        if who is None:
            made = _made(*said)
            if isinstance(made, Refusal):
                return made
            if len(self._known) >= forwarded_callers_max:
                self._known.clear()
            who = self._known[said] = made
        return who


def _made(subject: str, scopes: str) -> Principal | Refusal:
    if not _SUBJECT.fullmatch(subject) or len(subject) > subject_chars_max:
        return _malformed("The proxy in front names a caller that cannot be one: no commas, no control characters.")
    granted = scopes.split()
    if len(granted) > api_key_scopes_max or not all(_SCOPE.fullmatch(scope) for scope in granted):
        return _malformed("The proxy in front lists scopes that cannot be scopes: words, separated by spaces.")
    return Principal(subject=subject, scopes=frozenset(granted), how="proxy")


def _malformed(message: str) -> Refusal:
    return Refusal(400, "invalid_request", message)
