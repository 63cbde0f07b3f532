"""How a conversation with a server inside the gateway begins: it is made, and that is all.

Knows: who makes it, and how long that may take. Refuses to know: what it is made of (`upstream/kinds`).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from narthex.limits import Limits, local_start_seconds_max
from narthex.model.caller import Caller
from narthex.model.config import ServerConfig
from narthex.model.outcome import UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.era import EraRecord
from narthex.upstream.kinds import LoadFault, Site, maker_of
from narthex.upstream.link.ask import Link, Notice
from narthex.upstream.link.local import LocalLink
from narthex.upstream.mask import mask_of
from narthex.wire.revisions import MODERN


class LocalOpener:
    """A server in process. It speaks the newest revision, and its one conversation is everybody's."""

    era_is_modern = True
    personal = False
    borrows = False

    def __init__(
        self,
        config: ServerConfig,
        limits: Limits,
        owned: Owned,
        say: Callable[[str, str], None],
        connections: Connections | None = None,
    ) -> None:
        self.era: EraRecord | None = None
        mask = mask_of(config)
        self._config, self._limits, self._owned, self._connections = config, limits, owned, connections
        self._say: Callable[[str, str], None] = lambda level, sentence: say(level, mask(sentence))

    def lend(self, caller: Caller) -> bool:
        return False

    def hide(self, text: str) -> str:
        return text

    async def open(self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None) -> Link:
        name = self._config.name
        link = LocalLink(name, notice, self._say, self._owned)
        site = Site(self._limits, self._owned, self._say, self._connections, link.serve, link.goes_away)
        try:
            async with asyncio.timeout(self._config.start_seconds or local_start_seconds_max):
                link.serve(await maker_of(self._config)(self._config, site))
        except LoadFault as fault:
            raise UpstreamFault(name, "upstream_not_started", "it could not be loaded", note=str(fault)) from None
        except TimeoutError:
            raise UpstreamFault(name, "upstream_not_started", "it was not loaded in time") from None
        except Exception as fault:  # whatever a maker stumbles over, its server is down and says so
            note = f"it could not be loaded: {fault!r:.1000}"
            raise UpstreamFault(name, "upstream_not_started", "it could not be loaded", note=note) from fault
        self.era = EraRecord("modern", "local", MODERN, time.time())
        return link

    async def open_legacy(
        self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None
    ) -> Link | None:
        """There is no older one, and no need: a question in mid-call goes to the client of the call."""
        return None

    def doubt(self) -> None:
        """Its era is known."""

    def adopt(self, limits: Limits) -> None:
        self._limits = limits

    def busy(self) -> bool:
        return False

    async def aclose(self) -> None:
        """The server belongs to the conversation; nothing is left here."""
