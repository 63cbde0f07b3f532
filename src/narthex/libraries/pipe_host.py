"""Whoever holds the other ends of our pipes, as somebody to ask, and perhaps as somebody who says who calls.

Knows: questions on their way, and their answers. Refuses to know: lines.
"""

import asyncio
from typing import Any

from narthex.libraries.conversation import Conversation
from narthex.libraries.exchange import ALONE, Alone, CannotAsk, Host, Send
from narthex.libraries.server import Principal, Tree

CALLER = "dev.narthex/caller"  # in `_meta`, of a gateway that has started this process for itself alone
questions_open_max = 64


class Asking(Alone):
    """Questions to an older peer, which answers while the call waits."""

    def __init__(self, conversation: Conversation, send: Send, *, behind: bool) -> None:
        """`behind`: whoever started this process says who calls, and is believed."""
        self._conversation, self._send = conversation, send
        self._open: dict[str, asyncio.Future[Tree]] = {}
        self._number = 0
        self._behind = behind

    def host(self, request: Tree) -> Host:
        """Of one request."""
        if not self._behind:
            return self
        params = request.get("params")
        meta = params.get("_meta") if isinstance(params, dict) else None
        who = meta.get(CALLER) if isinstance(meta, dict) else None
        return Behind(self, _principal(who)) if isinstance(who, dict) else self

    async def ask(self, method: str, params: Tree) -> Tree:
        if "elicitation" not in self._conversation.able or len(self._open) >= questions_open_max:
            return await ALONE.ask(method, params)
        self._number += 1
        key = f"question-{self._number}"
        answer: asyncio.Future[Tree] = asyncio.get_running_loop().create_future()
        self._open[key] = answer
        try:
            self._send({"jsonrpc": "2.0", "id": key, "method": method, "params": params})
            response = await answer
        except asyncio.CancelledError:
            self._send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": key}})
            raise
        finally:
            del self._open[key]
        if not isinstance(response.get("result"), dict):
            raise CannotAsk("the client refused the question")
        result: Tree = response["result"]
        return result

    def takes(self, message: Any) -> bool:
        """Whether it is the answer to a question of ours."""
        if not isinstance(message, dict) or "method" in message or not isinstance(message.get("id"), str):
            return False
        key: str = message["id"]
        answer = self._open.get(key)
        if answer is not None and not answer.done():
            answer.set_result(message)
        return key.startswith("question-")


class Behind(Alone):
    """A request of a caller that a gateway has named."""

    def __init__(self, asking: Asking, principal: Principal) -> None:
        self.principal: Principal | None = principal
        self._asking = asking

    async def ask(self, method: str, params: Tree) -> Tree:
        return await self._asking.ask(method, params)


def _principal(said: Tree) -> Principal:
    claims, scopes = said.get("claims"), said.get("scopes")
    return Principal(
        str(said.get("subject", "")),
        str(said.get("tenant", "")),
        frozenset(map(str, scopes if isinstance(scopes, list) else ())),
        claims if isinstance(claims, dict) else {},
    )
