"""The open questions of a server: who thinks about which, and because of which request.

Knows: that nobody is asked for longer than somebody needs the answer (R10). Refuses to know: who is asked, and how
answers travel.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from narthex.model.outcome import Failure, Outcome, Result
from narthex.upstream.link.ask import Ask
from narthex.wire.envelope import RequestId, encode_error, encode_result


class Question:
    """One that somebody is being asked: the task that waits for the answer, and why it was put."""

    __slots__ = ("ask", "in_call", "method", "pending", "task")

    def __init__(
        self, method: str, ask: Ask | None, *, in_call: bool, task: "asyncio.Task[Any]", pending: bool = True
    ) -> None:
        self.method = method
        self.ask = ask  # the request it belongs to, where that is known
        self.in_call = in_call  # it came while there were requests: without any, it has no reason left
        self.task = task
        self.pending = pending  # somebody is still thinking about it

    def outlives(self, ask: Ask, inflight: int) -> bool:
        """Whether it lost its reason with the end of this request, which leaves so many."""
        return self.pending and (self.ask is ask or (self.ask is None and self.in_call and inflight == 0))


class Questions(dict[RequestId, Question]):
    """By the server's id. One leaves when its task is over."""

    def keep(self, key: RequestId, question: Question) -> None:
        self[key] = question
        question.task.add_done_callback(lambda _: self.pop(key, None))

    async def end(self, ask: Ask, inflight: int, say: Callable[[bytes], None]) -> None:
        """This request has its end: nobody needs the answers to what was asked because of it.

        Whoever was asked is told before the request is answered; after that nobody may be listening. The server gets
        the refusal it would wait for, should it not have heard of the end.
        """
        over = {key: one for key, one in self.items() if one.outlives(ask, inflight)}
        for key, one in over.items():
            if one.task.cancel():
                say(encode_answer(key, declined(one.method)))
        if over:
            await asyncio.wait({one.task for one in over.values()})

    def taken_back(self, key: RequestId) -> bool:
        """The server no longer wants this answer. False: it was no question of its own."""
        found = self.get(key)
        if found is not None:
            found.task.cancel()
        return found is not None

    def cancel(self) -> None:
        for question in self.values():
            question.task.cancel()


def encode_answer(question_id: RequestId, outcome: Outcome) -> bytes:
    if isinstance(outcome, Result):
        return encode_result(question_id, outcome.members)
    return encode_error(question_id, outcome.code, outcome.message, outcome.data, has_data=outcome.has_data)


def declined(method: str) -> Outcome:
    """The answer when nobody can be asked, in the words each question has for it (R11)."""
    if method == "elicitation/create":
        return Result({"action": "cancel"})
    return Failure(-1, "User rejected the request: no client can answer it here.")
