"""What a function may ask of the call it is in, if it wants to: a parameter of the type `Context`.

Knows: who calls, how to say how far it is, whether anybody still waits, what the library was given. Refuses to know:
the protocol. Everything here may be used from a thread, too.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from narthex.libraries.exchange import LEVELS, CannotAsk
from narthex.libraries.hints import normal
from narthex.libraries.schemas import convert, schema_of
from narthex.libraries.server import Principal, Refusal, Tree
from narthex.libraries.surroundings import Secrets, Surroundings

T = TypeVar("T")
_news_waiting_max = 100  # of one call, from a thread to the loop; beyond it the thread waits
_news_seconds_max = 5.0


class Around(Protocol):
    """Where the library is at home."""

    name: str
    given: Surroundings
    state: Any

    def http_client(self) -> Any: ...


class Cancelled(Exception):
    """Nobody waits for this call any more."""


@dataclass(frozen=True, slots=True)
class Elicited(Generic[T]):
    """What a human said. `data` is there if they said yes."""

    action: Literal["accept", "decline", "cancel"]
    data: T | None = None

    def __bool__(self) -> bool:
        return self.action == "accept"


class Context:
    """One call. It is made for functions that ask for it, and is of no use after they have returned."""

    __slots__ = ("_call", "_cancelled", "_home", "_latest", "_loop", "_room", "_thread", "_waiting")

    def __init__(self, call: Any, home: Around) -> None:
        self._call, self._home = call, home
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._cancelled = False
        self._waiting: concurrent.futures.Future[Any] | None = None  # what a thread waits for
        self._latest: tuple[float, float | None, str] | None = None  # progress that the loop has not taken yet
        self._room = threading.Semaphore(_news_waiting_max)

    def __repr__(self) -> str:
        return f"<Context of {self._home.name}>"

    @property
    def library(self) -> str:
        """The name of the library the function is in."""
        return self._home.name

    # Who, and with what.

    @property
    def principal(self) -> Principal | None:
        """For whom the call is made; None: nobody has found out."""
        who: Principal | None = self._call.principal
        return who

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._home.given.settings

    @property
    def secrets(self) -> Secrets:
        return self._home.given.secrets

    @property
    def http(self) -> Any:
        """An `httpx.AsyncClient` that all calls of the library share. Needs httpx (`pip install narthex[http]`)."""
        return self._home.http_client()

    @property
    def state(self) -> Any:
        """What the library's `lifespan` has opened."""
        return self._home.state

    # How far.

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """`done` has to rise from one time to the next."""
        if threading.get_ident() == self._thread:
            self._call.progress(done, total, message)
            return
        waiting, self._latest = self._latest is not None, (done, total, message)
        if not waiting:  # one at a time: what comes before the loop has taken it takes its place
            self._loop.call_soon_threadsafe(self._tell_progress)

    def log(self, level: str, said: Any) -> None:
        """A line for the client: text, or anything JSON can say."""
        if level not in LEVELS:
            raise ValueError(f"'{level}' is not one of: {', '.join(LEVELS)}")
        if threading.get_ident() == self._thread:
            self._call.log(level, said)
        elif self._room.acquire(timeout=_news_seconds_max):
            self._loop.call_soon_threadsafe(self._tell_log, level, said)

    def debug(self, said: Any) -> None:
        self.log("debug", said)

    def info(self, said: Any) -> None:
        self.log("info", said)

    def warning(self, said: Any) -> None:
        self.log("warning", said)

    def error(self, said: Any) -> None:
        self.log("error", said)

    # Whether it still matters.

    @property
    def cancelled(self) -> bool:
        """Nobody waits any more: the client has cancelled, or its time is over. For functions that run in a thread."""
        return self._cancelled

    def check(self) -> None:
        """Raises Cancelled when nobody waits any more."""
        if self._cancelled:
            raise Cancelled

    def cancel(self) -> None:
        """Whoever runs the function says so."""
        self._cancelled = True
        if self._waiting is not None:
            self._waiting.cancel()  # its thread would wait for ever

    # Questions.

    async def elicit(self, message: str, wanted: type[T], *, optional: bool = False) -> Elicited[T]:
        """Ask the human behind the client: `wanted` is a flat dataclass, or `str`, `int`, `bool`, an enum, a Literal.

        Raises ToolError where there is nobody to ask; with `optional` that counts as `cancel`.
        """
        wrapped, schema = _requested(wanted)
        try:
            said = await self._call.ask("elicitation/create", {"message": message, "requestedSchema": schema})
        except CannotAsk:
            if optional:
                return Elicited("cancel")
            raise Refusal("This needs an answer of its user, and this client cannot be asked.") from None
        action = said.get("action")
        if action != "accept":
            return Elicited("decline" if action == "decline" else "cancel")
        content = said.get("content")
        try:
            given = convert(content, dict[str, Any])
            data = convert(given.get("value") if wrapped else given, normal(wanted))
        except (ValueError, TypeError) as fault:
            raise Refusal(f"The answer to '{message[:100]}' is not what was asked for: {fault}") from None
        return Elicited("accept", data)

    def wait(self, work: Awaitable[T]) -> T:
        """For functions that run in a thread: `context.wait(context.elicit(…))`."""
        if threading.get_ident() == self._thread:
            raise RuntimeError("this function runs on the event loop: write `await`")
        if self._cancelled:
            raise Cancelled
        waiting = self._waiting = asyncio.run_coroutine_threadsafe(_awaited(work), self._loop)
        try:
            found: T = waiting.result()
            return found
        finally:
            self._waiting = None

    def _tell_progress(self) -> None:
        latest, self._latest = self._latest, None
        if latest is not None:
            self._call.progress(*latest)

    def _tell_log(self, level: str, said: Any) -> None:
        self._room.release()
        self._call.log(level, said)


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _requested(wanted: Any) -> tuple[bool, Tree]:
    """The schema of the form, and whether the one value stands under `value` in it."""
    schema = schema_of(wanted)
    wrapped = schema.get("type") != "object"
    if wrapped:
        schema = {"type": "object", "properties": {"value": schema}, "required": ["value"]}
    if any(one.get("type") in ("object", None) and "enum" not in one for one in schema.get("properties", {}).values()):
        raise TypeError("a question has a flat form: text, numbers, yes or no, a choice")
    return wrapped, {key: value for key, value in schema.items() if key in ("type", "properties", "required")}
