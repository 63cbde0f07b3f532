"""What calls are held to, put together: limits, schemas, what is hidden.

Knows: in which order they start and end. Refuses to know: how any of them judges, and what they judge.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from narthex.control.answering import Wing
from narthex.control.approvals import ApprovalsDesk
from narthex.control.deciding import Decider
from narthex.control.definitions_desk import DefinitionsDesk
from narthex.control.stops import StopsDesk
from narthex.model.audit import AuditUnavailable
from narthex.model.config import Config
from narthex.relay.approving import Approving
from narthex.relay.checking import Checking
from narthex.relay.counting import Counting
from narthex.relay.facts import Facts
from narthex.relay.ledger import Ledger
from narthex.relay.lending import Lender
from narthex.relay.naming import Naming
from narthex.relay.offloads import Offloads
from narthex.relay.pending import Pending
from narthex.relay.sharing import Sharing
from narthex.relay.slot import Slot
from narthex.relay.stopping import Stopping
from narthex.relay.strongroom import Strongroom
from narthex.relay.watching import Watching
from narthex.store.audit.log import AuditLog, audit_folder
from narthex.store.counters_of import counters_of
from narthex.store.usage_folding import UsageFolding
from narthex.telemetry.metrics import Metrics
from narthex.telemetry.owned import Owned
from narthex.upstream.recogniser import Recogniser
from narthex.upstream.stdio.spawner import Spawner
from narthex.wire.seal import Sealer

Values = list[tuple[tuple[str, ...], float]]


class Governance:
    """One for the gateway. `say(level, sentence)`: a line for the operator."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        sealer: Sealer,
        owned: Owned,
        say: Callable[[str, str], None],
        spawner: Spawner,
    ) -> None:
        self.ledger = Ledger(config.audit)
        self.usage = UsageFolding(folder, audit_folder(folder, config.audit), say) if config.audit.enabled else None
        self._audit, self._folder, self._owned, self._say = config.audit, folder, owned, say
        when_lost = config.shared.when_lost if config.shared is not None else "scale"
        self.counting = Counting(Lender(counters_of(config.shared, folder), when_lost, owned, say))
        self.checking = Checking(lambda sentence: say("warning", sentence))
        self.strongroom = Strongroom(folder, sealer, say)
        self.stopping = Stopping(folder, owned, say)
        self.pending = Pending(folder, owned, say, self.act)
        self.pending.adopt(config.approvals)
        self.watching = Watching(folder, owned, say)
        self.offloads, self.sharing = Offloads(sealer), Sharing(owned, config)
        self.recogniser = Recogniser(config.ner, spawner, say)
        naming = Naming(self.recogniser)
        self.facts = Facts(
            self.counting,
            self.checking,
            self.strongroom,
            naming,
            Approving(self.pending, sealer, naming),
            self.offloads,
            self.sharing,
        )

    async def start(self) -> None:
        """Raises `StateFault`."""
        if self._audit.enabled:
            self.ledger.log = await asyncio.to_thread(AuditLog.open, self._folder, self._audit, self._say)
        if self.usage is not None:
            if self.ledger.log is not None:
                self.usage.hear(self.ledger.log.journal)
            self._owned.start(self.usage.run(), "usage")
        await self.stopping.start()
        await self.watching.start()
        await self.counting.lender.start()
        self._owned.start(self.recogniser.run(), "recogniser")

    def adopt(self, config: Config) -> None:
        """Another configuration, from now on."""
        self.pending.adopt(config.approvals)
        self.sharing.adopt(config)
        self.recogniser.adopt(config.ner)

    def wings(self, slot: Slot, metrics: Metrics) -> tuple[Wing, ...]:
        """What of it an operator looks at, and decides, on the admin address."""
        decider = Decider(slot.current.config.admin.token)
        definitions = DefinitionsDesk(self.watching, lambda: slot.current.endpoints, decider, self.act)
        definitions.measure(metrics)
        approvals = ApprovalsDesk(self.pending, decider)
        stops = StopsDesk(self.stopping, decider, self.act)
        return stops, definitions, approvals

    def sweep(self) -> None:
        """What nobody will ask for again is forgotten. Once in `sweep_seconds`."""
        self.counting.sweep()
        self.offloads.sweep()
        self.sharing.sweep()

    def measure(self, metrics: Metrics) -> None:
        """Give the metrics their readings."""
        self._measure_records(metrics.read)
        self._measure_answers(metrics.read)
        self._measure_names(metrics.read)
        metrics.read("narthex_stops", self.stopping.counts)
        metrics.read("narthex_stops_known", lambda: [((), float(not self.stopping.holding.blind))])

    def _measure_answers(self, read: Callable[..., None]) -> None:
        kept, offloads = self.sharing.kept, self.offloads
        read("narthex_approvals_held", lambda: _one(self.pending.held))
        read("narthex_kept_answers", lambda: _one(len(kept)))
        read("narthex_kept_answer_bytes", lambda: _one(kept.size))
        read("narthex_offloaded_results", lambda: _one(len(offloads)))
        read("narthex_offloaded_result_bytes", lambda: _one(offloads.size))

    def _measure_names(self, read: Callable[..., None]) -> None:
        recogniser = self.recogniser
        read("narthex_ner_up", lambda: _one(recogniser.is_up) if recogniser.config is not None else [])
        read("narthex_ner_restarts_total", lambda: _one(recogniser.restarts))
        read("narthex_ner_texts_total", lambda: _one(recogniser.texts))
        read(
            "narthex_ner_missed_total",
            lambda: [(("refused",), float(recogniser.refused)), (("allowed",), float(recogniser.passed))],
        )

    async def aclose(self) -> None:
        await self.watching.aclose()
        await self.recogniser.aclose()
        await self.counting.aclose()
        await self.stopping.aclose()
        await self.strongroom.aclose()
        await self.pending.aclose()

    def _measure_records(self, read: Callable[[str, Callable[[], Values]], None]) -> None:
        log, usage = self.ledger.log, self.usage
        journal = log.journal if log is not None else None
        read("narthex_audit_up", lambda: _one(journal.down is None) if journal is not None else [])
        read("narthex_audit_lines_total", lambda: _one(journal.chain.seq) if journal is not None else [])
        read("narthex_audit_unrecorded_total", lambda: _one(journal.unrecorded) if journal is not None else [])
        read("narthex_usage_up", lambda: _one(not usage.behind) if usage is not None else [])
        read("narthex_usage_records_total", lambda: _one(usage.records) if usage is not None else [])

    def act(self, action: str, target: str = "", note: str = "") -> None:
        """Something was decided that is no call; where it cannot be written down, that is said."""
        try:
            self.ledger.act(action, target, note=note)
        except AuditUnavailable as fault:
            self._say("warning", f"Not on record: {action} {target}. {fault}")

    async def close_log(self) -> None:
        """Nothing that anybody would want to know of happens any more."""
        if self.usage is not None:
            await self.usage.aclose()
        if self.ledger.log is not None:
            await asyncio.to_thread(self.ledger.log.close)


def _one(value: float) -> Values:
    return [((), float(value))]
