"""What the authorization server keeps: clients, grants, browsers, keys, people."""

import itertools
from pathlib import Path

import pytest

from narthex.limits import (
    consents_per_user_max,
    grants_per_user_max,
    registered_client_idle_days,
    registered_client_unused_seconds,
    sign_ins_pending_max,
    sign_ins_per_user_max,
    signing_key_ahead_seconds,
    signing_key_seconds,
)
from narthex.store.database import Database
from narthex.store.oauth_clients import ClientsFull, OauthClients, Registered
from narthex.store.oauth_grants import Grant, OauthGrants, Turn
from narthex.store.oauth_keys import OauthKeys
from narthex.store.oauth_logins import Login, OauthLogins, Pending
from narthex.store.users import User, UserStore

NOW = 1_800_000_000.0
DAY = 86_400.0


def client(name: str) -> Registered:
    return Registered(id=name, name=name, redirect_uris=(), grant_types=(), method="none", secret=b"digest")


def grant(number: int, subject: str = "ana", seconds: float = DAY) -> Grant:
    return Grant(
        id=f"{subject}-{number}", subject=subject, client="c", scopes=("a",), resource="r", redirect_uri="u",
        challenge="x", proof="p", created=NOW + number, expires=NOW + number + seconds, refreshable=True,
    )  # fmt: skip


def test_a_client_is_found_as_it_was_registered(database: Database) -> None:
    store = OauthClients(database)
    store.add(client("a"), NOW)

    assert store.find("a") == client("a")
    assert store.find("b") is None


def test_clients_that_nobody_uses_are_forgotten(database: Database) -> None:
    store = OauthClients(database)
    for name in ("never used", "used"):
        store.add(client(name), NOW)
    store.touch("used", NOW)

    store.add(client("next"), NOW + registered_client_unused_seconds + 1)
    soon = {name for name in ("never used", "used") if store.find(name)}
    store.add(client("last"), NOW + registered_client_idle_days * DAY + 1)

    assert soon == {"used"}
    assert store.find("used") is None


def test_whoever_registers_without_end_pushes_out_only_those_who_were_never_let_in(
    database: Database,
) -> None:
    store = OauthClients(database, clients_max=3)
    store.add(client("used"), NOW)
    store.touch("used", NOW)
    for number in range(10):
        store.add(client(f"stranger {number}"), NOW + number)

    found = [name for name in ("used", "stranger 7", "stranger 8", "stranger 9") if store.find(name)]
    for name in found:
        store.touch(name, NOW)

    assert found == ["used", "stranger 8", "stranger 9"]
    with pytest.raises(ClientsFull):
        store.add(client("one more"), NOW)


def test_a_turn_is_taken_once_and_a_second_try_ends_the_grant(database: Database) -> None:
    store = OauthGrants(database)
    store.add(grant(1), NOW)

    came = [store.advance("ana-1", turn, NOW) for turn in (0, 1, 1, 2)]

    assert came == [Turn.TAKEN, Turn.TAKEN, Turn.AGAIN, Turn.UNKNOWN]
    assert store.revoked_since(NOW) == [("ana-1", NOW)]
    assert store.find("ana-1", NOW).revoked


def test_two_connections_cannot_take_the_same_turn(database: Database, tmp_path: Path) -> None:
    other = Database(tmp_path)
    OauthGrants(database).add(grant(1), NOW)

    came = [OauthGrants(one).advance("ana-1", 0, NOW) for one in (database, other)]
    other.close()

    assert came == [Turn.TAKEN, Turn.AGAIN]


def test_an_expired_grant_is_none(database: Database) -> None:
    store = OauthGrants(database)
    store.add(grant(1, seconds=10), NOW)

    assert store.advance("ana-1", 0, NOW + 20) is Turn.UNKNOWN
    assert store.find("ana-1", NOW + 20).revoked
    store.add(grant(2), NOW + 20)
    assert store.find("ana-1", NOW + 20) is None


def test_one_person_keeps_only_so_many_grants(database: Database) -> None:
    store = OauthGrants(database)
    store.add(grant(0, "bo"), NOW)
    for number in range(grants_per_user_max + 2):
        store.add(grant(number), NOW + number)
        store.advance(f"ana-{number}", 0, NOW + number)

    ended = [n for n in range(grants_per_user_max + 2) if store.find(f"ana-{n}", NOW + 300).revoked]

    assert ended == [0, 1]
    assert not store.find("bo-0", NOW).revoked


def test_browsers_are_signed_in_until_it_ends_and_the_oldest_make_room(database: Database) -> None:
    store = OauthLogins(database)
    login = Login(subject="ana", shown="ana", proof="p", at=NOW)
    for number in range(sign_ins_per_user_max + 1):
        store.add(b"%d" % number, login, NOW + 100, NOW + number)

    assert store.find(b"0", NOW) is None
    assert store.find(b"1", NOW) == login
    assert store.find(b"1", NOW + 100) is None
    store.remove(b"1")
    assert store.find(b"1", NOW) is None


def test_whoever_was_sent_away_comes_back_once(database: Database) -> None:
    store = OauthLogins(database)
    pending = Pending(browser=b"b", query="q", verifier="v", nonce="n")
    for number in range(sign_ins_pending_max + 1):
        store.send(b"%d" % number, pending, NOW + 10 + number, NOW)

    assert store.take(b"0", NOW) is None, "the oldest made room"
    assert store.take(b"5", NOW) == pending
    assert store.take(b"5", NOW) is None
    assert store.take(b"6", NOW + 60) is None


def test_what_was_agreed_to_is_kept_for_each_client_and_address(database: Database) -> None:
    store = OauthLogins(database)
    store.agree("ana", "c", "https://a", "r", ("x", "y"), NOW)

    assert store.agreed("ana", "c", "https://a", "r") == {"x", "y"}
    assert store.agreed("ana", "c", "https://b", "r") is None
    assert store.agreed("bo", "c", "https://a", "r") is None
    for number in range(consents_per_user_max):
        store.agree("ana", f"d{number}", "u", "r", (), NOW + 1 + number)
    assert store.agreed("ana", "c", "https://a", "r") is None


def test_the_next_key_is_published_before_it_signs_and_the_last_one_until_its_tokens_end(database: Database) -> None:
    store, names = OauthKeys(database), (f"k{n}" for n in itertools.count())

    def turned(seconds: float) -> list[str]:
        return [key.kid for key in store.turn(lambda: (next(names), "pem"), 600.0, NOW + seconds)]

    begin = turned(0)
    early = turned(signing_key_seconds - signing_key_ahead_seconds - 1)
    ahead = turned(signing_key_seconds - signing_key_ahead_seconds)
    after = turned(signing_key_seconds + 599)
    late = turned(signing_key_seconds + 601)

    assert begin == early == ["k0"]
    assert ahead == after == ["k1", "k0"]
    assert late == ["k1"]
    assert store.current()[0].signs_from == NOW + signing_key_seconds


def test_a_lost_key_is_replaced_at_once(database: Database) -> None:
    store = OauthKeys(database)
    store.turn(lambda: ("lost", "pem"), 600.0, NOW)

    keys = store.turn(lambda: ("new", "pem"), 600.0, NOW + 1, at_once=True)

    assert [(key.kid, key.signs_from) for key in keys] == [("new", NOW + 1)]


def test_people_are_kept_changed_and_removed(database: Database) -> None:
    store = UserStore(database)
    store.put(User(name="ana", password="h1", scopes=("a",), roles=("boss",)))
    store.put(User(name="ana", password="h2", scopes=("a",), roles=("boss",)))

    assert store.find("ana") == User(name="ana", password="h2", scopes=("a",), roles=("boss",))
    assert [user.name for user in store.all()] == ["ana"]
    assert store.remove("ana")
    assert not store.remove("ana")
    assert store.find("ana") is None


def test_nothing_that_is_kept_shows_a_secret_when_printed() -> None:
    shown = repr(
        [
            client("c"),
            grant(1),
            Login(subject="ana", shown="", proof="secret", at=0.0),
            User(name="u", password="secret"),
        ]
    )

    assert "secret" not in shown
    assert "digest" not in shown
