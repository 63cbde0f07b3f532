"""Grants: what a person let a client do, and how far its tokens have come.

Knows: one row for each consent, whether its code was redeemed, and which refresh token is the last one. Refuses to
know: how codes and tokens are written. Every method waits for the disk.

A grant has a `turn`: 0 before its code is redeemed, then one more with each refresh token. A token of an earlier turn
has been used already. Whoever shows it again may have stolen it, or was stolen from: the grant ends for both
(OAuth 2.1, 4.3.1; RFC 9700, 4.14.2).
"""

import sqlite3
from enum import Enum, auto
from typing import Any, NamedTuple

import msgspec

from narthex.limits import grants_max, grants_per_user_max
from narthex.store.database import Database

_COLUMNS = "content, turn, expires, revoked"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What was granted. Nothing of it changes."""

    id: str
    subject: str
    client: str
    scopes: tuple[str, ...]
    resource: str
    redirect_uri: str
    challenge: str  # of PKCE, S256
    proof: str  # what must still be so for the subject; "" where nobody can tell
    roles: tuple[str, ...] = ()
    claims: dict[str, Any] = {}
    created: float
    expires: float
    refreshable: bool

    def __repr__(self) -> str:
        return f"<Grant {self.id} of {self.client}>"


class Turn(Enum):
    """What came of showing a code or a refresh token."""

    TAKEN = auto()
    UNKNOWN = auto()  # there is no such grant, or no longer
    AGAIN = auto()  # it was used before: the grant is revoked


class Kept(NamedTuple):
    grant: Grant
    turn: int
    revoked: bool


class GrantsFull(Exception):
    """There are too many grants, and none of them can go."""


class OauthGrants:
    """The grants of one state folder. Raises `StateFault` for the disk."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, grant: Grant, now: float) -> None:
        """Raises GrantsFull."""
        with self._database.writing() as write:
            write.execute("DELETE FROM oauth_grants WHERE expires <= ?", (now,))
            _make_room(write, grant.subject, now)
            if write.execute("SELECT count(*) FROM oauth_grants").fetchone()[0] >= grants_max:
                raise GrantsFull
            write.execute(
                "INSERT INTO oauth_grants (id, content, subject, client, created, expires, turn)"
                " VALUES (?, ?, ?, ?, ?, ?, 0)",
                (grant.id, msgspec.json.encode(grant).decode(), grant.subject, grant.client, now, grant.expires),
            )

    def find(self, grant_id: str, now: float) -> Kept | None:
        rows = self._database.read(f"SELECT {_COLUMNS} FROM oauth_grants WHERE id = ?", (grant_id,))  # noqa: S608 - ours
        return _kept(rows[0], now) if rows else None

    def advance(self, grant_id: str, turn: int, now: float) -> Turn:
        """Use up what was shown at this turn. Only one of those who show it at once gets anything."""
        with self._database.writing() as write:
            row = write.execute("SELECT turn, expires, revoked FROM oauth_grants WHERE id = ?", (grant_id,)).fetchone()
            if row is None or row[1] <= now or row[2] is not None:
                return Turn.UNKNOWN
            if row[0] != turn:
                write.execute("UPDATE oauth_grants SET revoked = ? WHERE id = ?", (now, grant_id))
                return Turn.AGAIN
            write.execute("UPDATE oauth_grants SET turn = ? WHERE id = ?", (turn + 1, grant_id))
            return Turn.TAKEN

    def revoke(self, grant_id: str, now: float) -> None:
        with self._database.writing() as write:
            write.execute("UPDATE oauth_grants SET revoked = ? WHERE id = ? AND revoked IS NULL", (now, grant_id))

    def revoked_since(self, moment: float) -> list[tuple[str, float]]:
        """Grants that were revoked after this moment, and when."""
        rows = self._database.read("SELECT id, revoked FROM oauth_grants WHERE revoked >= ?", (moment,))
        return [(str(row[0]), float(row[1])) for row in rows]


def _make_room(write: sqlite3.Connection, subject: str, now: float) -> None:
    """Nobody keeps more than so many; the oldest ends. What was never redeemed goes first, and is gone at once."""
    write.execute("DELETE FROM oauth_grants WHERE subject = ? AND turn = 0 AND created < ?", (subject, now - 3_600.0))
    write.execute(
        "UPDATE oauth_grants SET revoked = ? WHERE revoked IS NULL AND id IN"
        " (SELECT id FROM oauth_grants WHERE subject = ? AND revoked IS NULL ORDER BY created DESC LIMIT -1 OFFSET ?)",
        (now, subject, grants_per_user_max - 1),
    )


def _kept(row: tuple[Any, ...], now: float) -> Kept:
    content, turn, expires, revoked = row
    return Kept(msgspec.json.decode(content, type=Grant), int(turn), revoked is not None or float(expires) <= now)
