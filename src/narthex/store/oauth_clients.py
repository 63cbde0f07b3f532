"""Clients that registered themselves (RFC 7591), on disk.

Knows: a row for each, with a digest of its secret, and which have to go when there are too many. Refuses to know: what
a client may register. Every method waits for the disk.
"""

import sqlite3

import msgspec

from narthex.limits import (
    registered_client_idle_days,
    registered_client_unused_seconds,
    registered_clients_max,
)
from narthex.store.database import Database

_DAY_SECONDS = 86_400.0


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """What a client said about itself, as far as it was taken."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    method: str  # token_endpoint_auth_method
    secret: bytes | None = None  # its digest

    def __repr__(self) -> str:
        return f"<Registered {self.id}>"


class ClientsFull(Exception):
    """Every place is taken by a client that somebody uses."""


class OauthClients:
    """The clients of one state folder. Raises `StateFault` for the disk."""

    __slots__ = ("_clients_max", "_database")

    def __init__(self, database: Database, clients_max: int = registered_clients_max) -> None:
        self._database, self._clients_max = database, clients_max

    def add(self, client: Registered, now: float) -> None:
        """Raises ClientsFull."""
        kept = msgspec.json.encode(msgspec.structs.replace(client, secret=None)).decode()
        with self._database.writing() as write:
            _sweep(write, now)
            _make_room(write, self._clients_max)
            write.execute(
                "INSERT INTO oauth_clients (id, secret, metadata, created) VALUES (?, ?, ?, ?)",
                (client.id, client.secret, kept, now),
            )

    def find(self, client_id: str) -> Registered | None:
        rows = self._database.read("SELECT metadata, secret FROM oauth_clients WHERE id = ?", (client_id,))
        if not rows:
            return None
        found = msgspec.json.decode(rows[0][0], type=Registered)
        return msgspec.structs.replace(found, secret=rows[0][1])

    def touch(self, client_id: str, now: float) -> None:
        """Somebody lets it in, or it takes a new token: it lives on."""
        with self._database.writing() as write:
            write.execute("UPDATE oauth_clients SET used = ? WHERE id = ?", (now, client_id))

    def count(self) -> int:
        return int(self._database.read("SELECT count(*) FROM oauth_clients")[0][0])


def _sweep(write: sqlite3.Connection, now: float) -> None:
    write.execute(
        "DELETE FROM oauth_clients WHERE used < ? OR (used IS NULL AND created < ?)",
        (now - registered_client_idle_days * _DAY_SECONDS, now - registered_client_unused_seconds),
    )


def _make_room(write: sqlite3.Connection, clients_max: int) -> None:
    """A client in use is never pushed out by strangers who register."""
    count = write.execute("SELECT count(*) FROM oauth_clients").fetchone()[0]
    over = count - clients_max + 1
    if over <= 0:
        return
    gone = write.execute(
        "DELETE FROM oauth_clients WHERE id IN"
        " (SELECT id FROM oauth_clients WHERE used IS NULL ORDER BY created LIMIT ?)",
        (over,),
    )
    if gone.rowcount < over:
        raise ClientsFull
