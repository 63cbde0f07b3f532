"""Secrets that must not stand in any text, found by the text and not by the secrets: there may be very many.

Knows: secrets, by who put them, and how they begin. Refuses to know: what they are for.
"""

from collections.abc import Sequence

from narthex.telemetry.scrub import MASK

_HEAD_CHARS = 16  # real tokens are longer; a shorter one is looked up as a whole


class Masks:
    """A secret is found wherever it stands in a text: in a URL, in JSON, between quotes."""

    __slots__ = ("_by_head", "_counts", "_put")

    def __init__(self) -> None:
        self._put: dict[str, tuple[str, ...]] = {}
        self._counts: dict[str, int] = {}  # the secret of a client is in many grants
        self._by_head: dict[int, dict[str, list[str]]] = {}  # by length of the head, then by the head

    def __repr__(self) -> str:
        return f"<Masks of {len(self._put)}>"

    def put(self, whose: str, secrets: Sequence[str]) -> None:
        """In place of what was put for them before."""
        self.drop(whose)
        found = self._put[whose] = tuple(secret for secret in secrets if secret)
        for secret in found:
            count = self._counts.get(secret, 0)
            self._counts[secret] = count + 1
            if not count:
                head = secret[:_HEAD_CHARS]
                self._by_head.setdefault(len(head), {}).setdefault(head, []).append(secret)

    def drop(self, whose: str) -> None:
        for secret in self._put.pop(whose, ()):
            self._counts[secret] -= 1
            if not self._counts[secret]:
                del self._counts[secret]
                self._forget(secret)

    def hide(self, text: str) -> str:
        """Longer ones first: one may be the beginning of another."""
        for secret in sorted(self._in(text), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _in(self, text: str) -> set[str]:
        found: set[str] = set()
        for chars, heads in self._by_head.items():
            for at in range(len(text) - chars + 1):
                for secret in heads.get(text[at : at + chars], ()):
                    if text.startswith(secret, at):
                        found.add(secret)
        return found

    def _forget(self, secret: str) -> None:
        head = secret[:_HEAD_CHARS]
        heads = self._by_head[len(head)]
        heads[head].remove(secret)
        if not heads[head]:
            del heads[head]
        if not heads:
            del self._by_head[len(head)]
