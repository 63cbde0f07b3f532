"""Answers that GitHub has given, with the marks by which it says that they still hold.

Knows: so many bytes of them, the one used longest ago goes first. Refuses to give one out unasked: GitHub says each
time whether it holds, which costs nothing of a rate limit.
"""

from collections import OrderedDict
from dataclasses import dataclass

from narthex.libraries.github.bounds import kept_answer_bytes_max, kept_answers_max, kept_bytes_max

Key = tuple[str, str, str]  # whose it is, URL, form: what one may see, another may not


@dataclass(frozen=True, slots=True)
class Reply:
    """What GitHub answered."""

    body: bytes
    link: str = ""
    etag: str = ""
    cut: bool = False  # there was more of it


class Keeper:
    """Replies by who asked for what."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Reply] = OrderedDict()
        self.bytes = 0

    def find(self, key: Key) -> Reply | None:
        reply = self._kept.get(key)
        if reply is not None:
            self._kept.move_to_end(key)
        return reply

    def keep(self, key: Key, reply: Reply) -> None:
        self.drop(key)
        if not reply.etag or reply.cut or len(reply.body) > kept_answer_bytes_max:
            return
        self._kept[key] = reply
        self.bytes += len(reply.body)
        while self.bytes > kept_bytes_max or len(self._kept) > kept_answers_max:
            self.drop(next(iter(self._kept)))

    def drop(self, key: Key) -> None:
        reply = self._kept.pop(key, None)
        if reply is not None:
            self.bytes -= len(reply.body)
