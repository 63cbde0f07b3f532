"""Pins on disk: what was seen first is pinned, what comes later waits, and one decision holds in every process."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from narthex.catalog.pins import sighting
from narthex.model.pin import Pin, Sighting
from narthex.store.database import Database
from narthex.store.folder import StateFault
from narthex.store.pins import PinFault, PinStore

NOW = 1_800_000_000.0


@pytest.fixture
def store(database: Database) -> PinStore:
    return PinStore(database)


def tool(text: str = "a", name: str = "search") -> Sighting:
    return sighting("tool", name, {"name": name, "description": text})


def told(pins: list[Pin]) -> list[tuple[str, bool]]:
    return [(pin.state, pin.decided is not None) for pin in pins]


def test_the_first_is_pinned_by_nobody_and_the_next_waits(store: PinStore) -> None:
    [first] = store.observe("crm", "1.0", [tool()], NOW)
    assert (first.state, first.decided, first.by, first.version, first.first_seen) == ("pinned", None, "", "1.0", NOW)
    assert first.definition == tool().definition
    assert not store.known()["crm"].locked
    assert store.observe("crm", "1.1", [tool()], NOW + 1) == ()

    [second] = store.observe("crm", "1.1", [tool("b")], NOW + 2)
    assert second.state == "pending"
    known = store.known()["crm"]
    assert known.pinned(("tool", "search")) == first
    assert known.of(("tool", "search"), second.fingerprint) == msgspec.structs.replace(second, definition=b"")


def test_of_two_under_one_name_one_is_pinned_and_neither_is_locked(store: PinStore) -> None:
    assert [pin.state for pin in store.observe("crm", "", [tool(), tool("b")], NOW)] == ["pinned", "pending"]
    assert store.lock("crm", "", [tool(), tool("b"), tool(name="other")], "ada", NOW)[0].name == "other"
    assert told(store.pins()) == [("pinned", True), ("pinned", False), ("pending", False)]


def test_locking_approves_of_all_there_is(store: PinStore) -> None:
    store.observe("crm", "1", [tool()], NOW)
    done = store.lock("crm", "2", [tool("b"), tool(name="other")], "ada", NOW + 1)
    assert [(pin.name, pin.state, pin.by, pin.decided) for pin in done] == [
        ("search", "pinned", "ada", NOW + 1),
        ("other", "pinned", "ada", NOW + 1),
    ]
    assert store.known()["crm"].locked
    assert [pin.state for pin in store.pins() if pin.fingerprint == tool().fingerprint] == ["past"]
    assert store.lock("crm", "2", [tool("b"), tool(name="other")], "bob", NOW + 2) == ()


def test_decisions(store: PinStore) -> None:
    store.lock("crm", "1", [tool()], "ada", NOW)
    store.observe("crm", "1", [tool("b")], NOW + 1)
    before = store.changes()
    rejected = store.reject("crm", "tool", "search", tool("b").fingerprint, "bob", NOW + 2)
    assert (rejected.state, rejected.by) == ("rejected", "bob")
    assert store.known()["crm"].pinned(("tool", "search")) is not None
    assert store.changes() == before + 1

    approved = store.approve("crm", "tool", "search", tool("b").fingerprint, "ada", NOW + 3)
    assert approved.approved
    assert store.approve("crm", "tool", "search", tool("b").fingerprint, "bob", NOW + 4).by == "ada"
    assert sorted(told(store.pins())) == [("past", True), ("pinned", True)]

    store.reject("crm", "tool", "search", tool("b").fingerprint, "ada", NOW + 5)
    assert store.known()["crm"].pinned(("tool", "search")) is None
    with pytest.raises(PinFault, match="was ever seen"):
        store.approve("crm", "tool", "search", "0" * 64, "ada", NOW)


def test_what_is_forgotten_is_new_again(store: PinStore) -> None:
    store.lock("crm", "1", [tool(), tool(name="other")], "ada", NOW)
    assert store.forget("crm", "tool", "search") == 1
    assert store.forget("crm", "tool", "search") == 0
    assert store.forget("crm") == 1
    assert store.observe("crm", "1", [tool("b")], NOW)[0].state == "pinned"


def test_a_server_that_changes_all_the_time_fills_nothing(database: Database) -> None:
    store = PinStore(database, waiting_max=3, per_server_max=6)
    store.lock("crm", "1", [tool()], "ada", NOW)
    for turn in range(50):
        store.observe("crm", "1", [tool(f"turn {turn}")], NOW + turn)
    assert told(store.pins()) == [("pinned", True)] + [("pending", False)] * 3
    assert store.pins()[-1].definition == tool("turn 49").definition

    store.observe("crm", "1", [tool(name=f"t{n}") for n in range(50)], NOW + 99)
    assert len(store.pins()) == 6  # what waited has made room; what found none is unapproved, like what nobody saw
    assert store.observe("erp", "1", [tool()], NOW)[0].state == "pinned"


def test_large_definitions_fill_nothing_either(database: Database) -> None:
    store = PinStore(database, bytes_max=2_000)
    kept = store.observe("crm", "1", [tool("x" * 600, name=f"t{n}") for n in range(9)], NOW)
    assert 1 <= len(kept) <= 3
    assert store.observe("erp", "1", [tool()], NOW) != ()  # a server takes room from itself only
    assert store.forget("crm") == len(kept)
    assert store.observe("crm", "1", [tool()], NOW) != ()


OTHER = """
import sys
from pathlib import Path
from narthex.catalog.pins import sighting
from narthex.store.database import Database
from narthex.store.pins import PinStore
one = sighting("tool", "search", {"name": "search", "description": "b"})
store = PinStore(Database(Path(sys.argv[1])))
store.observe("crm", "2", [one], 1.0)
store.approve("crm", "tool", "search", one.fingerprint, "bob", 2.0)
"""


def test_a_decision_of_another_process_is_seen_by_its_mark(tmp_path: Path, database: Database, store: PinStore) -> None:
    store.lock("crm", "1", [tool()], "ada", NOW)
    mark, count = database.mark(), store.changes()
    subprocess.run([sys.executable, "-c", OTHER, str(tmp_path)], check=True, timeout=30)
    assert database.mark() != mark
    assert store.changes() == count + 2
    pinned = store.known()["crm"].pinned(("tool", "search"))
    assert pinned is not None
    assert (pinned.by, pinned.version, pinned.definition) == ("bob", "2", tool("b").definition)


def test_two_processes_see_the_same_for_the_first_time(tmp_path: Path, store: PinStore) -> None:
    code = OTHER.rpartition("store.approve")[0]
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [one.wait(30) for one in both] == [0, 0]
    assert told(store.pins()) == [("pinned", False)]


def test_a_row_that_no_version_wrote_is_told(database: Database, store: PinStore) -> None:
    store.observe("crm", "1", [tool()], NOW)
    with database.writing() as write:
        write.execute("UPDATE pins SET state = 'maybe'")
    with pytest.raises(StateFault, match="holds a pin that no version wrote"):
        store.pins()
