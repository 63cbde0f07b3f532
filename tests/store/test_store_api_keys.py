"""API keys on disk: shown once, kept as a digest, replaced with overlap, revoked for good."""

from math import inf
from pathlib import Path

import pytest

from narthex.limits import api_key_scopes_max
from narthex.store.api_keys import KeyFault, KeyStore, Made, Terms, TermsFault
from narthex.store.database import Database
from narthex.store.folder import StateFault
from narthex.wire.api_key import digest_of, prefix_of

DAY = 86_400.0
NOW = 1_800_000_000.0
CI = Terms(name="ci", tenant="acme", scopes=("mcp:tools", "crm:read"), endpoints=("sales",), expires=NOW + 90 * DAY)


@pytest.fixture
def store(tmp_path: Path):
    database = Database(tmp_path)
    yield KeyStore(database)
    database.close()


def test_a_key_is_kept_with_its_terms_and_without_itself(tmp_path: Path, store: KeyStore) -> None:
    made = store.create(CI, NOW)
    [record] = store.records()

    assert record == made.record
    assert (record.name, record.tenant, record.scopes, record.endpoints) == ("ci", "acme", CI.scopes, ("sales",))
    assert (record.created, record.expires, record.revoked, record.used) == (NOW, NOW + 90 * DAY, None, None)
    assert prefix_of(made.key.token) == record.prefix
    assert record.digest == digest_of(made.key.token)
    assert secrets_in(tmp_path, made) == []


def secrets_in(folder: Path, made: Made) -> list[str]:
    """The files that hold the key, or its secret half."""
    secret = made.key.token.rpartition("_")[2]
    return [path.name for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_nothing_of_it_is_printed(store: KeyStore) -> None:
    made = store.create(CI, NOW)
    printed = f"{made!r} {made} {store.records()!r} {made.record!s}"

    assert made.key.token not in printed
    assert repr(made.record.digest) not in printed
    assert f"<KeyRecord nx_{made.key.prefix} ci>" in printed


def test_a_key_that_never_expires_and_one_for_every_endpoint(store: KeyStore) -> None:
    record = store.create(Terms(name="x"), NOW).record

    assert (record.expires, record.endpoints, record.scopes, record.tenant) == (inf, None, (), "")
    assert record.is_good(NOW * 100)


def test_a_name_belongs_to_one_good_key_of_a_tenant(store: KeyStore) -> None:
    first = store.create(CI, NOW)

    with pytest.raises(KeyFault, match=rf"There is a key 'ci' already, nx_{first.key.prefix}.*keys rotate nx_"):
        store.create(CI, NOW + 1)
    store.create(Terms(name="ci", tenant="globex"), NOW)
    store.revoke(first.key.prefix, NOW + 2)
    again = store.create(CI, NOW + 2)
    assert store.create(Terms(name="ci", tenant="acme"), NOW + 91 * DAY).record.is_good(NOW + 91 * DAY)
    assert not again.record.is_good(NOW + 91 * DAY)


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (Terms(name=""), "no name for a key"),
        (Terms(name="a b"), "no name for a key"),
        (Terms(name="a\nb"), "no name for a key"),
        (Terms(name="é"), "no name for a key"),
        (Terms(name="a" * 129), "no name for a key"),
        (Terms(name="a", tenant="a b"), "no name for a tenant"),
        (Terms(name="a", scopes=('say "x"',)), "no scope"),
        (Terms(name="a", scopes=("",)), "no scope"),
        (Terms(name="a", endpoints=("Sales",)), "no name of an endpoint"),
        (Terms(name="a", scopes=tuple(f"s{n}" for n in range(api_key_scopes_max + 1))), "scopes at most"),
        (Terms(name="a", expires=NOW), "expired before"),
        (Terms(name="a", expires=NOW + 99_999 * DAY), "--expires never"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_terms_that_make_no_key(store: KeyStore, terms: Terms, told: str) -> None:
    with pytest.raises(TermsFault, match=told):
        store.create(terms, NOW)
    assert store.records() == []


def test_a_replaced_key_is_good_as_long_as_they_overlap(store: KeyStore) -> None:
    old = store.create(CI, NOW)
    new = store.rotate(old.key.prefix, DAY, None, NOW + 10 * DAY)
    before, after = store.records()

    assert (before.prefix, before.replaced_by, before.expires) == (old.key.prefix, new.key.prefix, NOW + 11 * DAY)
    assert (before.state(NOW + 10 * DAY), before.state(NOW + 11 * DAY)) == ("replaced", "expired")
    assert (after.name, after.tenant, after.scopes, after.endpoints) == (CI.name, CI.tenant, CI.scopes, CI.endpoints)
    assert after.expires == NOW + 100 * DAY
    assert after.state(NOW + 10 * DAY) == "active"
    assert new.key.token != old.key.token


def test_a_rotation_never_prolongs_the_old_key(store: KeyStore) -> None:
    old = store.create(CI, NOW)
    store.rotate(old.key.prefix, 1000 * DAY, NOW + 5 * DAY, NOW + DAY)
    before, after = store.records()

    assert before.expires == CI.expires
    assert after.expires == NOW + 5 * DAY


def test_without_overlap_the_old_key_ends_at_once(store: KeyStore) -> None:
    old = store.create(Terms(name="x"), NOW)
    new = store.rotate(old.key.prefix, 0.0, None, NOW + 1)

    assert [one.is_good(NOW + 1) for one in store.records()] == [False, True]
    assert new.record.expires == inf


def test_only_a_good_key_is_replaced_and_only_once(store: KeyStore) -> None:
    old = store.create(CI, NOW)
    new = store.rotate(old.key.prefix, DAY, None, NOW)

    with pytest.raises(KeyFault, match=f"was replaced already, by nx_{new.key.prefix}"):
        store.rotate(old.key.prefix, DAY, None, NOW)
    with pytest.raises(KeyFault, match="is expired"):
        store.rotate(old.key.prefix, DAY, None, NOW + 2 * DAY)
    store.revoke(new.key.prefix, NOW)
    with pytest.raises(KeyFault, match="is revoked"):
        store.rotate(new.key.prefix, DAY, None, NOW)
    with pytest.raises(KeyFault, match="no key nx_00000000"):
        store.rotate("00000000", DAY, None, NOW)


def test_a_revoked_key_stays_revoked(store: KeyStore) -> None:
    made = store.create(CI, NOW)
    first, again = store.revoke(made.key.prefix, NOW + 1), store.revoke(made.key.prefix, NOW + 2)

    assert first == again
    assert (again.revoked, again.state(NOW), again.is_good(NOW)) == (NOW + 1, "revoked", False)
    with pytest.raises(KeyFault, match="no key nx_00000000"):
        store.revoke("00000000", NOW)


def test_changes_count_what_a_gateway_must_know_and_nothing_else(store: KeyStore) -> None:
    counts = [store.changes()]
    made = store.create(CI, NOW)
    counts.append(store.changes())
    store.note_used({made.key.prefix: NOW + 5})
    counts.append(store.changes())
    new = store.rotate(made.key.prefix, DAY, None, NOW)
    counts.append(store.changes())
    for _ in range(2):
        store.revoke(new.key.prefix, NOW)
    counts.append(store.changes())

    assert counts == [0, 1, 1, 2, 3]


def test_last_use_never_goes_back(store: KeyStore) -> None:
    made = store.create(CI, NOW)
    for used in (NOW + 5, NOW + 9, NOW + 7):
        store.note_used({made.key.prefix: used, "00000000": used})

    assert [one.used for one in store.records()] == [NOW + 9]


def test_what_is_void_longest_makes_room(tmp_path: Path) -> None:
    database = Database(tmp_path)
    store = KeyStore(database, keys_max=3)
    expired = store.create(Terms(name="expired", expires=NOW + 1), NOW)
    revoked = store.create(Terms(name="revoked"), NOW)
    store.revoke(revoked.key.prefix, NOW + 0.5)
    for n in range(3):
        store.create(Terms(name=f"k{n}"), NOW + 2 + n)

    assert [one.name for one in store.records()] == ["k0", "k1", "k2"]
    assert expired.key.prefix not in {one.prefix for one in store.records()}
    with pytest.raises(KeyFault, match="3 good keys"):
        store.create(Terms(name="one-too-many"), NOW + 9)
    with pytest.raises(KeyFault, match="3 good keys"):
        store.rotate(store.records()[0].prefix, DAY, None, NOW + 9)
    database.close()


def test_a_row_that_nobody_wrote_is_told(tmp_path: Path, store: KeyStore) -> None:
    database = Database(tmp_path)
    store.create(CI, NOW)
    with database.writing() as write:
        write.execute("UPDATE api_keys SET created = 'text'")
    database.close()

    with pytest.raises(StateFault, match="no version wrote"):
        store.records()
