"""Questions to the client in the middle of a call, in both manners of asking.

Knows: that an older client is asked while the call waits, and that a modern one gets the question as the answer and
comes back with another request (2026-07-28, basic/patterns/mrtr). Refuses to know: what is asked.

For the modern manner the function is kept as it stands: it goes on where it was, and nothing it did is done twice. So
many are kept, for so long; the number under which one is found cannot be guessed, and is good once.
"""

import asyncio
import secrets
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from narthex.libraries.exchange import CAPABILITIES, Exchange, Fault
from narthex.libraries.server import Answer, Tree

if TYPE_CHECKING:
    from narthex.libraries.server import Server

kept_max = 256
kept_seconds_max = 900.0
_KEY = "answer"


class Kept:
    """A function that waits for the client's answer."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.task: asyncio.Task[Answer]
        self.questions: asyncio.Queue[tuple[str, Tree, asyncio.Future[Tree]]] = asyncio.Queue()
        self.open: asyncio.Future[Tree] | None = None  # where the answer to the question that was put goes
        self.timer: asyncio.TimerHandle | None = None

    async def put(self, method: str, params: Tree) -> Tree:
        """What the function awaits. Several questions are put one after the other."""
        answer: asyncio.Future[Tree] = asyncio.get_running_loop().create_future()
        self.questions.put_nowait((method, params, answer))
        return await answer


async def answered(server: "Server", exchange: Exchange, work: Coroutine[Any, Any, Answer]) -> Answer | Tree:
    """What the function returns, or the question it asks first, as a result. Runs `work`, or what was kept of it."""
    state = exchange.params.get("requestState")
    if state is None:
        kept = exchange.kept = Kept(exchange)
        kept.task = asyncio.create_task(work, name="asking")
    else:
        work.close()
        kept = _taken(server, exchange, state)
    return await _next(server, exchange, kept)


def can_be_asked(exchange: Exchange, capability: str) -> bool:
    """In the modern manner."""
    return exchange.modern and isinstance((exchange.meta.get(CAPABILITIES) or {}).get(capability), dict)


def _taken(server: "Server", exchange: Exchange, state: Any) -> Kept:
    kept = server.kept.pop(state, None) if isinstance(state, str) else None
    if kept is None:
        raise Fault(-32602, "This question is no longer open. Call the tool again from the beginning.")
    assert isinstance(kept, Kept)
    if kept.timer is not None:
        kept.timer.cancel()
    responses = exchange.params.get("inputResponses")
    response = responses.get(_KEY) if isinstance(responses, dict) else None
    same = all(kept.exchange.params.get(name) == exchange.params.get(name) for name in ("name", "arguments"))
    if not same or _who(kept.exchange) != _who(exchange) or not isinstance(response, dict):
        kept.task.cancel()
        what = f"'inputResponses' has no '{_KEY}'" if same else "this is the answer to a question of another call"
        raise Fault(-32602, f"{what[0].upper()}{what[1:]}. Call the tool again from the beginning.")
    kept.exchange.follow(exchange)
    if kept.open is not None and not kept.open.done():
        kept.open.set_result(response)
    return kept


async def _next(server: "Server", exchange: Exchange, kept: Kept) -> Answer | Tree:
    question = asyncio.create_task(kept.questions.get(), name="question")
    try:
        await asyncio.wait((kept.task, question), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        kept.task.cancel()
        raise
    finally:
        question.cancel()
    if kept.task.done():
        return kept.task.result()
    method, params, kept.open = question.result()
    return {
        "resultType": "input_required",
        "inputRequests": {_KEY: {"method": method, "params": params}},
        "requestState": _keep(server, kept),
    }


def _keep(server: "Server", kept: Kept) -> str:
    while len(server.kept) >= kept_max:
        _drop(server, next(iter(server.kept)))
    state = secrets.token_urlsafe(24)
    server.kept[state] = kept
    kept.timer = asyncio.get_running_loop().call_later(kept_seconds_max, _drop, server, state)
    return state


def _drop(server: "Server", state: str) -> None:
    kept = server.kept.pop(state, None)
    if isinstance(kept, Kept):
        kept.task.cancel()
        if kept.timer is not None:
            kept.timer.cancel()


async def let_go(server: "Server") -> None:
    """The server ends: so does what it kept."""
    kept = [one for one in server.kept.values() if isinstance(one, Kept)]
    for state in list(server.kept):
        _drop(server, state)
    if kept:
        await asyncio.wait([one.task for one in kept], timeout=1.0)


def _who(exchange: Exchange) -> tuple[str, str] | None:
    who = exchange.principal
    return None if who is None else (who.tenant, who.subject)
