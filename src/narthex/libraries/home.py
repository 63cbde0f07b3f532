"""Where a library's functions run while it is served: threads, settings, and a client for HTTP that calls share.

Knows: how a function is called, whichever way it waits. Refuses to know: what it returns.
"""

import asyncio
import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib import import_module
from typing import Any

from narthex.libraries.context import Context
from narthex.libraries.exchange import NOW
from narthex.libraries.function import Function
from narthex.libraries.server import Refusal
from narthex.libraries.surroundings import Surroundings
from narthex.libraries.threads import Busy, Threads

Lifespan = Callable[[Surroundings], AbstractAsyncContextManager[Any]]
http_seconds_max = 30.0
close_seconds_max = 5.0


class Home:
    """One per library and server."""

    def __init__(self, name: str, given: Surroundings, threads: Threads, lifespan: Lifespan | None = None) -> None:
        self.name, self.given = name, given
        self.state: Any = None  # what the lifespan has opened
        self._threads, self._lifespan = threads, lifespan
        self._life: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[None] | None = None
        self._ending = asyncio.Event()
        self._http: Any = None

    async def call(self, function: Function, call: Any, given: dict[str, Any], *, on_loop: bool = False) -> Any:
        """`call`: what the client is told by; None: of the resource, prompt or completion that is being made."""
        context = None
        if self._lifespan is not None:
            await self._open(self._lifespan)
        if function.context is not None:
            context = Context(call or NOW.get(), self)
            given = {**given, function.context: context}
        try:
            if function.waits:
                return await function.call(**given)
            value = function.call(**given) if on_loop else await self._in_thread(function, given, context)
            return await value if inspect.isawaitable(value) else value
        except SystemExit as fault:  # it would end the loop, and all that is served in it
            raise RuntimeError(f"{fault!r} left the function") from fault

    async def _in_thread(self, function: Function, given: dict[str, Any], context: Context | None) -> Any:
        try:
            return await self._threads.run(partial(function.call, **given))
        except Busy:
            raise Refusal("Too many calls wait for this tool already. Try again in a moment.") from None
        except BaseException:
            if context is not None:
                context.cancel()  # the function may still run, and can find out that nobody waits
            raise

    def http_client(self) -> Any:
        if self._http is None:
            try:
                httpx = import_module("httpx")
            except ModuleNotFoundError:
                raise RuntimeError("`context.http` needs httpx: pip install 'narthex[http]'") from None
            self._http = httpx.AsyncClient(timeout=http_seconds_max, follow_redirects=False)
        return self._http

    async def _open(self, lifespan: Lifespan) -> None:
        """Once, with the first call; a failure fails that call, and the next one tries again."""
        if self._opened is None or (self._opened.done() and self._opened.exception() is not None):
            self._opened = asyncio.get_running_loop().create_future()
            # In a task of its own: what is opened in one is to be closed in the same.
            self._life = asyncio.create_task(self._live(lifespan, self._opened), name=f"{self.name}.lifespan")
        await asyncio.shield(self._opened)

    async def _live(self, lifespan: Lifespan, opened: "asyncio.Future[None]") -> None:
        try:
            async with lifespan(self.given) as self.state:
                opened.set_result(None)
                await self._ending.wait()
        except (Exception, SystemExit) as fault:  # noqa: BLE001 - told to whoever waits; an exit would end the loop
            if isinstance(fault, SystemExit):
                fault = RuntimeError(f"{fault!r} left its lifespan")
            if not opened.done():
                opened.set_exception(fault)
            else:
                print(f"{self.name}: its lifespan ended badly: {fault!r}", file=sys.stderr, flush=True)

    async def aclose(self) -> None:
        self._ending.set()
        if self._life is not None:
            await asyncio.wait((self._life,), timeout=close_seconds_max)
            self._life.cancel()
        if self._http is not None:
            await self._http.aclose()
            self._http = None
