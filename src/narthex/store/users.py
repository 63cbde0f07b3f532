"""People who log in with a password, in the state folder.

Knows: a row for each, with a hash of the password. Refuses to know: how passwords are hashed and compared. Every method
waits for the disk.
"""

import time

import msgspec

from narthex.limits import users_max
from narthex.store.database import Database


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One person who can log in here."""

    name: str
    password: str  # an Argon2id hash
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<User {self.name}>"


class UsersFull(Exception):
    """No more people are kept."""


class UserStore:
    """The people of one state folder. Raises `StateFault` for the disk."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str) -> User | None:
        rows = self._database.read("SELECT name, password, scopes, roles FROM users WHERE name = ?", (name,))
        return _user(rows[0]) if rows else None

    def all(self) -> list[User]:
        return [
            _user(row) for row in self._database.read("SELECT name, password, scopes, roles FROM users ORDER BY name")
        ]

    def put(self, user: User) -> None:
        """Make them, or change what is known of them. Raises UsersFull."""
        with self._database.writing() as write:
            known = write.execute("SELECT 1 FROM users WHERE name = ?", (user.name,)).fetchone()
            if not known and write.execute("SELECT count(*) FROM users").fetchone()[0] >= users_max:
                raise UsersFull
            write.execute(
                "INSERT INTO users (name, password, scopes, roles, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET password = excluded.password, scopes = excluded.scopes, roles = excluded.roles",
                (user.name, user.password, " ".join(user.scopes), " ".join(user.roles), time.time()),
            )

    def remove(self, name: str) -> bool:
        with self._database.writing() as write:
            return write.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount == 1


def _user(row: tuple[object, ...]) -> User:
    name, password, scopes, roles = (str(value) for value in row)
    return User(name=name, password=password, scopes=tuple(scopes.split()), roles=tuple(roles.split()))
