"""A running gateway follows its file: real files, real renames, real signals."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError
from narthex.control.reload import Reloader

WAIT_SECONDS = 10.0


class House:
    """What was applied and what was refused, in order."""

    def __init__(self) -> None:
        self.applied: list[Loaded] = []
        self.refused: list[ConfigError] = []
        self.moved = asyncio.Condition()
        self.objection: ConfigError | None = None

    async def apply(self, loaded: Loaded) -> None:
        if self.objection is not None:
            raise self.objection
        async with self.moved:
            self.applied.append(loaded)
            self.moved.notify_all()

    def report(self, error: ConfigError) -> None:
        self.refused.append(error)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                await asyncio.sleep(0.02)

    @property
    def names(self) -> list[str]:
        return [server.name for server in self.applied[-1].config.servers] if self.applied else []


def text(*names: str) -> str:
    return "servers:\n" + "".join(f"  - {{name: {name}, upstream: 'http://127.0.0.1:1/mcp'}}\n" for name in names)


@asynccontextmanager
async def following(path: Path, environ: dict[str, str] | None = None) -> AsyncIterator[tuple[House, Reloader]]:
    house = House()
    reloader = Reloader(path, load(path, environ or {}), house.apply, house.report, environ or {})
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(reloader.run())
        await watching()
        yield house, reloader
        task.cancel()


async def watching() -> None:
    """The watcher has its folder open: until then only the look every few seconds sees a change."""
    if not Path("/proc/self/fd").exists():
        return
    async with asyncio.timeout(WAIT_SECONDS):
        while "watchfiles" not in _open_watches():
            await asyncio.sleep(0.02)


def _open_watches() -> str:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if "inotify" in str(entry.readlink()):
                return "watchfiles"
        except OSError:
            continue
    return ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "narthex.yaml"
    path.write_text(text("one"))
    return path


async def test_a_changed_file_is_taken_over(path: Path) -> None:
    async with following(path) as (house, _):
        path.write_text(text("one", "two"))
        await house.until(lambda: house.names == ["one", "two"])

        assert house.refused == []


async def test_a_bad_file_changes_nothing_and_says_why_and_the_next_good_one_is_taken(path: Path) -> None:
    async with following(path) as (house, _):
        path.write_text("servers:\n  - {name: one, upsteam: x}\n")
        await house.until(lambda: len(house.refused) == 1)
        path.write_text(text("three"))
        await house.until(lambda: house.names == ["three"])

        assert len(house.applied) == 1
        assert "2:17" in str(house.refused[0])
        assert "Did you mean 'upstream'?" in str(house.refused[0])


async def test_a_file_that_is_renamed_over_it_is_seen(path: Path) -> None:
    async with following(path) as (house, _):
        for number in ("2", "3"):
            other = path.with_suffix(".tmp")
            other.write_text(text(f"s{number}"))
            other.replace(path)
            await house.until(lambda number=number: house.names == [f"s{number}"])  # type: ignore[misc]

        assert len(house.applied) == 2


async def test_the_link_that_kubernetes_swaps_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()

    def publish(version: str, content: str) -> None:
        data = folder / f"..{version}"
        data.mkdir()
        (data / "narthex.yaml").write_text(content)
        (folder / "..data_tmp").symlink_to(data.name)
        (folder / "..data_tmp").replace(folder / "..data")

    publish("1", text("one"))
    path = folder / "narthex.yaml"
    path.symlink_to("..data/narthex.yaml")
    async with following(path) as (house, _):
        publish("2", text("two"))
        await house.until(lambda: house.names == ["two"])
        publish("3", text("three"))
        await house.until(lambda: house.names == ["three"])

        assert house.refused == []


async def test_a_deleted_file_is_reported_once_and_read_when_it_is_back(path: Path) -> None:
    async with following(path) as (house, _):
        path.unlink()
        await house.until(lambda: len(house.refused) == 1)
        path.write_text(text("back"))
        await house.until(lambda: house.names == ["back"])

        assert "gone" in str(house.refused[0])
        assert len(house.refused) == 1


async def test_hangup_reloads_a_file_that_did_not_change(path: Path) -> None:
    async with following(path) as (house, _):
        os.kill(os.getpid(), signal.SIGHUP)
        await house.until(lambda: len(house.applied) == 1)

        assert house.names == ["one"]


async def test_other_files_in_the_folder_are_nobodys_business(path: Path) -> None:
    async with following(path) as (house, reloader):
        (path.parent / "notes.txt").write_text("x")
        reloader._changed.set()
        await house.until(lambda: not reloader._changed.is_set())
        path.write_text(text("two"))
        await house.until(lambda: house.names == ["two"])

        assert len(house.applied) == 1


async def test_a_secret_in_a_file_of_another_folder_is_followed(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "token").write_text("first\n")
    path = tmp_path / "config" / "narthex.yaml"
    path.parent.mkdir()
    header = "{Authorization: '${file:" + str(secrets / "token") + "}'}"
    path.write_text(f"servers:\n  - {{name: one, upstream: 'http://127.0.0.1:1/mcp', headers: {header}}}\n")
    async with following(path) as (house, _):
        (secrets / "token").write_text("second\n")
        await house.until(lambda: len(house.applied) == 1)

        assert house.applied[0].config.servers[0].headers == {"Authorization": "second"}


async def test_a_missing_secret_is_waited_for_where_it_will_appear(path: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "later"
    secrets.mkdir()
    header = "{Authorization: '${file:later/token}'}"
    async with following(path) as (house, _):
        path.write_text(f"servers:\n  - {{name: one, upstream: 'http://127.0.0.1:1/mcp', headers: {header}}}\n")
        await house.until(lambda: len(house.refused) == 1)
        (secrets / "token").write_text("here")
        await house.until(lambda: len(house.applied) == 1)

        assert "later/token" in str(house.refused[0])


async def test_what_the_house_itself_refuses_is_reported_too(path: Path) -> None:
    async with following(path) as (house, _):
        house.objection = ConfigError([])
        path.write_text(text("two"))
        await house.until(lambda: len(house.refused) == 1)

        assert house.applied == []
