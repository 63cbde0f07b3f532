"""Stops on disk: made, renewed, resumed, over by themselves, bounded."""

from math import inf

import pytest

from narthex.model.stop import Target
from narthex.store.database import Database
from narthex.store.folder import StateFault
from narthex.store.stops import StopFault, StopStore, TargetFault

NOW = 1_800_000_000.0
TOOL = Target(kind="tool", name="crm/delete")


def test_a_stop_is_kept_with_all_that_was_said(database: Database) -> None:
    store = StopStore(database)
    made = store.stop(TOOL, "incident 4711", "ops", inf, NOW)

    assert store.stops() == [made]
    assert (made.id, made.target, made.reason, made.by, made.since, made.until) == (
        1,
        TOOL,
        "incident 4711",
        "ops",
        NOW,
        inf,
    )
    assert store.changes() == 1


def test_what_is_stopped_already_stays_one_stop_with_the_new_end(database: Database) -> None:
    store = StopStore(database)
    store.stop(TOOL, "first", "ops", NOW + 60, NOW)
    again = store.stop(TOOL, "second", "lead", inf, NOW + 1)

    assert [(one.id, one.reason, one.by, one.until) for one in store.stops()] == [(1, "second", "lead", inf)]
    assert again.since == NOW


def test_stopping_again_never_ends_it_earlier(database: Database) -> None:
    store = StopStore(database)
    store.stop(TOOL, "incident", "ops", NOW + 60, NOW)

    assert store.stop(TOOL, "", "agent", NOW + 1, NOW).until == NOW + 60
    assert store.stop(TOOL, "", "agent", inf, NOW).until == inf
    again = store.stop(TOOL, "", "agent", NOW + 1, NOW)
    assert (again.until, again.reason) == (inf, "incident")


def test_one_that_is_over_makes_way_for_a_new_one(database: Database) -> None:
    store = StopStore(database)
    store.stop(TOOL, "", "ops", NOW + 60, NOW)
    again = store.stop(TOOL, "", "ops", inf, NOW + 60)

    assert [one.holds(NOW + 60) for one in store.stops()] == [False, True]
    assert again.id == 2


def test_resumed_once_by_somebody(database: Database) -> None:
    store = StopStore(database)
    store.stop(TOOL, "", "ops", inf, NOW)
    first = store.resume(1, "lead", NOW + 5)
    second = store.resume(1, "other", NOW + 9)

    assert first == second
    assert (first.resumed, first.resumed_by, first.holds(NOW + 6)) == (NOW + 5, "lead", False)
    assert store.changes() == 2
    with pytest.raises(StopFault, match="There is no stop 7"):
        store.resume(7, "lead", NOW)


def test_all_at_once(database: Database) -> None:
    store = StopStore(database)
    for kind in ("server", "tenant"):
        store.stop(Target(kind=kind, name="x"), "", "ops", inf, NOW)
    store.stop(TOOL, "", "ops", NOW + 1, NOW)

    assert [one.target.kind for one in store.resume_all("ops", NOW + 2)] == ["server", "tenant"]
    assert store.resume_all("ops", NOW + 3) == ()


def test_a_principal_of_one_tenant_is_another_than_that_of_all(database: Database) -> None:
    store = StopStore(database)
    store.stop(Target(kind="principal", name="bob"), "", "ops", inf, NOW)
    store.stop(Target(kind="principal", name="bob", tenant="acme"), "", "ops", inf, NOW)

    assert [one.target.tenant for one in store.stops()] == [None, "acme"]


@pytest.mark.parametrize(
    ("target", "reason", "until", "told"),
    [
        (Target(kind="tool", name=""), "", inf, "1 to 512"),
        (Target(kind="tool", name="a\nb"), "", inf, "printable"),
        (Target(kind="tool", name="a" * 513), "", inf, "1 to 512"),
        (Target(kind="server", name="a", tenant="b"), "", inf, "Only a principal"),
        (TOOL, "a\nb", inf, "one line"),
        (TOOL, "a" * 301, inf, "up to 300"),
        (TOOL, "", NOW, "before it began"),
        (TOOL, "", NOW + 367 * 86_400.0, "within 366 days"),
        (TOOL, "", float("nan"), "before it began"),
    ],
)
def test_what_is_no_stop_is_refused(database: Database, target: Target, reason: str, until: float, told: str) -> None:
    with pytest.raises(TargetFault, match=told):
        StopStore(database).stop(target, reason, "ops", until, NOW)


def test_there_is_room_for_so_many(database: Database) -> None:
    store = StopStore(database, stops_max=2)
    for name in ("a", "b"):
        store.stop(Target(kind="server", name=name), "", "ops", inf, NOW)

    with pytest.raises(StopFault, match="2 things are stopped already"):
        store.stop(Target(kind="server", name="c"), "", "ops", inf, NOW)
    store.resume(1, "ops", NOW)
    assert store.stop(Target(kind="server", name="c"), "", "ops", inf, NOW).id == 3


def test_a_row_that_no_version_wrote_is_told_of(database: Database) -> None:
    store = StopStore(database)
    store.stop(TOOL, "", "ops", inf, NOW)
    with database.writing() as write:
        write.execute("UPDATE stops SET kind = 'planet'")

    with pytest.raises(StateFault, match="a stop that no version wrote"):
        store.stops()
