"""Browsers: who is signed in at which, which were sent to another provider, and what their users agreed to before.

Knows: rows, and which have to go when there are too many. Refuses to know: cookies and pages; it is handed digests.
Every method waits for the disk.
"""

from typing import Any

import msgspec

from narthex.limits import consents_per_user_max, sign_ins_max, sign_ins_pending_max, sign_ins_per_user_max
from narthex.store.database import Database


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed in."""

    subject: str
    shown: str  # how a page calls them
    proof: str  # what must still be so: a mark of their password; "" for who came from another provider
    roles: tuple[str, ...] = ()
    claims: dict[str, Any] = {}
    at: float

    def __repr__(self) -> str:
        return f"<Login {self.subject}>"


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that was sent to another provider, and how its coming back is known."""

    browser: bytes  # digest of its cookie
    query: str  # what the client had asked for
    verifier: str
    nonce: str

    def __repr__(self) -> str:
        return "<Pending>"


class OauthLogins:
    """The browsers of one state folder. Raises `StateFault` for the disk."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, digest: bytes, login: Login, expires: float, now: float) -> None:
        with self._database.writing() as write:
            write.execute("DELETE FROM oauth_logins WHERE expires <= ?", (now,))
            write.execute(
                "DELETE FROM oauth_logins WHERE digest IN (SELECT digest FROM oauth_logins WHERE subject = ?"
                " ORDER BY created DESC LIMIT -1 OFFSET ?)",
                (login.subject, sign_ins_per_user_max - 1),
            )
            write.execute(
                "DELETE FROM oauth_logins WHERE digest IN"
                " (SELECT digest FROM oauth_logins ORDER BY created DESC LIMIT -1 OFFSET ?)",
                (sign_ins_max - 1,),
            )
            write.execute(
                "INSERT OR REPLACE INTO oauth_logins (digest, subject, content, created, expires)"
                " VALUES (?, ?, ?, ?, ?)",
                (digest, login.subject, msgspec.json.encode(login).decode(), now, expires),
            )

    def find(self, digest: bytes, now: float) -> Login | None:
        rows = self._database.read("SELECT content FROM oauth_logins WHERE digest = ? AND expires > ?", (digest, now))
        return msgspec.json.decode(rows[0][0], type=Login) if rows else None

    def remove(self, digest: bytes) -> None:
        with self._database.writing() as write:
            write.execute("DELETE FROM oauth_logins WHERE digest = ?", (digest,))

    # Sent to another provider

    def send(self, digest: bytes, pending: Pending, expires: float, now: float) -> None:
        with self._database.writing() as write:
            write.execute("DELETE FROM oauth_pending WHERE expires <= ?", (now,))
            write.execute(
                "DELETE FROM oauth_pending WHERE digest IN"
                " (SELECT digest FROM oauth_pending ORDER BY expires DESC LIMIT -1 OFFSET ?)",
                (sign_ins_pending_max - 1,),
            )
            write.execute(
                "INSERT INTO oauth_pending (digest, content, expires) VALUES (?, ?, ?)",
                (digest, msgspec.json.encode(pending).decode(), expires),
            )

    def take(self, digest: bytes, now: float) -> Pending | None:
        """Once: it comes back, or it does not."""
        with self._database.writing() as write:
            row = write.execute(
                "DELETE FROM oauth_pending WHERE digest = ? RETURNING content, expires", (digest,)
            ).fetchone()
        if row is None or row[1] <= now:
            return None
        return msgspec.json.decode(row[0], type=Pending)

    # Agreed before

    def agree(
        self, subject: str, client: str, redirect_uri: str, resource: str, scopes: tuple[str, ...], now: float
    ) -> None:
        with self._database.writing() as write:
            write.execute(
                "DELETE FROM oauth_consents WHERE subject = ? AND given <="
                " (SELECT given FROM oauth_consents WHERE subject = ? ORDER BY given DESC LIMIT 1 OFFSET ?)",
                (subject, subject, consents_per_user_max - 1),
            )
            write.execute(
                "INSERT OR REPLACE INTO oauth_consents (subject, client, redirect_uri, resource, scopes, given)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (subject, client, redirect_uri, resource, " ".join(scopes), now),
            )

    def agreed(self, subject: str, client: str, redirect_uri: str, resource: str) -> frozenset[str] | None:
        rows = self._database.read(
            "SELECT scopes FROM oauth_consents WHERE subject = ? AND client = ? AND redirect_uri = ? AND resource = ?",
            (subject, client, redirect_uri, resource),
        )
        return frozenset(str(rows[0][0]).split()) if rows else None
