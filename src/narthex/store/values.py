"""What tokens stand for, sealed: so that a token given out by one process is good in another, and after a restart.

Knows: one row for each token, until when it is good, and how many one caller may have. Refuses to know: what a value
is (it is sealed before it comes here), and how tokens are written. Every method waits for the disk.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from narthex.limits import redaction_tokens_max, redaction_tokens_per_holder_max
from narthex.store.database import Database

FILE = "tokens.db"
_STEPS = (
    """
    CREATE TABLE tokens (
        digest BLOB PRIMARY KEY,    -- of whom it belongs to, where it is good, and its name
        holder BLOB NOT NULL,       -- a digest too
        sealed TEXT NOT NULL,
        expires REAL NOT NULL       -- seconds since the epoch
    ) WITHOUT ROWID;
    CREATE INDEX tokens_by_expiry ON tokens (expires);
    CREATE INDEX tokens_by_holder ON tokens (holder, expires);
    """,
)


class Kept(NamedTuple):
    """One token."""

    digest: bytes
    holder: bytes
    sealed: str
    expires: float


class Values:
    """The tokens of one state folder. Raises `StateFault` for the disk."""

    __slots__ = ("_database",)

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder, steps=_STEPS, file=FILE)
        self._database.power_safe(safe=False)  # whoever lost one asks for the value again

    def keep(self, tokens: Sequence[Kept], now: float) -> None:
        """The oldest make room: those of the same caller, and of all where there are too many."""
        with self._database.writing() as write:
            write.execute("DELETE FROM tokens WHERE expires <= ?", (now,))
            write.executemany(
                "INSERT INTO tokens VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
                " SET sealed = excluded.sealed, expires = excluded.expires",
                tokens,
            )
            for holder in {one.holder for one in tokens}:
                _cut(write, "WHERE holder = ?", (holder,), redaction_tokens_per_holder_max)
            _cut(write, "", (), redaction_tokens_max)

    def find(self, digests: Iterable[bytes], now: float) -> dict[bytes, tuple[str, float]]:
        """What is sealed for these, and until when; those that are over are not there."""
        found: dict[bytes, tuple[str, float]] = {}
        for digest in digests:
            rows = self._database.read(
                "SELECT sealed, expires FROM tokens WHERE digest = ? AND expires > ?", (digest, now)
            )
            if rows:
                found[digest] = (rows[0][0], rows[0][1])
        return found

    def close(self) -> None:
        self._database.close()


def _cut(write: sqlite3.Connection, where: str, parameters: tuple[bytes, ...], most: int) -> None:
    write.execute(
        f"DELETE FROM tokens WHERE digest IN"  # noqa: S608 - the condition is one of two above
        f" (SELECT digest FROM tokens {where} ORDER BY expires DESC LIMIT -1 OFFSET ?)",
        (*parameters, most),
    )
