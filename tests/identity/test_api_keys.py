"""API keys in a running gateway: whose they are, what is told to whom, and how soon a change counts."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from narthex.identity.api_keys import ApiKeys, Pace, is_guess
from narthex.model.identity import Principal, Refusal
from narthex.store.api_keys import KeyStore, Made, Terms
from narthex.store.database import FILE, Database
from narthex.store.folder import StateFault
from narthex.wire.api_key import RANDOM_BYTES, compose

HURRIED = Pace(look_seconds=0.01, blind_seconds=0.3, use_seconds=0.05)


@dataclass
class Heard:
    changes: int = 0
    said: list[tuple[str, str]] = field(default_factory=list)

    def changed(self) -> None:
        self.changes += 1


@contextmanager
def desk(folder: Path) -> Iterator[KeyStore]:
    """The operator, who writes from another process or from here: SQLite sees no difference."""
    database = Database(folder)
    try:
        yield KeyStore(database)
    finally:
        database.close()


def make(folder: Path, name: str = "ci", **terms: object) -> Made:
    with desk(folder) as store:
        return store.create(Terms(name=name, **terms), time.time())


@asynccontextmanager
async def running(folder: Path, heard: Heard | None = None, pace: Pace = HURRIED) -> AsyncIterator[ApiKeys]:
    heard = heard or Heard()
    keys = ApiKeys(folder, on_change=heard.changed, say=lambda *said: heard.said.append(said), pace=pace)
    await keys.start()
    following = asyncio.create_task(keys.follow())
    try:
        yield keys
    finally:
        following.cancel()
        await asyncio.wait({following})
        await keys.aclose()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> float:
    """How long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


def status(keys: ApiKeys, made: Made) -> int:
    found = keys.known(made.key.token, time.time())
    return found.status if isinstance(found, Refusal) else 200


async def test_a_key_is_its_holder(tmp_path: Path) -> None:
    made = make(tmp_path, tenant="acme", scopes=("mcp:tools",), endpoints=("sales",), expires=time.time() + 60)
    async with running(tmp_path) as keys:
        who = await keys.find(made.key.token, time.time())

        assert isinstance(who, Principal)
        assert (who.subject, who.tenant, who.scopes, who.how) == ("ci", "acme", {"mcp:tools"}, "key")
        assert (who.endpoints, who.expires) == ({"sales"}, made.record.expires)
        assert who is keys.known(made.key.token, time.time())
        assert not who.can_step_up


async def test_every_other_token_is_told_what_it_is(tmp_path: Path) -> None:
    made = make(tmp_path)
    other = compose(os.urandom(RANDOM_BYTES)).token
    async with running(tmp_path) as keys:
        forged = made.key.token[:13] + other[13:-6]
        cut, unknown = keys.known(made.key.token[:-3], 0.0), keys.known(other, 0.0)

        assert keys.known("eyJhbGciOiJSUzI1NiJ9.e30.x", 0.0) is None
        assert keys.known("", 0.0) is None
        assert isinstance(cut, Refusal)
        assert "damaged" in cut.message
        assert isinstance(unknown, Refusal)
        assert (unknown.status, unknown.error) == (401, "invalid_token")
        assert is_guess(cut)
        assert is_guess(unknown)
        assert keys.known(forged + _sum(forged), 0.0) is unknown, "a known prefix is no help to who guesses"


def _sum(body: str) -> str:
    """Anybody can compute it."""
    from narthex.wire import api_key

    return api_key._checksum(body)


async def test_a_void_key_says_since_when_to_whoever_holds_it(tmp_path: Path) -> None:
    old, revoked = make(tmp_path, expires=time.time() + 100), make(tmp_path, name="x")
    with desk(tmp_path) as store:
        new = store.rotate(old.key.prefix, 50.0, None, time.time())
        store.revoke(revoked.key.prefix, time.time())
    async with running(tmp_path) as keys:
        late, gone = keys.known(old.key.token, time.time() + 60), keys.known(revoked.key.token, time.time())

        assert isinstance(late, Refusal)
        assert f"nx_{old.key.prefix} expired on 20" in late.message
        assert f"replaced by nx_{new.key.prefix}" in late.message
        assert isinstance(gone, Refusal)
        assert "was revoked on 20" in gone.message
        assert not is_guess(late)
        assert not is_guess(gone)
        assert status(keys, old) == status(keys, new) == 200


async def test_both_keys_of_a_rotation_are_the_same_caller(tmp_path: Path) -> None:
    old = make(tmp_path, tenant="acme")
    with desk(tmp_path) as store:
        new = store.rotate(old.key.prefix, 50.0, None, time.time())
    async with running(tmp_path) as keys:
        one, other = (keys.known(made.key.token, time.time()) for made in (old, new))

        assert isinstance(one, Principal)
        assert isinstance(other, Principal)
        assert one.key == other.key
        assert one is not other


COMMAND = (sys.executable, "-m", "narthex", "keys")


async def command(*arguments: str) -> str:
    def run() -> str:
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=True).stdout

    return await asyncio.to_thread(run)


async def test_two_gateways_of_a_folder_see_what_an_operator_does_within_a_second(tmp_path: Path) -> None:
    heard = Heard()
    async with running(tmp_path, heard, Pace()) as one, running(tmp_path, pace=Pace()) as other:
        began = heard.changes
        token = (await command("create", "--name", "ci", "--state", str(tmp_path))).strip()
        created = await until(
            lambda: all(isinstance(keys.known(token, time.time()), Principal) for keys in (one, other))
        )
        await command("revoke", token, "--state", str(tmp_path))
        revoked = await until(lambda: all(isinstance(keys.known(token, time.time()), Refusal) for keys in (one, other)))

        assert max(created, revoked) < 1.0
        assert heard.changes == began + 2


async def test_what_is_not_about_keys_is_no_news(tmp_path: Path) -> None:
    heard = Heard()
    made = make(tmp_path)
    async with running(tmp_path, heard) as keys:
        who = keys.known(made.key.token, time.time())
        began = heard.changes
        with desk(tmp_path) as store:
            store.note_used({made.key.prefix: time.time()})
        await until(lambda: keys.looks >= 3, 5)
        assert heard.changes == began
        make(tmp_path, name="other")
        await until(lambda: len(keys) == 2)

        assert heard.changes == began + 1
        assert keys.known(made.key.token, time.time()) is who, "one object per key, as long as it means the same"


async def test_when_a_key_was_used_is_written_in_batches(tmp_path: Path) -> None:
    made, idle = make(tmp_path), make(tmp_path, name="idle")
    async with running(tmp_path) as keys:
        for _ in range(100):
            keys.known(made.key.token, 1_900_000_000.0)
        assert [one.used for one in keys.records()] == [1_900_000_000.0, None]
        await until(lambda: used(tmp_path) == [1_900_000_000.0, None])

        who = keys.known(idle.key.token, 1_900_000_001.0)
        assert isinstance(who, Principal)
        keys.touch(who, 1_900_000_002.0)
        keys.touch(Principal(subject="x", how="jwt", claims={"key": f"nx_{idle.key.prefix}"}), 1_900_000_009.0)
        keys.touch(Principal(subject="x", how="key", claims={"key": "nx_00000000"}), 1_900_000_009.0)
    assert used(tmp_path) == [1_900_000_000.0, 1_900_000_002.0], "the end writes what waits"


def used(folder: Path) -> list[float | None]:
    with desk(folder) as store:
        return [one.used for one in store.records()]


async def test_who_writes_for_long_delays_no_look(tmp_path: Path) -> None:
    made = make(tmp_path)
    heard = Heard()
    async with running(tmp_path, heard) as keys:
        database = Database(tmp_path)
        with database.writing():
            keys.known(made.key.token, time.time())
            before = keys.looks
            await until(lambda: keys.looks > before + 50)  # longer than `use_seconds`: a writing waits for the lock
            assert status(keys, made) == 200
        database.close()
        await until(lambda: used(tmp_path) != [None])
    assert heard.said == []


async def test_a_folder_that_was_emptied_has_no_keys(tmp_path: Path) -> None:
    made = make(tmp_path)
    async with running(tmp_path) as keys:
        for path in tmp_path.iterdir():
            path.unlink()
        await until(lambda: status(keys, made) == 401)
        again = make(tmp_path)
        await until(lambda: status(keys, again) == 200)


async def test_who_cannot_look_takes_no_key(tmp_path: Path) -> None:
    made, heard = make(tmp_path), Heard()
    async with running(tmp_path, heard) as keys:
        aside = tmp_path / "aside"
        (tmp_path / FILE).rename(aside)
        (tmp_path / FILE).mkdir()
        began = heard.changes
        took = await until(lambda: status(keys, made) == 503)
        refusal = keys.known(made.key.token, time.time())

        assert took < HURRIED.blind_seconds + 1.0
        assert isinstance(refusal, Refusal)
        assert refusal.retry_after_seconds
        assert keys.of_prefix(made.key.prefix, time.time()) == refusal, "an operator who asks is told the same"
        assert heard.changes == began + 1
        assert keys.known("other.kind.of-token", time.time()) is None, "other credentials go on"
        (tmp_path / FILE).rmdir()
        await until(lambda: status(keys, made) == 401)  # an empty one is made
        told = [f"{level}: {said}" for level, said in heard.said if "last used" not in said]
        assert [line.partition(":")[0] for line in told] == ["error", "info"]
        assert "not a plain file" in told[0]
        assert len(heard.said) <= 3, "once each, however long it lasts"


async def test_when_nobody_looks_any_more_no_key_is_good(tmp_path: Path) -> None:
    made = make(tmp_path)
    keys = ApiKeys(tmp_path, pace=HURRIED)
    assert status(keys, made) == 503
    await keys.start()
    assert status(keys, made) == 200
    following = asyncio.create_task(keys.follow())
    await until(lambda: keys.looks > 1)
    following.cancel()
    await asyncio.wait({following})
    assert status(keys, made) == 503
    await keys.aclose()


async def test_a_folder_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 1000)
    keys = ApiKeys(tmp_path)
    with pytest.raises(StateFault, match="is damaged"):
        await keys.start()
    await keys.aclose()


async def test_the_key_itself_is_nowhere(tmp_path: Path) -> None:
    made, heard = make(tmp_path, scopes=("a",)), Heard()
    async with running(tmp_path, heard) as keys:
        who = keys.known(made.key.token, time.time())
        with desk(tmp_path) as store:
            store.revoke(made.key.prefix, time.time())
        await until(lambda: status(keys, made) == 401)
        shown = [keys, who, keys.records(), keys.known(made.key.token, 0.0), keys.known(made.key.token[:-1], 0.0)]
        printed = (
            repr(shown) + str(heard.said) + "".join(f"{one.claims}" for one in [who] if isinstance(one, Principal))
        )
    secret = made.key.token[12:]

    assert secret not in printed
    assert [path.name for path in tmp_path.rglob("*") if secret.encode() in path.read_bytes()] == []


async def test_ten_thousand_keys_are_small_and_quick(tmp_path: Path) -> None:
    import tracemalloc

    from narthex.store import api_keys as room

    database = Database(tmp_path)
    with database.writing() as write:
        made = [room._insert(write, Terms(name=f"k{n}", scopes=("mcp:tools", "crm:read")), 1.0) for n in range(10_000)]
        room._note_change(write)
    database.close()
    last = made[-1].key.token
    del made
    tracemalloc.start()
    async with running(tmp_path) as keys:
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        started = time.perf_counter()
        for _ in range(1_000):
            keys.known(last, 2.0)
        each = (time.perf_counter() - started) / 1_000

        assert len(keys) == 10_000
        assert size / 10_000 < 2_000
        assert each < 0.001, "no search: some microseconds, whatever else the machine does"
