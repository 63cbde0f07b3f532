"""The keys that sign our tokens, on disk, and when each of them signs.

Knows: rows, and the plan of their rotation. Refuses to know: algorithms, and tokens. Every method waits for the disk.
"""

import sqlite3
from collections.abc import Callable

import msgspec

from narthex.limits import signing_key_ahead_seconds, signing_key_seconds
from narthex.store.database import Database


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key. It signs from `signs_from` on until the next one does, and is published as long as tokens of it live."""

    kid: str
    private: str
    created: float
    signs_from: float

    def __repr__(self) -> str:
        return f"<SigningKey {self.kid}>"


class OauthKeys:
    """The keys of one state folder. Raises `StateFault` for the disk."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> list[SigningKey]:
        """All that are published, the newest first."""
        rows = self._database.read("SELECT kid, private, created, signs_from FROM oauth_keys ORDER BY signs_from DESC")
        return [_key(row) for row in rows]

    def turn(
        self, make: Callable[[], tuple[str, str]], token_seconds: float, now: float, *, at_once: bool = False
    ) -> list[SigningKey]:
        """Make the next key if it is time, forget those whose tokens have all expired; what is published then.

        `at_once`: a key was lost. The next one signs from now on, and no other is published any more.
        """
        with self._database.writing() as write:
            keys = [_key(row) for row in write.execute("SELECT kid, private, created, signs_from FROM oauth_keys")]
            keys.sort(key=lambda one: one.signs_from, reverse=True)
            if at_once:
                write.execute("DELETE FROM oauth_keys")
                keys = []
            if not keys:
                _insert(write, make(), now, now)
            elif now >= keys[0].signs_from + signing_key_seconds - signing_key_ahead_seconds:
                _insert(
                    write, make(), now, max(now + signing_key_ahead_seconds, keys[0].signs_from + signing_key_seconds)
                )
            _forget_old(write, keys, now - token_seconds)
        return self.current()


def _forget_old(write: sqlite3.Connection, keys: list[SigningKey], moment: float) -> None:
    """A key whose successor signed before the oldest token that still lives has no token left."""
    for older, newer in zip(keys[1:], keys, strict=False):
        if newer.signs_from < moment:
            write.execute("DELETE FROM oauth_keys WHERE kid = ?", (older.kid,))


def _insert(write: sqlite3.Connection, made: tuple[str, str], now: float, signs_from: float) -> None:
    write.execute(
        "INSERT INTO oauth_keys (kid, private, created, signs_from) VALUES (?, ?, ?, ?)", (*made, now, signs_from)
    )


def _key(row: tuple[object, ...]) -> SigningKey:
    return msgspec.convert(dict(zip(("kid", "private", "created", "signs_from"), row, strict=True)), SigningKey)
