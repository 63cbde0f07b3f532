"""The HTTP client of a server that wants to be shown something: each request carries it, and is repeated once.

Knows: that 401 and 403 mean that the server did nothing. Refuses to know: what is shown.
"""

import asyncio

from narthex.limits import Limits
from narthex.model.caller import Caller
from narthex.model.deadline import Deadline, moment_of
from narthex.upstream.credentials.challenge import scopes_asked
from narthex.upstream.credentials.face import CredentialFault, Credentials
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.connection import OnEvent
from narthex.upstream.http.passes import Pass
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.stream import HttpStream

REFUSED = (401, 403)


class BearingClient(HttpClient):
    """Raises CredentialFault besides. `shown` is what a request carried that was not sent by `post`."""

    def __init__(
        self, url: str, limits: Limits, *, headers: tuple[tuple[bytes, bytes], ...], credentials: Credentials
    ) -> None:
        super().__init__(url, limits, allow_private=True, headers=headers)
        self.credentials = credentials
        self._loop = asyncio.get_running_loop()

    @property
    def personal(self) -> bool:
        return self.credentials.personal

    def shows(self, caller: Caller | None) -> Pass | None:
        return self.credentials.ready(caller)

    async def repeat(
        self,
        reply: HttpReply,
        shown: Pass,
        headers: bytes,
        body: bytes,
        *,
        deadline: Deadline | float,
        on_event: OnEvent | None = None,
        caller: Caller | None = None,
    ) -> HttpReply:
        return await self._repeated(reply, shown, self._post_head, headers, body, deadline, on_event, caller)

    async def _exchange(
        self,
        head: bytes,
        headers: bytes,
        body: bytes,
        deadline: Deadline | float,
        on_event: OnEvent | None,
        caller: Caller | None = None,
    ) -> HttpReply:
        shown = await self._shown(caller, deadline)
        reply = await super()._exchange(head, headers + shown.lines, body, deadline, on_event)
        return await self._repeated(reply, shown, head, headers, body, deadline, on_event, caller)

    async def _repeated(
        self,
        reply: HttpReply,
        shown: Pass,
        head: bytes,
        headers: bytes,
        body: bytes,
        deadline: Deadline | float,
        on_event: OnEvent | None,
        caller: Caller | None,
    ) -> HttpReply:
        """The answer; where what was shown was refused, and there is something better, that to a second try."""
        if reply.status not in REFUSED:
            return reply
        if caller is not None and (asked := scopes_asked(reply)) and caller.asked_for(asked):
            return reply
        again = await self._better(shown, caller, reply, deadline)
        if again is None:
            return self._judged(reply, shown)
        answer = await super()._exchange(head, headers + again.lines, body, deadline, on_event)
        await self._refused_again(again, caller, answer, deadline)
        return self._judged(answer, again)

    async def open_stream(
        self,
        method: str,
        headers: bytes = b"",
        body: bytes = b"",
        *,
        deadline: Deadline | float,
        path: str | None = None,
        caller: Caller | None = None,
    ) -> HttpStream:
        shown = await self._shown(caller, deadline)
        stream = await super().open_stream(method, headers + shown.lines, body, deadline=deadline, path=path)
        if stream.reply.status not in REFUSED:
            return stream
        await stream.aclose()
        again = await self._better(shown, caller, stream.reply, deadline)
        if again is not None:
            stream = await super().open_stream(method, headers + again.lines, body, deadline=deadline, path=path)
            if stream.reply.status == 401:
                await stream.aclose()
            await self._refused_again(again, caller, stream.reply, deadline)
        self._judged(stream.reply, again or shown)
        return stream

    async def aclose(self) -> None:
        await self.credentials.aclose()
        await super().aclose()

    async def _shown(self, caller: Caller | None, deadline: Deadline | float) -> Pass:
        shown = self.credentials.ready(caller)
        if shown is None:
            shown = await self.credentials.get(caller, moment_of(deadline))
            _waited(deadline, self._loop.time())
        return shown

    async def _better(
        self, shown: Pass, caller: Caller | None, reply: HttpReply, deadline: Deadline | float
    ) -> Pass | None:
        again = await self.credentials.refused(shown, caller, reply, moment_of(deadline))
        _waited(deadline, self._loop.time())
        return again

    async def _refused_again(
        self, shown: Pass, caller: Caller | None, reply: HttpReply, deadline: Deadline | float
    ) -> None:
        """What is better is refused too. It is not tried a third time; but perhaps it is known now who can help."""
        if reply.status == 401:
            await self._better(shown, caller, reply, deadline)

    def _judged(self, reply: HttpReply, shown: Pass) -> HttpReply:
        """A 403 may be the tool's own word to the model; nobody but us can do something about a 401."""
        if reply.status != 401:
            return reply
        if shown.lines:
            note = (
                "it refuses what `credentials` say (HTTP 401): check that it is meant for this server, and still good"
            )
        else:
            note = "it wants to be shown something, and is shown nothing (HTTP 401): look at `catalogue`"
        raise CredentialFault("it refused our credentials (HTTP 401)", note)


def _waited(deadline: Deadline | float, now: float) -> None:
    """What an issuer takes is not the silence of the server."""
    if isinstance(deadline, Deadline):
        deadline.extend(now)
