"""A header with a key in it, the same on every request: from the configuration, a file that is rotated, or a command.

Knows: when to look again. Refuses to know: where the key comes from, and what it opens.
"""

import asyncio

from narthex.limits import secret_look_seconds
from narthex.model.caller import Caller
from narthex.model.credentials import CredentialsConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.secret import Secret
from narthex.upstream.credentials.secret_of import secret_of
from narthex.upstream.credentials.tokens import Say
from narthex.upstream.http.head import header_lines
from narthex.upstream.http.passes import Pass
from narthex.upstream.http.reply import HttpReply


class HeaderKey:
    """No request waits for the disk or a command but the first: they are looked at beside, once a second at most."""

    personal = False
    borrows = False

    def __init__(self, config: CredentialsConfig, owned: Owned, say: Say) -> None:
        self._name = config.header
        self._secret = secret_of(config, "value") or Secret()
        self._rotates = self._secret.rotates
        # What comes from elsewhere is a bare token; in the configuration the operator writes the whole value.
        self._scheme = "Bearer " if self._rotates and config.header.lower() == "authorization" else ""
        self._owned, self._say = owned, say
        self._loop = asyncio.get_running_loop()
        self._looked_at = -secret_look_seconds
        self._looking: asyncio.Task[None] | None = None
        self._fault: CredentialFault | None = None
        self._told = ""  # to the operator
        self._shown = None if self._rotates else self._of(self._secret.last)

    def ready(self, caller: Caller | None) -> Pass | None:
        if self._rotates and self._loop.time() - self._looked_at >= secret_look_seconds:
            self._look()
        return self._good()

    async def get(self, caller: Caller | None, at: float) -> Pass:
        await self._looked(at)
        shown = self._good()
        if shown is None:
            fault = self._fault
            raise CredentialFault(str(fault or "its credentials are not available"), fault.note if fault else "")
        return shown

    async def refused(self, shown: Pass, caller: Caller | None, reply: HttpReply, at: float) -> Pass | None:
        if reply.status != 401 or not self._rotates:
            return None
        if self._looking is not None and not self._looking.done():
            await self._looked(at)  # this look began before the refusal; it may have seen the new one, or not
        if (now := self._good()) is None or now.token == shown.token:
            self._secret.doubt()
            await self._looked(at)
            now = self._good()
        return now if now is not None and now.token != shown.token else None

    def lend(self, caller: Caller) -> bool:
        return False

    def hide(self, text: str) -> str:
        return self._secret.hide(text)

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    def _look(self) -> asyncio.Task[None]:
        if self._looking is None or self._looking.done():
            self._looked_at = self._loop.time()
            self._looking = self._owned.start(self._read(), "key-file")
        return self._looking

    async def _looked(self, at: float) -> None:
        await asyncio.wait({self._look()}, timeout=max(0.0, at - self._loop.time()))

    def _good(self) -> Pass | None:
        return self._shown if self._loop.time() < self._secret.until else None

    async def _read(self) -> None:
        try:
            found = await self._secret.read()
            if self._shown is None or found != self._shown.token:
                self._shown = self._of(found)
            self._fault = None
        except CredentialFault as fault:
            self._fault = fault  # a file may be about to be replaced: the last good one goes on being shown
        self._tell()

    def _tell(self) -> None:
        """The operator hears of it when there is nothing to show any more, and when there is again."""
        note = self._fault.note if self._fault is not None and self._good() is None else ""
        if note and note != self._told:
            self._say("warning", f"credentials: {note}")
        elif self._told and not note and self._fault is None:
            self._say("info", "credentials: they are available again")
        if note or self._fault is None:
            self._told = note

    def _of(self, value: str) -> Pass:
        if not value.isprintable() or not value.isascii():
            raise CredentialFault("its credentials are not available", f"no header can carry the value of {self._name}")
        return Pass(header_lines([(self._name.encode(), (self._scheme + value).encode())]), value)
