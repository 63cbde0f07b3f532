"""What a call's last message ended with: a secret may begin in one and end in the next.

Knows: the last words. Refuses to hold a message back for what may follow: what was said has been heard, and only the
rest of it can still be hidden.
"""

from narthex.limits import redaction_tail_chars_max
from narthex.policy.redaction.engine import Engine, Work


class Tail:
    """One for each call."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = ""

    def joined(self, engine: Engine, text: str, work: Work) -> str:
        """The text without the end of what began in the message before it."""
        return engine.after(self._last, text, work) if self._last else text

    def heard(self, text: str) -> None:
        self._last = (self._last + text)[-redaction_tail_chars_max:]
