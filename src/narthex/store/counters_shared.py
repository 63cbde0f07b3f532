"""The counts of limits in a Redis or Valkey server: for the gateways of several machines.

Knows: one connection, two scripts, and when to give up waiting. Refuses to know: what is counted, and what becomes of
calls while the server is lost (`relay/lending`).

One round trip leases for many tallies at once. Nothing is repeated: an answer that did not come in time may have been
given, and then what it leased is lost to everybody for as long as the limit takes to fill again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from narthex.limits import (
    quota_kept_days,
    shared_beat_seconds,
    shared_beats_missed_max,
    shared_bucket_kept_seconds,
    shared_connect_seconds_min,
    worker_seen_seconds,
)
from narthex.model.limit import TICKS_PER_SECOND
from narthex.model.shared import SharedConfig
from narthex.ports import CountersLost, Grant, Return, Want
from narthex.store.counters_lua import ENTER, LEASE
from narthex.store.folder import replace_file

T = TypeVar("T")

FILE = "shared-epoch"
_SCHEMES = {"valkey": "redis", "valkeys": "rediss"}
# In braces: a cluster keeps all of it in one place, as scripts need it.
_META, _WORKERS, _PREFIX = b"{narthex}:counters", b"{narthex}:workers", b"{narthex}:"
_BEAT = int(shared_beat_seconds * shared_beats_missed_max * TICKS_PER_SECOND)
_SEEN = int(worker_seen_seconds * TICKS_PER_SECOND)
_QUOTA_SECONDS = quota_kept_days * 86_400


class SharedCounters:
    """The counts in one server. `folder`: where we remember that it has had counts of ours."""

    shared = True

    def __init__(self, config: SharedConfig, folder: Path) -> None:
        scheme, _, rest = config.url.partition("://")
        self._url = f"{_SCHEMES.get(scheme, scheme)}://{rest}"
        self._seconds = config.timeout_ms / 1_000
        self._file = folder / FILE
        self._id = uuid4().hex
        self._client: Redis | None = None
        self._greeted = False
        self._epoch = ""
        self._script = ""
        self._turn = asyncio.Lock()
        self.workers = 1
        self.remark = ""

    async def start(self) -> None:
        # A first connection may need a name, TLS and a password; what calls wait for is only ever an answer.
        await self._told(self._enter, max(self._seconds, shared_connect_seconds_min))

    async def lease(self, wants: Sequence[Want]) -> list[Grant]:
        numbers = await self._told(lambda: self._lease([_asked(want) for want in wants]), self._seconds)
        return [Grant(*numbers[1 + 4 * place : 5 + 4 * place]) for place in range(len(wants))]

    async def give_back(self, returns: Sequence[Return]) -> None:
        await self._told(lambda: self._lease([_returned(one) for one in returns]), self._seconds)

    async def beat(self) -> None:
        self.workers = max(1, (await self._told(lambda: self._lease([], self._id), self._seconds))[0])

    async def aclose(self) -> None:
        client = self._client
        if client is not None:
            try:
                async with asyncio.timeout(self._seconds):
                    await cast("Awaitable[Any]", client.zrem(_WORKERS, self._id))
            except (RedisError, OSError, TimeoutError):
                pass  # it is forgotten after a while
        await self._leave()

    # ---- one thing at a time on one connection -------------------------------------------------------------------

    async def _told(self, work: Callable[[], Awaitable[T]], seconds: float) -> T:
        """What went wrong, as an operator can use it; and then not this connection again."""
        try:
            async with asyncio.timeout(seconds), self._turn:
                return await work()
        except TimeoutError:
            await self._leave()
            raise CountersLost(f"no answer in {seconds * 1_000:g} ms.") from None
        except (RedisError, OSError) as error:
            await self._leave()
            raise CountersLost(f"{type(error).__name__}: {error}.") from None
        except ValueError:  # of the address: what it says may hold a part of the password
            raise CountersLost("the address of `shared` cannot be read.") from None
        except asyncio.CancelledError:
            await self._leave()  # an answer may be on its way that nobody will read
            raise

    async def _enter(self) -> None:
        """Connect, say who we are, and learn whether the server still has what was counted."""
        await self._leave()
        self._greeted = False
        client = self._client = Redis.from_url(
            self._url,
            single_connection_client=True,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=self._greet,
            socket_timeout=None,
            socket_connect_timeout=None,
        )
        info: Any = await client.info("server")
        run = str(info.get("run_id", ""))
        self.remark = _forgetful(await client.info("memory"))
        remembered = self._epoch or self._remembered()
        arguments = (run, uuid4().hex, remembered, self._id, _BEAT, _SEEN)
        epoch, workers = await client.eval(ENTER, 2, _META, _WORKERS, *arguments)
        self._script = await client.script_load(LEASE)
        self._epoch, self.workers = epoch.decode(), max(1, workers)
        if self._epoch != remembered:
            replace_file(self._file, self._epoch.encode())

    async def _greet(self, connection: Any) -> None:
        """A connection that breaks is not replaced behind our back: the server may be another one by then."""
        if self._greeted:
            raise Disconnected("the connection broke")
        self._greeted = True
        await connection.on_connect()

    async def _lease(self, asked: list[tuple[bytes, tuple[Any, ...]]], worker: str = "") -> list[int]:
        client = self._client
        if client is None:
            raise Disconnected("there is no connection")
        keys = [_META, _WORKERS, *(key for key, _ in asked)]
        arguments = [self._epoch, worker, _BEAT, _SEEN, *(value for _, values in asked for value in values)]
        numbers = await cast("Awaitable[list[int]]", client.evalsha(self._script, len(keys), *keys, *arguments))
        if numbers[0] < 0:
            raise Disconnected("the server has lost the counts")
        return numbers

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            connection = client.connection
            if connection is not None:
                await connection.disconnect(nowait=True)
            await client.aclose()

    def _remembered(self) -> str:
        try:
            return self._file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""


def _forgetful(memory: Any) -> str:
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction" or not memory.get("maxmemory"):
        return ""
    return (
        f"The store of `shared` throws keys away when its memory is full (maxmemory-policy {policy}): a count that is "
        "thrown away is a limit that begins anew. Set 'noeviction' there"
    )


def _asked(want: Want) -> tuple[bytes, tuple[Any, ...]]:
    limit = want.limit
    if want.window:
        kept, size = _QUOTA_SECONDS, limit.ceiling
    else:
        kept, size = limit.burst * limit.interval // TICKS_PER_SECOND + shared_bucket_kept_seconds, limit.burst
    kind = b"q" if want.window else b"r"
    rest = (limit.interval, size, want.amount, want.need, want.floor, want.charge, kept)
    return _key(want.key, want.window), (kind, *rest)


def _returned(one: Return) -> tuple[bytes, tuple[Any, ...]]:
    limit = one.limit
    seconds = limit.burst * limit.interval // TICKS_PER_SECOND
    kept = _QUOTA_SECONDS if one.window else seconds + shared_bucket_kept_seconds
    return _key(one.key, one.window), (b"Q" if one.window else b"R", 0, 0, one.amount, 0, 0, 0, kept)


def _key(key: bytes, window: str) -> bytes:
    return _PREFIX + key.hex().encode() + window.encode()
