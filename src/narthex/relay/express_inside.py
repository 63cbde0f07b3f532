"""The express way to a server that runs inside: a function is called, and what it returns is the answer.

Knows: that nothing travels, so there is nothing to wait for but the function. Refuses to decide: see `express`, whose
steps these are.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from narthex.libraries.server import Tree
from narthex.model.call import Call, Permit
from narthex.model.outcome import Denial
from narthex.policy import chain, rate
from narthex.relay.answer import Answer
from narthex.relay.record import how_of
from narthex.upstream.link.ask import Ask, Begun
from narthex.upstream.link.local import LocalLink, Work, encoded
from narthex.upstream.server import Server
from narthex.wire.usual import Meta, UsualCall

if TYPE_CHECKING:
    from narthex.relay.express import Express, Ground, Shaped


def launch_inside(
    express: "Express", call: Call, request: UsualCall, meta: Meta, ground: "Ground", server: Server, link: LocalLink
) -> "InsideFlight | Answer | None":
    """See `Express.launch`, which has looked at what is the same for all servers."""
    from narthex.relay.express import enters

    tool, settled = call.endpoint.tools[request.name], call.settled
    if not link.alive or server.health.doubtful:
        return None
    if not link.takes_at_once(tool.private, able=bool(meta.shared)):
        return None
    call.tool, call.server, call.exposed = tool, tool.server, tool.public
    if not express.knows(call, request, settled):
        return None
    if settled.sending is not None and not enters(call, server, settled.sending):
        return None
    call.private = call.params if tool.private == request.name else {**call.params, "name": tool.private}
    permit = chain.request(call)
    if isinstance(permit, Denial):
        return express.relay.deny(call, permit)
    if call.private.get("arguments") is not request.arguments:
        rate.undo(call)  # the general way asks again
        express.relay.facts.ended(call)
        return None
    refused = express.relay.recorder.begin(call)
    if refused is not None:
        return express.relay.deny(call, refused)
    try:
        server.allow(call.deadline, settled.sending)
        return InsideFlight(express, permit, server, link, ground)
    except BaseException:
        express.relay.facts.ended(call)
        express.relay.recorder.note(call, *how_of(None))
        raise


class InsideFlight:
    """One call in the air (`upstream.link.local.Aloft`)."""

    __slots__ = ("_ask", "_express", "_ground", "_landed", "_link", "_permit", "_server", "_task", "_work")

    def __init__(self, express: "Express", permit: Permit, server: Server, link: LocalLink, ground: "Ground") -> None:
        self._express, self._permit, self._server, self._link, self._ground = express, permit, server, link, ground
        self._landed = False
        self._ask: Ask | None = None  # once it is diverted
        self._task: asyncio.Task[None] | None = None
        call = permit.call
        self._work: Work = link.fly(self, call.private, call.log_level, call.principal, call.deadline)

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        if self._landed:
            return  # it is being written down
        self.divert()
        assert self._task is not None
        asyncio.get_running_loop().call_soon(self._task.cancel)  # after its first step: it has to clean up

    def divert(self) -> Ask:
        """From here on a task does what is to be done, with the function that is at work already."""
        if self._ask is None:
            ask = self._ask = self._express.relay.ask_of(self._permit)
            work = self._work
            ask.begun = Begun(ask, self._link, 0, work, work.outcome, _nothing)
            self._task = self._ground.diverted(self._express.relay.finish(self._permit, ask, self._server))
        return self._ask

    def land(self, result: Tree) -> bool:
        """The function has returned. False: its answer is not a usual one, and goes the general way."""
        if self._ask is not None:
            return False
        express, call = self._express, self._permit.call
        try:
            shaped = _shaped(express, call, result)
            if shaped is None:
                return False
        except Exception as fault:  # noqa: BLE001 - as in `express`
            self._landed = True
            express.lost(call, self._ground, fault)
        else:
            self._landed = True
            express.turn.land(call, *shaped, self._ground)
        return True


def _shaped(express: "Express", call: Call, result: Tree) -> "Shaped | None":
    if not result.keys() <= {"content", "isError", "structuredContent"}:
        return None
    try:
        content, structured = encoded(result["content"]), result.get("structuredContent")
        said = None if structured is None else encoded(structured)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None  # whoever waits is told so on the general way
    return express.answer_of(call, content, said, is_error=result["isError"])


def _nothing() -> Any:
    """Its link ends what nobody waits for."""
