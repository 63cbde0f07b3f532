"""The state folder: where it is, whose it is, and that a file in it is never seen half written."""

import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from narthex.model.config import Config
from narthex.store.folder import StateFault, folder_of, locked, prepared, replace_file, served_before


@pytest.mark.parametrize(
    ("config", "environ", "folder"),
    [
        (Config(state="/var/lib/narthex"), {"XDG_STATE_HOME": "/x"}, "/var/lib/narthex"),
        (Config(), {"XDG_STATE_HOME": "/x"}, "/x/narthex/narthex"),
        (Config(name="org-mcp"), {"XDG_STATE_HOME": "/x/"}, "/x/narthex/org-mcp"),
        (Config(), {"XDG_STATE_HOME": "relative"}, str(Path.home() / ".local/state/narthex/narthex")),
        (Config(), {}, str(Path.home() / ".local/state/narthex/narthex")),
        (Config(state="~/here"), {}, str(Path.home() / "here")),
    ],
)
def test_where_it_is(config: Config, environ: dict[str, str], folder: str) -> None:
    assert folder_of(config, environ) == Path(folder)


@pytest.mark.parametrize("name", ["../up", "a/b", ".", "..", "", "ä", "x" * 300, ".hidden", "a\x00b"])
def test_a_name_that_is_no_file_name_stays_inside_and_apart(name: str) -> None:
    folder = folder_of(Config(name=name), {"XDG_STATE_HOME": "/x"})

    assert folder.parent == Path("/x/narthex")
    assert folder.name not in ("", ".", "..", name)
    assert folder != folder_of(Config(name=name + "!"), {"XDG_STATE_HOME": "/x"})


def test_a_user_without_a_home_is_told_what_to_do() -> None:
    with pytest.raises(StateFault, match="Set `state:`"):
        folder_of(Config(state="~no-such-user-here/x"), {})


def test_it_is_made_for_this_user_alone(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "deep" / "down")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert prepared(folder) == folder
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for wrong in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StateFault, match=r"cannot be used: .* Set `state:` in the configuration"):
            prepared(wrong)


def test_a_file_is_replaced_whole_for_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"0" * 100_000)
    torn: list[int] = []
    ends = threading.Event()

    def read() -> None:
        while not ends.is_set():
            found = path.read_bytes()
            if len(set(found)) != 1 or len(found) != 100_000:
                torn.append(len(found))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for digit in "123456789" * 5:
            replace_file(path, digit.encode() * 100_000)
    finally:
        ends.set()
        reader.join(10)

    assert torn == []
    assert path.read_bytes() == b"9" * 100_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").write_text("")

    with pytest.raises(OSError):
        replace_file(tmp_path / "taken", b"new")

    assert [found.name for found in tmp_path.iterdir()] == ["taken"]


HOLD = """
import sys
from pathlib import Path
from narthex.store.folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_is_held_by_one_process_and_freed_by_its_death(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(StateFault, match=r"Another process has held .*/\.lock for 0\.2 s"):
            with locked(tmp_path, 0.2):
                pass
        assert 0.2 <= time.monotonic() - started < 5
    finally:
        holder.kill()
        holder.communicate(timeout=10)

    with locked(tmp_path, 5):
        pass


def test_a_lock_where_no_folder_is_says_so(tmp_path: Path) -> None:
    with pytest.raises(StateFault, match="No such file"):
        with locked(tmp_path / "nowhere"):
            pass


def test_two_configurations_in_one_folder_are_noticed(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "state")
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text("")
    other.write_text("")

    assert [served_before(folder, file) for file in (one, one, other, one)] == [None, None, one, other]
    one.unlink()
    assert served_before(folder, other) is None  # it was moved
