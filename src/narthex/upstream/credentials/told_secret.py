"""A secret that a helper tells: kept for a time, asked for once by all who need it, asked for anew when it is refused.

Knows: how long an answer is good, and when the helper may be asked again. Refuses to know: how it is asked.

Nothing is shown beyond its time: where a store has taken a secret back, or cannot be asked, we have none.
"""

import asyncio
from math import inf

from narthex.limits import access_token_refresh_share, secret_command_refused_seconds, secret_command_retry_seconds
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.helper import Helper
from narthex.upstream.credentials.secret import Secret


class ToldSecret(Secret):
    __slots__ = ("_doubted_at", "_fault", "_helper", "_kept_seconds", "_refresh_at", "_retry_at", "_turn")

    rotates = True

    def __init__(self, helper: Helper, kept_seconds: float) -> None:
        super().__init__()
        self._helper, self._kept_seconds = helper, kept_seconds
        self._turn = asyncio.Lock()  # whoever asks the helper has it
        self._fault: CredentialFault | None = None
        self.until = self._refresh_at = self._retry_at = self._doubted_at = -inf

    async def read(self) -> str:
        loop = asyncio.get_running_loop()
        async with self._turn:
            began = loop.time()
            if began < self._refresh_at:
                return self.last
            if began >= self._retry_at:
                await self._ask(loop, began)
            if self._fault is not None and loop.time() >= self.until:
                raise CredentialFault(str(self._fault), self._fault.note)
            return self.last

    def doubt(self) -> None:
        """Once in a while: whoever refuses everything must not have us run commands without end."""
        now = asyncio.get_running_loop().time()
        if now >= self._doubted_at + secret_command_refused_seconds:
            self._doubted_at, self._refresh_at = now, -inf

    async def _ask(self, loop: asyncio.AbstractEventLoop, began: float) -> None:
        try:
            self._found(await self._helper.ask())
        except CredentialFault as fault:
            self._fault, self._retry_at = fault, loop.time() + secret_command_retry_seconds
            return
        now, self._fault = loop.time(), None
        self.until = now + self._kept_seconds
        doubted = self._doubted_at > began  # while the helper was at work: it may have looked before
        self._refresh_at = -inf if doubted else now + self._kept_seconds * access_token_refresh_share
