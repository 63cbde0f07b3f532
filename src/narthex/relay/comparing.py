"""Whether lists changed for somebody, where the operator's rules decide about each item.

Knows: two worlds, and who is there. Refuses to hurry: the rules are asked in a thread, for one listener after the
other, while the loop serves calls. A world that comes meanwhile is compared with the last one that was.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.relay.sight import sight
from narthex.telemetry.owned import Owned

Listener = TypeVar("Listener")


class Comparing(Generic[Listener]):
    """`who(listener)`: its principal; `present(listener)`: its endpoint as it is now.

    `tell(listener, methods)`: these lists of its own changed.
    """

    def __init__(
        self,
        owned: Owned,
        who: Callable[[Listener], Principal],
        present: Callable[[Listener], Endpoint | None],
        tell: Callable[[Listener, Collection[str]], None],
    ) -> None:
        self._owned, self._who, self._present, self._tell = owned, who, present, tell
        self._waiting: dict[Listener, Endpoint] = {}  # the endpoint as it was when this listener was last told of it
        self._running = False

    def moved(self, listener: Listener, before: Endpoint) -> None:
        """Its endpoint is another one now."""
        self._waiting.setdefault(listener, before)
        if not self._running:
            self._running = True
            self._owned.start(self._run(), "comparing")

    async def _run(self) -> None:
        try:
            while self._waiting:
                listener = next(iter(self._waiting))
                before, after = self._waiting.pop(listener), self._present(listener)
                if after is not None:
                    self._tell(listener, await asyncio.to_thread(changed, before, after, self._who(listener)))
        finally:
            self._running = False


def decides(before: Endpoint, after: Endpoint) -> bool:
    """Whether there are rules that have to be asked."""
    return before.judge is not None or after.judge is not None


def changed(before: Endpoint, after: Endpoint, who: Principal) -> tuple[str, ...]:
    """The lists that say something else to this caller than before. Waits for the rules, if there are any."""
    was, sees = sight(before, who), sight(after, who)
    methods = [method for method in after.lists if was.fingerprint(method) != sees.fingerprint(method)]
    if decides(before, after):
        same = before.judge == after.judge and before.reach == after.reach
        methods = [
            method
            for method in (methods if same else after.lists)
            if was.fingerprint(method, judged=True) != sees.fingerprint(method, judged=True)
        ]
    return tuple(methods)
