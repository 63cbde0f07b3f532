"""Calls that wait for a second person: kept where every process sees them, and told of once they are decided.

Knows: the store behind a thread of its own, who waits for what here, and that another process may decide. Refuses to
decide, and to let anything pass when the store cannot be used.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from narthex.limits import approval_look_seconds, approval_waits_max
from narthex.model.approvals import ApprovalsConfig, Consent, Request
from narthex.relay.herald import Herald
from narthex.store.approvals import ApprovalStore
from narthex.store.database import Database
from narthex.store.desk import Desk
from narthex.store.folder import StateFault
from narthex.telemetry.owned import Owned
from narthex.telemetry.plain import plain_name

T = TypeVar("T")
Act = Callable[[str, str, str], None]  # what was done, to what, and a note: for whoever keeps a record of decisions


def unrecorded(action: str, target: str, note: str) -> None:
    """Nobody keeps one."""


class Pending:
    """One for the gateway. Opens its file with the first call that needs it."""

    def __init__(self, folder: Path, owned: Owned, say: Callable[[str, str], None], act: Act = unrecorded) -> None:
        self._folder, self._owned, self._say, self.act = folder, owned, say, act
        self._desk: Desk | None = None
        self._store: ApprovalStore | None = None
        self._database: Database | None = None
        self._waiting: dict[str, list[asyncio.Future[Request]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._herald = Herald(owned, say)

    def adopt(self, config: ApprovalsConfig | None) -> None:
        """What the configuration says now."""
        self._herald.adopt(config.webhook if config is not None else None)

    @property
    def held(self) -> int:
        """Calls that wait here."""
        return sum(map(len, self._waiting.values()))

    # ---- a call; raises ApprovalFault, StateFault

    async def open(self, wanted: Request) -> Request:
        """The request that stands for this call; whoever has to decide is told of a new one."""
        found = await self._at_desk(lambda store: store.open(wanted))
        if found is wanted:
            who = plain_name(found.subject)
            verb = f"narthex approvals show {found.handle}"
            self._say("info", f"'{plain_name(found.tool)}' of {who} waits for an approval: {verb}")
            self._herald.tell(found)
            self.act("approval.asked", found.handle, f"{found.tool} of {found.subject}")
        return found

    async def decision(self, request: Request, seconds: float) -> Request:
        """The request once it was decided, or as it is when the time is over."""
        if seconds <= 0 or self.held >= approval_waits_max:
            return request
        told: asyncio.Future[Request] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(request.handle, []).append(told)
        if self._looking is None or self._looking.done():
            self._looking = self._owned.start(self._look(), "approvals")
        try:
            await asyncio.wait({told}, timeout=seconds)
            return told.result() if told.done() else request
        finally:
            told.cancel()
            waiting = self._waiting[request.handle]
            waiting.remove(told)
            if not waiting:
                del self._waiting[request.handle]

    async def use(self, consent: Consent) -> bool:
        """Whether this yes was there, and is used from now on by whoever asked first."""
        now = time.time()
        if now >= consent.expires:
            return False
        if consent.handle:
            return await self._at_desk(lambda store: store.use(consent.handle, consent.digest, now))
        return not consent.ticket or await self._at_desk(
            lambda store: store.use_ticket(consent.ticket, consent.expires, now)
        )

    # ---- whoever decides; raises ApprovalFault, StateFault

    async def listed(self, *, every: bool = False) -> list[Request]:
        return await self._at_desk(lambda store: store.listed(every=every, now=time.time()))

    async def decide(self, handle: str, state: Literal["approved", "rejected"], by: str) -> Request:
        decided = await self._at_desk(lambda store: store.decide(handle, state, by, time.time()))
        self.act(f"approval.{state}", decided.handle, f"{decided.tool} of {decided.subject}, by {by}")
        self._wake({decided.handle: decided})
        return decided

    async def aclose(self) -> None:
        await self._herald.aclose()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        if self._desk is not None:
            await self._desk.do(lambda: self._database.close() if self._database is not None else None)
            self._desk.close()

    # ---- helpers

    async def _look(self) -> None:
        """What others decided, for as long as somebody waits for it."""
        while self._waiting:
            await asyncio.sleep(approval_look_seconds)
            with contextlib.suppress(StateFault):  # they wait, and hear of nothing: nobody goes on without a yes
                self._wake(await self._states(list(self._waiting)))

    def _wake(self, found: dict[str, Request]) -> None:
        for handle, request in found.items():
            if request.state == "pending":
                continue
            for told in self._waiting.get(handle, []):
                if not told.done():
                    told.set_result(request)

    async def _states(self, handles: list[str]) -> dict[str, Request]:
        return await self._at_desk(lambda store: store.states(handles))

    async def _at_desk(self, work: Callable[[ApprovalStore], T]) -> T:
        if self._desk is None:
            self._desk = Desk("approvals")
        return await self._desk.do(lambda: work(self._opened()))

    def _opened(self) -> ApprovalStore:
        if self._store is None or self._database is None:
            self._database = Database(self._folder)
            self._store = ApprovalStore(self._database)
        self._database.mark()  # another file may have taken the place of ours
        return self._store
