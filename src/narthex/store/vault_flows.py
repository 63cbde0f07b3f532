"""Browsers that were sent to an issuer, and who we are there: rows of the vault beside the grants.

Knows: rows that are used once, registrations, and how many of both are kept. Refuses to know: what is in them. Every
method waits for the disk.
"""

from narthex.limits import connect_flows_max, connect_flows_per_owner_max, vault_clients_max
from narthex.ports import VaultFault
from narthex.store.database import Database
from narthex.wire.safe import CLIENT, FLOW, Damaged, Safe


class VaultFlows:
    """Raises `StateFault` for the disk."""

    __slots__ = ("_database", "_safe")

    def __init__(self, database: Database, safe: Safe) -> None:
        self._database, self._safe = database, safe

    # Browsers that are away

    def send(self, digest: bytes, browser: bytes, owner: str, content: bytes, expires: float, now: float) -> None:
        """Raises VaultFault where too many are away."""
        whose = owner.encode("utf-8", "surrogatepass")
        sealed = self._safe.seal(FLOW, (digest, browser, whose), content)
        with self._database.writing() as write:
            write.execute("DELETE FROM vault_flows WHERE expires <= ?", (now,))
            write.execute(
                "DELETE FROM vault_flows WHERE digest IN"
                " (SELECT digest FROM vault_flows WHERE owner = ? ORDER BY expires DESC LIMIT -1 OFFSET ?)",
                (whose, connect_flows_per_owner_max - 1),
            )
            if write.execute("SELECT count(*) FROM vault_flows").fetchone()[0] >= connect_flows_max:
                raise VaultFault(f"{connect_flows_max} connections are being made at once, and no more can be")
            write.execute(
                "INSERT INTO vault_flows (digest, browser, owner, content, expires) VALUES (?, ?, ?, ?, ?)",
                (digest, browser, whose, sealed, expires),
            )

    def take(self, digest: bytes, browser: bytes, now: float) -> bytes | None:
        """Once, and only for the browser that was sent: another one cannot even use it up."""
        with self._database.writing() as write:
            row = write.execute(
                "DELETE FROM vault_flows WHERE digest = ? AND browser = ? RETURNING owner, content, expires",
                (digest, browser),
            ).fetchone()
        if row is None or row[2] <= now:
            return None
        try:
            return self._safe.open(FLOW, (digest, browser, bytes(row[0])), row[1])
        except (Damaged, TypeError):
            return None

    # Who we are at an issuer

    def client(self, issuer: str, redirect_uri: str) -> tuple[bytes, int] | None:
        rows = self._database.read(
            "SELECT content, sent FROM vault_clients WHERE issuer = ? AND redirect_uri = ?", (issuer, redirect_uri)
        )
        if not rows:
            return None
        try:
            return self._safe.open(CLIENT, (issuer, redirect_uri), rows[0][0]), int(rows[0][1])
        except (Damaged, TypeError):
            return None

    def keep_client(self, issuer: str, redirect_uri: str, content: bytes, now: float) -> None:
        sealed = self._safe.seal(CLIENT, (issuer, redirect_uri), content)
        with self._database.writing() as write:
            write.execute(
                "DELETE FROM vault_clients WHERE (issuer, redirect_uri) IN"
                " (SELECT issuer, redirect_uri FROM vault_clients ORDER BY made DESC LIMIT -1 OFFSET ?)",
                (vault_clients_max - 1,),
            )
            write.execute(
                "INSERT OR REPLACE INTO vault_clients (issuer, redirect_uri, content, made, sent)"
                " VALUES (?, ?, ?, ?, 0)",
                (issuer, redirect_uri, sealed, now),
            )

    def sent_with(self, issuer: str, redirect_uri: str) -> None:
        self._set("sent = sent + 1", issuer, redirect_uri)

    def came_back(self, issuer: str, redirect_uri: str) -> None:
        self._set("sent = 0", issuer, redirect_uri)

    def forget_client(self, issuer: str, redirect_uri: str) -> None:
        with self._database.writing() as write:
            write.execute("DELETE FROM vault_clients WHERE issuer = ? AND redirect_uri = ?", (issuer, redirect_uri))

    def _set(self, what: str, issuer: str, redirect_uri: str) -> None:
        with self._database.writing() as write:
            write.execute(
                f"UPDATE vault_clients SET {what} WHERE issuer = ? AND redirect_uri = ?",  # noqa: S608 - ours
                (issuer, redirect_uri),
            )
