"""The vault on a disk: what is found, who may change it, who hears of it, and where it ends."""

import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from narthex.limits import (
    connect_flows_max,
    connect_flows_per_owner_max,
    connections_per_owner_max,
    vault_clients_max,
    vault_grants_max,
)
from narthex.model.vault import VaultConfig
from narthex.ports import Kept, VaultFault
from narthex.store.database import Database
from narthex.store.vault import VaultGrants
from narthex.store.vault_desk import VaultDesk
from narthex.store.vault_flows import VaultFlows
from narthex.store.vault_key import FILE, BadVaultKey, key_of, vault_keys
from narthex.wire.safe import Safe

KEY = bytes(range(32))
ANA, BO = "t\x00https://idp\x00ana", "\x00key\x00bo"


@pytest.fixture
def damage() -> list[str]:
    return []


@pytest.fixture
def grants(tmp_path: Path, damage: list[str]) -> Iterator[VaultGrants]:
    database = Database(tmp_path)
    yield VaultGrants(database, Safe((KEY,)), damage.append)
    database.close()


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[VaultFlows]:
    database = Database(tmp_path)
    yield VaultFlows(database, Safe((KEY,)))
    database.close()


def kept(owner: str = ANA, server: str = "crm", content: bytes = b"planted", **more: object) -> Kept:
    base = Kept(owner=owner, server=server, issuer="https://idp", content=content, since=1.0)
    return msgspec.structs.replace(base, **more)


def test_it_is_known_before_whether_there_is_room(grants: VaultGrants) -> None:
    for place in range(connections_per_owner_max):
        grants.has_room(ANA, "one more")
        grants.put(kept(server=f"s{place}"))

    grants.has_room(ANA, "s0")
    grants.has_room(BO, "crm")
    with pytest.raises(VaultFault, match="at most"):
        grants.has_room(ANA, "one more")


def test_what_is_put_is_found_by_its_owner_and_server_alone(grants: VaultGrants) -> None:
    grants.put(kept())
    grants.put(kept(server="files"))

    found = grants.find(ANA, "crm")
    assert found is not None
    assert (found.owner, found.content, found.version) == (ANA, b"planted", 1)
    assert [one.server for one in grants.of(ANA)] == ["crm", "files"]
    assert (grants.of(BO), grants.find(BO, "crm"), grants.find(ANA, "other")) == ([], None, None)
    assert {one.content for one in grants.all()} == {b""}


def test_one_of_two_writers_of_a_version_wins(grants: VaultGrants) -> None:
    first = grants.put(kept())
    second = grants.replace(msgspec.structs.replace(first, content=b"second"))

    assert second is not None
    assert grants.replace(msgspec.structs.replace(first, content=b"late")) is None
    found = grants.find(ANA, "crm")
    assert found is not None
    assert found.content == b"second"


def test_a_late_writer_does_not_meet_a_row_that_was_made_anew(grants: VaultGrants) -> None:
    old = grants.put(kept())
    assert grants.remove(ANA, "crm") is not None
    grants.put(kept(content=b"anew"))

    assert grants.replace(old) is None
    assert grants.lease(ANA, "crm", old.version, "me", 0.0, 10.0) is None


def test_a_lease_is_for_one_and_ends(grants: VaultGrants) -> None:
    version = grants.put(kept()).version

    assert grants.lease(ANA, "crm", version, "me", 0.0, 10.0) is True
    assert grants.lease(ANA, "crm", version, "me", 5.0, 15.0) is True
    assert grants.lease(ANA, "crm", version, "another", 14.0, 20.0) is False
    assert grants.lease(ANA, "crm", version, "another", 15.0, 20.0) is True
    grants.release(ANA, "crm", "me", None)
    assert grants.lease(ANA, "crm", version, "third", 16.0, 20.0) is False
    grants.release(ANA, "crm", "another", 30.0)
    assert grants.lease(ANA, "crm", version, "third", 16.0, 20.0) is True


def test_what_is_due_is_told_to_whoever_has_that_server(grants: VaultGrants) -> None:
    grants.put(kept(due=10.0))
    grants.put(kept(BO, due=5.0))
    grants.put(kept(server="files", due=1.0))
    grants.put(kept(server="mail", due=1.0, void=True))
    leased = grants.put(kept(BO, "mail", due=2.0))
    grants.lease(BO, "mail", leased.version, "me", 0.0, 20.0)

    assert grants.due(("crm", "mail"), 9.0, 10) == [(BO, "crm")]
    assert grants.due(("crm", "mail"), 20.0, 10) == [(BO, "mail"), (BO, "crm"), (ANA, "crm")]
    assert grants.due(("crm", "mail"), 20.0, 1) == [(BO, "mail")]
    assert grants.due((), 20.0, 10) == []


def test_changes_are_told_once(grants: VaultGrants) -> None:
    mark = grants.changes(-1).mark
    first = grants.put(kept())
    grants.put(kept(BO))
    grants.remove(BO, "crm")
    told = grants.changes(mark)

    assert [(one.owner, one.version) for one in told.rows] == [(ANA, first.version), (BO, None)]
    assert grants.changes(told.mark).rows == ()
    assert grants.changes(told.mark + 7).all


def test_what_is_void_lends_itself_to_nobody(grants: VaultGrants) -> None:
    grants.put(kept(since=2.0))
    grants.put(kept(BO, since=1.0, void=True))

    assert [one.owner for one in grants.working("crm", 10)] == [ANA]


def test_an_owner_keeps_so_many_and_a_known_one_can_still_be_put(grants: VaultGrants) -> None:
    for place in range(connections_per_owner_max):
        grants.put(kept(server=f"s{place}"))
    grants.put(kept(server="s0"))

    with pytest.raises(VaultFault, match=str(connections_per_owner_max)):
        grants.put(kept(server="one more"))
    grants.put(kept(BO))


def test_a_full_vault_takes_nobody_new(grants: VaultGrants, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO vault_grants SELECT CAST(i AS BLOB), 's', 'i', x'00', 0, NULL, 0, 1, i, NULL, NULL FROM n",
        (vault_grants_max,),
    )
    other.close()

    with pytest.raises(VaultFault, match=str(vault_grants_max)):
        grants.put(kept())


def test_nothing_of_it_can_be_read_on_the_disk(grants: VaultGrants, flows: VaultFlows, tmp_path: Path) -> None:
    grants.put(kept(content=b"planted-grant"))
    flows.send(b"d", b"b", ANA, b"planted-flow", 10.0, 0.0)
    flows.keep_client("https://idp", "https://gw/callback", b"planted-client", 0.0)

    assert b"planted" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "planted" not in repr(grants.find(ANA, "crm"))


def test_a_row_that_another_hand_has_touched_is_not_there(
    grants: VaultGrants, damage: list[str], tmp_path: Path
) -> None:
    grants.put(kept())
    grants.put(kept(BO))
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    for change in (
        "UPDATE vault_grants SET content = (SELECT content FROM vault_grants WHERE owner = :bo) WHERE owner = :ana",
        "UPDATE vault_grants SET content = 'text' WHERE owner = :ana",
        "UPDATE vault_grants SET content = x'' WHERE owner = :ana",
        "UPDATE vault_grants SET content = x'01020304050607' WHERE owner = :ana",
    ):
        other.execute(change, {"ana": ANA.encode(), "bo": BO.encode()})
        assert (grants.find(ANA, "crm"), grants.of(ANA)) == (None, [])
    other.close()

    assert grants.remove(ANA, "crm") is not None
    assert set(damage) == {"crm"}


# ---- browsers, and who we are --------------------------------------------------------------------------------------


def test_a_flow_is_taken_once_in_time_by_its_own_browser(flows: VaultFlows) -> None:
    flows.send(b"one", b"browser", ANA, b"flow", 10.0, 0.0)
    flows.send(b"two", b"browser", ANA, b"flow", 10.0, 0.0)

    assert flows.take(b"one", b"another", 5.0) is None
    assert flows.take(b"one", b"browser", 5.0) == b"flow"
    assert flows.take(b"one", b"browser", 5.0) is None
    assert flows.take(b"two", b"browser", 10.0) is None


def test_the_oldest_flow_of_an_owner_makes_room_and_others_do_not(flows: VaultFlows, tmp_path: Path) -> None:
    flows.send(b"his", b"browser", BO, b"flow", 50.0, 0.0)
    for place in range(connect_flows_per_owner_max + 1):
        flows.send(f"{place}".encode(), b"browser", ANA, b"flow", 100.0 + place, 0.0)

    assert flows.take(b"0", b"browser", 0.0) is None
    assert flows.take(b"1", b"browser", 0.0) == b"flow"
    assert flows.take(b"his", b"browser", 0.0) == b"flow"


def test_too_many_flows_let_nobody_begin_another(flows: VaultFlows, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO vault_flows SELECT CAST(i AS BLOB), x'00', CAST(i AS BLOB), x'00', 100.0 FROM n",
        (connect_flows_max,),
    )
    other.close()

    with pytest.raises(VaultFault, match=str(connect_flows_max)):
        flows.send(b"more", b"browser", ANA, b"flow", 100.0, 0.0)
    flows.send(b"later", b"browser", ANA, b"flow", 300.0, 200.0)  # those are over by then


def test_a_registration_is_bound_to_issuer_and_redirect_uri(flows: VaultFlows, tmp_path: Path) -> None:
    flows.keep_client("https://one", "https://gw/a", b"client", 0.0)
    flows.sent_with("https://one", "https://gw/a")
    flows.sent_with("https://one", "https://gw/a")

    assert flows.client("https://one", "https://gw/a") == (b"client", 2)
    assert flows.client("https://two", "https://gw/a") is None
    assert flows.client("https://one", "https://gw/b") is None
    flows.came_back("https://one", "https://gw/a")
    assert flows.client("https://one", "https://gw/a") == (b"client", 0)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("UPDATE vault_clients SET issuer = 'https://two'")
    other.close()
    assert flows.client("https://two", "https://gw/a") is None


def test_the_oldest_registration_makes_room(flows: VaultFlows, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO vault_clients SELECT 'https://' || i, 'uri', x'00', i, 0 FROM n",
        (vault_clients_max,),
    )
    flows.keep_client("https://new", "uri", b"client", 1e9)
    counted = other.execute("SELECT count(*), min(made) FROM vault_clients").fetchone()
    other.close()

    assert counted == (vault_clients_max, 2.0)


# ---- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [b64encode(KEY).decode(), urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")])
def test_a_key_is_written_as_base64_of_either_kind(text: str) -> None:
    assert len(key_of(f" {text}\n")) == 32


@pytest.mark.parametrize("text", ["", "short", b64encode(b"x" * 31).decode(), "!" * 44, "é" * 44])
def test_what_is_no_key_is_told_without_it(text: str) -> None:
    with pytest.raises(BadVaultKey, match="32 bytes") as error:
        key_of(text)

    assert not text or text not in str(error.value)


def test_a_key_of_its_own_is_made_where_none_is_given_and_goes_on_opening(tmp_path: Path) -> None:
    (own,) = vault_keys(tmp_path, None)
    mode = (tmp_path / FILE).stat().st_mode & 0o777
    given = VaultConfig(key=b64encode(KEY).decode(), old_keys=(b64encode(b"o" * 32).decode(),))

    assert mode == 0o600
    assert vault_keys(tmp_path, None) == (own,)
    assert vault_keys(tmp_path, given) == (KEY, b"o" * 32, own)
    assert vault_keys(tmp_path / "other", given) == (KEY, b"o" * 32)
    assert b64encode(KEY).decode() not in repr(given)


async def test_a_vault_that_cannot_be_opened_says_so_and_can_be_later(tmp_path: Path) -> None:
    vault = VaultDesk(tmp_path, None, lambda _level, _said: None)
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(VaultFault, match="damaged"):
        await vault.find(ANA, "crm")
    (tmp_path / FILE).unlink()

    assert await vault.find(ANA, "crm") is None
    await vault.aclose()
