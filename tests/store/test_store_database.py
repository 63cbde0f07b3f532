"""The state database: ours alone, migrated once, written by one at a time, told of in sentences."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from narthex.store.database import FILE, Database
from narthex.store.folder import StateFault
from narthex.store.migrations import MIGRATIONS

BUMP = "INSERT INTO counters (name, value) VALUES ('x', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"


def bump(database: Database) -> None:
    with database.writing() as write:
        write.execute(BUMP)


def value(database: Database) -> int:
    rows = database.read("SELECT value FROM counters WHERE name = 'x'")
    return rows[0][0] if rows else 0


def test_every_file_of_it_is_ours_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened = Database(tmp_path)
        bump(opened)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        opened.close()
    finally:
        os.umask(before)

    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_a_file_that_others_could_read_is_taken_back(tmp_path: Path) -> None:
    Database(tmp_path).close()
    (tmp_path / FILE).chmod(0o644)
    Database(tmp_path).close()

    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateFault, match="not a plain file"):
        Database(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateFault, match="cannot be used: No such file"):
        Database(tmp_path / "nowhere")


def test_a_transaction_is_whole_or_nothing(database: Database) -> None:
    with pytest.raises(StateFault, match="syntax error"), database.writing() as write:
        assert write.execute(BUMP).execute("two; statements;")

    assert value(database) == 0
    bump(database)
    assert value(database) == 1


def test_the_mark_changes_when_somebody_else_writes(tmp_path: Path, database: Database) -> None:
    other = Database(tmp_path)
    first = database.mark()
    bump(database)
    own = database.mark()
    bump(other)
    others = database.mark()
    other.close()

    assert first == own != others
    assert database.mark() == others


def test_another_file_in_its_place_is_noticed_and_opened(tmp_path: Path, database: Database) -> None:
    bump(database)
    before = database.mark()
    for path in tmp_path.iterdir():
        path.unlink()
    after = database.mark()

    assert before != after
    assert value(database) == 0
    assert (tmp_path / FILE).exists()


def test_a_damaged_file_in_its_place_is_told_until_it_is_mended(tmp_path: Path, database: Database) -> None:
    (tmp_path / "new").write_bytes(b"no database at all, but long enough to be read as one " * 100)
    (tmp_path / "new").replace(tmp_path / FILE)
    for suffix in ("-wal", "-shm"):
        (tmp_path / (FILE + suffix)).unlink(missing_ok=True)

    for _ in range(2):
        with pytest.raises(StateFault, match="is damaged"):
            database.mark()
    (tmp_path / FILE).unlink()
    database.mark()
    bump(database)
    assert value(database) == 1


def test_a_version_from_the_future_is_left_alone(tmp_path: Path) -> None:
    Database(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    raw.close()

    with pytest.raises(StateFault, match="written by a newer version"):
        Database(tmp_path)


def test_who_waits_too_long_is_told_for_whom(tmp_path: Path, database: Database) -> None:
    hasty = Database(tmp_path, lock_seconds=0.05)
    with database.writing(), pytest.raises(StateFault, match=r"0\.05 s\. Find it: fuser"):
        bump(hasty)
    bump(hasty)
    hasty.close()

    assert value(database) == 1


ANOTHER = """
import sys
from pathlib import Path
from narthex.store.database import Database
from narthex.store.folder import StateFault
try:
    with Database(Path(sys.argv[1]), lock_seconds=0.05).writing() as write:
        print("written")
except StateFault:
    print("locked")
"""


def another(folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", ANOTHER, folder], capture_output=True, text=True, timeout=30)
    return done.stdout.strip() or done.stderr


def test_opening_it_twice_in_one_process_keeps_the_locks(tmp_path: Path, database: Database) -> None:
    """A process that opens and closes the file frees all its POSIX locks on it, whoever took them."""
    with database.writing():
        Database(tmp_path).close()
        during = another(tmp_path)

    assert (during, another(tmp_path)) == ("locked", "written")


MANY = """
import sys
from pathlib import Path
from narthex.store.database import Database
print("ready", flush=True)
sys.stdin.readline()
database = Database(Path(sys.argv[1]))
for _ in range(20):
    with database.writing() as write:
        write.execute(sys.argv[2])
database.close()
"""


def test_processes_that_start_at_once_make_one_database_and_lose_no_write(tmp_path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MANY, tmp_path, BUMP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    try:
        for one in started:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in started:
            one.communicate("go\n", timeout=60)
    finally:
        for one in started:
            one.kill()
            one.wait(10)
    opened = Database(tmp_path)

    assert [one.returncode for one in started] == [0] * 4
    assert value(opened) == 80
    opened.close()
    assert {path.name for path in tmp_path.iterdir()} == {FILE}


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(StateFault, match="already exists"):
        Database(tmp_path, steps=(*MIGRATIONS, "CREATE TABLE half (a);\nCREATE TABLE half (b);"))
    mended = Database(tmp_path)

    assert mended.read("PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert mended.read("SELECT name FROM sqlite_master WHERE name = 'half'") == []
    mended.close()


def test_steps_are_done_once_each_on_what_is_there(tmp_path: Path) -> None:
    older = Database(tmp_path)
    bump(older)
    older.close()
    for _ in range(2):
        newer = Database(tmp_path, steps=(*MIGRATIONS, "ALTER TABLE counters ADD COLUMN more;"))
        assert newer.read("SELECT value, more FROM counters") == [(1, None)]
        newer.close()
