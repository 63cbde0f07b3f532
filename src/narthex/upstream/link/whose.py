"""Whose a conversation is: one caller's alone, or the gateway's own, which several may share.

Knows: that what belongs to one caller is never used for another. Refuses to know: what a server is shown of either.
"""

from narthex.model.caller import Caller, Known
from narthex.upstream.link.ask import Ask


class Whose:
    __slots__ = ("_personal", "caller")

    def __init__(self, caller: Caller | None, *, personal: bool) -> None:
        """`personal`: the server is shown something else by each caller."""
        self.caller = caller
        self._personal = personal

    def of(self, ask: Ask) -> Caller | None:
        """For whom this request in it is."""
        mine, asking = self.caller, ask.caller
        if mine is None:
            if asking is not None and self._personal:
                raise RuntimeError("a caller in the gateway's own conversation")
            return asking
        if asking is None:
            return mine
        if asking.principal.key != mine.principal.key:
            raise RuntimeError("a caller in the conversation of another")
        if asking.principal is not mine.principal:
            self.caller = Known(asking.principal)  # the same caller, who has another token by now
        return asking
