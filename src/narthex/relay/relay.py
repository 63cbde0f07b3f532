"""One call through the hall. `handle` is the function to read first.

Knows: the order of the steps, and where waiting happens. Refuses to decide (that is `policy`), to translate (that is
`wire`), to name (that is `catalog`).
"""

import asyncio
import time
from collections.abc import Coroutine
from time import perf_counter
from typing import Any

from narthex.limits import first_list_seconds_max
from narthex.model.call import Call, Permit
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import Denial, Failure, Outcome, Result, UpstreamFault, failure_of
from narthex.policy import chain, redact, stopped
from narthex.relay import learning, lists, state, urls
from narthex.relay.answer import Answer, answer_of
from narthex.relay.asking import Asking, declined
from narthex.relay.awaited import awaited
from narthex.relay.facts import Facts
from narthex.relay.fleet import Fleet
from narthex.relay.hushed import Hushed
from narthex.relay.ledger import Ledger
from narthex.relay.newcomers import possible_owners
from narthex.relay.record import Record, Recorder, how_of
from narthex.relay.resolve import resolve
from narthex.relay.sending import prepared
from narthex.relay.sight import sight
from narthex.relay.slot import Slot
from narthex.relay.tracing import Traces, with_trace
from narthex.relay.way_back import WayBack
from narthex.upstream.credentials.face import GRANT_NEEDED
from narthex.upstream.link.ask import Ask
from narthex.upstream.rooms import Withheld
from narthex.upstream.server import Server
from narthex.wire.faults import HEADER_MISMATCH, INTERNAL_ERROR, PeerFault
from narthex.wire.revisions import LISTS
from narthex.wire.seal import Sealer
from narthex.wire.translate import meta_upstream, shared_capabilities

_NOTHING: dict[str, Any] = {}


class Relay:
    """The data plane. One per gateway; holds no state of calls."""

    def __init__(
        self,
        slot: Slot,
        fleet: Fleet,
        sealer: Sealer,
        facts: Facts,
        ledger: Ledger,
        record: Record,
        asking: Asking,
    ) -> None:
        self.slot, self.fleet, self.sealer, self.facts, self.asking = slot, fleet, sealer, facts, asking
        self.way_back, self.recorder = WayBack(slot, sealer, facts), Recorder(facts, ledger, record)
        self.traces = Traces()
        self._loop = asyncio.get_running_loop()

    def endpoint(self, name: str) -> Endpoint | None:
        return self.slot.current.endpoints.get(name)

    def awaited(self, endpoint: Endpoint, who: Principal) -> list[str]:
        """What is said of servers whose lists nobody knows until somebody has connected them."""
        return self.asking.notes(awaited(self.slot.current, self.fleet.servers, endpoint, who))

    async def handle(self, call: Call) -> Answer:
        """The answer to one request, in the shape of the client's era. Records one event, whatever happens."""
        call.started, call.world = perf_counter(), self.slot.current.serial
        return await self._handle(call, None)

    def finish(self, permit: Permit, begun: Ask, server: Server) -> Coroutine[Any, Any, Answer]:
        """The answer to a request that is out already (`express`), whatever it turns out to be. Records it too.

        `server` has it, and answers it even if it is no longer configured.
        """
        return self._handle(permit.call, (begun, server))

    def deny(self, call: Call, denial: Denial) -> Answer:
        """The answer to a call that was denied already (`express`). Records it too."""
        call.started = perf_counter()
        try:
            resolve(call)
            outcome = self.way_back.denied(call, denial)
        except PeerFault as fault:  # what it may not know of is not forbidden, but unknown
            call.reason = _reason(fault.data)
            outcome = failure_of(fault)
        answer = answer_of(call.id, outcome)
        call.bytes_out = len(answer.body)
        self.recorder.note(call, *how_of(outcome))
        return answer

    async def _handle(self, call: Call, begun: tuple[Ask, Server] | None) -> Answer:
        if begun is None:
            self.traces.begin(call)
        try:
            outcome = await self._outcome(call, begun)
            answer = answer_of(call.id, outcome)
        except BaseException:
            self.recorder.note(call, *how_of(None))
            raise
        call.bytes_out = len(answer.body)
        refused = self.recorder.note(call, *how_of(outcome))
        if refused is None and self.recorder.ledger.waits:
            refused = await self.recorder.kept(call)
        return answer if refused is None else answer_of(call.id, refused)

    async def _outcome(self, call: Call, begun: tuple[Ask, Server] | None) -> Outcome:
        tries = 0
        while True:
            try:
                return await self._served(call, begun)
            except PeerFault as fault:
                call.reason = _reason(fault.data)
                return failure_of(fault)
            except UpstreamFault as fault:
                call.reason = fault.reason
                if isinstance(fault, Withheld):
                    return self.way_back.denied(call, fault.denial)
                if call.wanted and (denial := learning.told(call, self.fleet)) is not None:
                    return self.way_back.denied(call, denial)
                if fault.reason != GRANT_NEEDED:
                    return await self.way_back.fault(call, fault.failure())
                answer = await self.asking.settle(call, fault, tries)
            if answer is not None:
                return self.way_back.denied(call, answer) if isinstance(answer, Denial) else answer
            call.reason, begun, tries = None, None, tries + 1

    async def _served(self, call: Call, begun: tuple[Ask, Server] | None) -> Outcome:
        """Raises `PeerFault`, `UpstreamFault`."""
        if call.method in LISTS or call.method == "server/discover":
            return await self._told(call)
        if call.method == "resources/read" and self.facts.offloads.is_ours(call):
            return self.facts.offloads.read(call)
        if begun is None:
            permit = await self._decided(call)
            if isinstance(permit, Result):
                return permit
            refused = permit if isinstance(permit, Denial) else await self.recorder.begun(call)
            if refused is not None:
                return self.way_back.denied(call, refused)
            assert isinstance(permit, Permit)
            outcome = await self._send(call, self.ask_of(permit))
        else:
            ask, server = begun
            outcome = await server.request(ask, call.sitting)
        if type(outcome) is Failure and outcome.code == HEADER_MISMATCH:
            outcome = await self._send_anew(call)
        if call.wanted and (denial := learning.told(call, self.fleet)) is not None:
            return self.way_back.denied(call, denial)
        return await self.way_back.looked_through(call, outcome)

    async def _told(self, call: Call) -> Outcome:
        """What the gateway knows by itself. Raises `PeerFault`."""
        if call.method == "server/discover":
            return lists.discovered(call.endpoint, call.principal, self.awaited(call.endpoint, call.principal))
        if self.slot.current.on_behalf and await self.fleet.learn(call, call.endpoint.servers, first_list_seconds_max):
            call.endpoint = self.endpoint(call.endpoint.name) or call.endpoint
        call.endpoint = await self.settled(call.endpoint)
        if call.endpoint.judge is not None:
            await asyncio.to_thread(sight(call.endpoint, call.principal).shown, call.method)
        return lists.listed(call, self.sealer, time.time())

    # ---- the way there -----------------------------------------------------------------------------------------

    async def _decided(self, call: Call) -> Permit | Denial | Result:
        """Where it leads, and whether it may go there. A result: somebody is asked. Raises `PeerFault`."""
        if self.fleet.untried(call.endpoint.servers):
            await self._known(call)
        resolve(call)
        await self.facts.fetch(call)
        refused: Denial | None = None
        if "requestState" in call.params and state.unwrap(call, self.sealer):
            refused = await self._answered_no(call)
        refused = refused or stopped.since(call, self.slot.stops)
        if refused is not None or call.settled.approval is None:
            return refused or chain.request(call)
        decided = await self.facts.approving.decided(call)
        return (stopped.since(call, self.slot.stops) or decided) if isinstance(decided, Permit) else decided

    async def _answered_no(self, call: Call) -> Denial | None:
        """The call came back with the answer to a question of ours, and it was a no."""
        consent = call.consent
        if call.asked:
            return declined(call)
        if consent is None or not consent.answered:
            return urls.refused(call)
        return None if consent.spent else await self.facts.approving.refused(call)

    def refused(self, call: Call) -> Outcome | None:
        """The refusal of what the gateway does by itself, if the filters refuse it. Raises `PeerFault`."""
        call.started, call.world = perf_counter(), self.slot.current.serial
        resolve(call)
        permit = chain.request(call)
        if not isinstance(permit, Denial):
            return None
        outcome = self.way_back.denied(call, permit)
        self.recorder.note(call, *how_of(outcome))
        return outcome

    def ask_of(self, permit: Permit) -> Ask:
        """What the server is asked. Only a permit gets here."""
        call = permit.call
        params = call.private
        meta, trace = params.get("_meta"), self.traces.onwards(call)
        if meta is not None:
            params = {name: value for name, value in params.items() if name != "_meta"}
        ask = Ask(
            call.method,
            params,
            call.deadline,
            Hushed(call, call.client, self.facts.naming) if redact.looks(call) else call.client,
            with_trace(meta_upstream(meta) if type(meta) is dict else _NOTHING, trace),
            # A question of a modern server can be carried only to a modern client (H2 comes later).
            shared_capabilities(call.capabilities) if call.modern else _NOTHING,
            call.progress_token,
            call.log_level,
            call.tool.mirrors if call.tool is not None else (),
            call.level_said,
            call.server if call.endpoint.prefixed else "",
            caller=call,
            trace=trace,
        )
        return prepared(ask, call, self.slot)

    async def _send(self, call: Call, ask: Ask) -> Outcome:
        """Wait for the server."""
        self.facts.leave(call)  # an attempt on the express way had a place, and this one takes another
        server = self.fleet.servers.get(call.server)
        if server is None:
            raise UpstreamFault(call.server, "upstream_unavailable", "it is no longer configured")
        sharing = self.facts.sharing
        if call.server in sharing.servers:
            outcome = await sharing.send(call, ask, server)
        else:
            outcome = await server.request(ask, call.sitting)
        if call.spans is not None:
            call.spans.answered("error" if type(outcome) is Failure else None)
        return outcome

    async def _send_anew(self, call: Call) -> Outcome:
        """The server misses a header that we derive from its schemas: they changed. Look again, repeat once."""
        server = self.fleet.servers.get(call.server)
        if server is not None:
            await self.fleet.refresh(server)
        call.endpoint = self.endpoint(call.endpoint.name) or call.endpoint
        permit = await self._decided(call)
        if isinstance(permit, Result):
            message = f"The definition of '{call.exposed}' has changed. Call again to be asked for approval anew."
            raise PeerFault(INTERNAL_ERROR, message, data={"reason": "approval_void"}, status=200)
        if isinstance(permit, Denial):
            raise PeerFault(permit.code or INTERNAL_ERROR, permit.message, status=permit.status)
        return await self._send(call, self.ask_of(permit))

    async def settled(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint as it is after a first start. What is told of it then would be believed for long: an empty
        list, a subscription that nobody keeps. So that waits a moment."""
        untried = self.fleet.untried(endpoint.servers)
        if not untried:
            return endpoint
        await self.fleet.wait_first(untried, first_list_seconds_max)
        return self.endpoint(endpoint.name) or endpoint

    async def _known(self, call: Call) -> None:
        """A call may be for a server that is still starting for the first time: wait for its catalogue, not others'."""
        while untried := possible_owners(call, self.fleet.untried(call.endpoint.servers)):
            try:
                resolve(call)
                return
            except PeerFault:
                if self._loop.time() >= call.deadline.at:
                    raise
            await self.fleet.wait_next(untried, call.deadline.at)
            call.endpoint = self.endpoint(call.endpoint.name) or call.endpoint


def _reason(data: Any) -> str | None:
    return data.get("reason") if type(data) is dict else None
