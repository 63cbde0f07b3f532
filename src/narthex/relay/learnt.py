"""For which scopes of its own a server has refused calls of which tool. Kept with its offer, and so on disk.

Knows: the server's own words. Refuses to know: what they mean here (that is the configuration, when it is compiled),
and to keep a word that means nothing: what the operator withdraws is forgotten.
"""

import msgspec

from narthex.limits import learnt_tools_max
from narthex.model.config import Config
from narthex.model.offer import Offer

Words = dict[str, tuple[str, ...]]  # by tool, under its server's own name


class Learnt:
    """Of all servers. Bounded by the tools a server may have here, and by the words that mean something."""

    def __init__(self) -> None:
        self._of: dict[str, Words] = {}

    def load(self, offer: Offer) -> None:
        """What was known before this server was asked for its lists."""
        if offer.learnt:
            self._of.setdefault(offer.server, offer.learnt)

    def add(self, server: str, tool: str, words: frozenset[str]) -> bool:
        """Whether that is news. Raises `OverflowError` where there is no room for more."""
        known = self._of.get(server, {})
        before = known.get(tool, ())
        fresh = tuple(sorted(words.difference(before)))
        if not fresh:
            return False
        if tool not in known and len(known) >= learnt_tools_max:
            raise OverflowError
        self._of[server] = {**known, tool: before + fresh}
        return True

    def put(self, offer: Offer) -> Offer:
        """The offer with what is known of its server; the same where nothing changes."""
        known = self._of.get(offer.server, {})
        return offer if offer.learnt == known else msgspec.structs.replace(offer, learnt=known)

    def forget(self, server: str) -> None:
        """It has become another one."""
        self._of.pop(server, None)

    def keep(self, config: Config) -> None:
        """Only what means something in this configuration."""
        meant = {server.name: server.challenge_scopes for server in config.servers}
        for server, known in list(self._of.items()):
            left = {
                tool: tuple(word for word in words if word in meant.get(server, {})) for tool, words in known.items()
            }
            self._of[server] = {tool: words for tool, words in left.items() if words}
            if not self._of[server]:
                del self._of[server]
