"""What servers said is kept on disk, beside the event loop, so that a restart does not begin with nothing.

Knows: one writer at a time for each server, and always the newest. Refuses to know: files (that is `store`), and what
an offer means.
"""

import asyncio
from pathlib import Path

from narthex.ports import Notices
from narthex.store import offers
from narthex.store.eras import Eras
from narthex.telemetry.owned import Owned
from narthex.upstream.era import EraRecord
from narthex.upstream.server import Server


class Keeping:
    """`keep(server)` after each fresh catalogue."""

    def __init__(self, folder: Path, eras: Eras[EraRecord], owned: Owned, notices: Notices) -> None:
        self._folder, self._eras, self._owned, self._notices = folder, eras, owned, notices
        self._waiting: dict[str, Server] = {}  # whose newest catalogue is not on disk yet
        self._writing: set[str] = set()

    def keep(self, server: Server) -> None:
        self._waiting[server.name] = server
        if server.name not in self._writing:
            self._writing.add(server.name)
            self._owned.start(self._write(server.name), f"{server.name}.keep")

    async def _write(self, name: str) -> None:
        try:
            while (server := self._waiting.pop(name, None)) is not None:
                await self._save(server)
        finally:
            self._writing.discard(name)

    async def _save(self, server: Server) -> None:
        offer, era = server.offer, server.opener.era
        try:
            if offer is not None:
                await asyncio.to_thread(offers.save, self._folder, server.config, offer)
            if era is not None:
                await asyncio.to_thread(self._eras.remember, server.config, era)
        except OSError as error:
            said = f"The catalogue of {server.name} could not be kept: {error}"
            self._notices.say(server.name, "warning", said)
