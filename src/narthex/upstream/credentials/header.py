"""A header with a key in it, the same on every request: from the configuration, or from a file that is rotated.

Knows: when to look at the file again. Refuses to know: what the key opens.
"""

import asyncio

from narthex.limits import secret_look_seconds
from narthex.model.caller import Caller
from narthex.model.credentials import CredentialsConfig
from narthex.telemetry.owned import Owned
from narthex.telemetry.scrub import MASK
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.secret import Secret
from narthex.upstream.http.head import header_lines
from narthex.upstream.http.passes import Pass
from narthex.upstream.http.reply import HttpReply


class HeaderKey:
    """No request waits for the disk but the first: the file is looked at beside them, once a second at most."""

    personal = False

    def __init__(self, config: CredentialsConfig, owned: Owned) -> None:
        self._name = config.header
        # What stands in a file is a bare token; in the configuration the operator writes the whole value.
        self._scheme = "Bearer " if config.value_file is not None and config.header.lower() == "authorization" else ""
        self._secret = Secret(config.value, config.value_file)
        self._rotates = config.value_file is not None
        self._owned = owned
        self._loop = asyncio.get_running_loop()
        self._looked_at = -secret_look_seconds
        self._looking: asyncio.Task[None] | None = None
        self._fault: CredentialFault | None = None
        self._shown = None if self._rotates else self._of(self._secret.last)

    def ready(self, caller: Caller | None) -> Pass | None:
        if self._rotates and self._loop.time() - self._looked_at >= secret_look_seconds:
            self._look()
        return self._shown

    async def get(self, caller: Caller | None, at: float) -> Pass:
        await self._looked(at)
        if self._shown is None:
            fault = self._fault
            raise CredentialFault(str(fault or "its credentials are not available"), fault.note if fault else "")
        return self._shown

    async def refused(self, shown: Pass, caller: Caller | None, reply: HttpReply, at: float) -> Pass | None:
        if reply.status != 401 or not self._rotates:
            return None
        if self._shown is not None and self._shown.token != shown.token:
            return self._shown  # it was rotated since
        await self._looked(at)
        return self._shown if self._shown is not None and self._shown.token != shown.token else None

    def lend(self, caller: Caller) -> bool:
        return False

    def hide(self, text: str) -> str:
        return text.replace(self._secret.last, MASK) if self._secret.last else text

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

    async def _read(self) -> None:
        before = self._secret.last
        try:
            found = await self._secret.read()
            if self._shown is None or found != before:
                self._shown = self._of(found)
            self._fault = None
        except CredentialFault as fault:
            self._fault = fault  # the last good one goes on being shown: the file may be about to be replaced

    def _of(self, value: str) -> Pass:
        if not value.isprintable() or not value.isascii():
            raise CredentialFault("its credentials are not available", f"no header can carry the value of {self._name}")
        return Pass(header_lines([(self._name.encode(), (self._scheme + value).encode())]), value)
