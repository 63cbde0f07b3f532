"""The sending half of a connection: how much waits for a slow reader, and how long.

Knows: the transport, backpressure, the least a reader must take. Refuses to know: what is sent.
"""

import asyncio
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narthex.edge.listener import Listener


class SendingHalf(asyncio.Protocol):
    """A reader that takes too little in `stream_stalled_seconds_max` is let go: our memory is not its disk."""

    __slots__ = ("_drain_mark", "_listener", "_transport", "drain_deadline", "write_paused")

    _transport: asyncio.Transport

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._drain_mark = 0  # bytes that waited when the reader was last judged
        self.drain_deadline = inf
        self.write_paused = False

    def now(self) -> float:
        return self._listener.now

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def pause_writing(self) -> None:
        self.write_paused = True
        self.mark_drain()

    def resume_writing(self) -> None:
        self.write_paused = False
        self.drain_deadline = inf
        self.room_again()

    def room_again(self) -> None:
        """The reader has made room."""
        raise NotImplementedError

    @property
    def unsent_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    def mark_drain(self) -> None:
        self._drain_mark = self.unsent_bytes
        self.drain_deadline = self._listener.now + self._listener.limits.stream_stalled_seconds_max

    def expire_drain(self) -> None:
        """`drain_deadline` has passed: did the reader take little, or nothing?"""
        limits = self._listener.limits
        if self._drain_mark - self.unsent_bytes < limits.body_bytes_per_second_min * limits.stream_stalled_seconds_max:
            self.abort()
        else:
            self.mark_drain()

    def abort(self) -> None:
        self._transport.abort()
