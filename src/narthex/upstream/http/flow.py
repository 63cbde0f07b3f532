"""A hand on the tap of one call whose answer is a stream.

Knows: how to make the server wait. Refuses to know: who is slow.
"""

import asyncio

from narthex.upstream.http.connection import Connection
from narthex.upstream.http.reply import HttpReply


class Flow:
    """Given to `HttpClient.post`, usable while that call runs; before and after it does nothing.

    What has already been read from the socket is still delivered after `pause`: at most one buffer.
    """

    __slots__ = ("_answer", "_connection")

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._answer: asyncio.Future[HttpReply] | None = None

    def bind(self, connection: Connection, answer: "asyncio.Future[HttpReply]") -> None:
        self._connection = connection
        self._answer = answer

    def pause(self) -> None:
        # The connection may serve somebody else before the caller of the finished call has woken up.
        if self._connection is not None and self._connection.serves(self._answer):
            self._connection.pause()

    def resume(self) -> None:
        if self._connection is not None and self._connection.serves(self._answer):
            self._connection.resume()
