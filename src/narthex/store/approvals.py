"""Approvals on disk: calls that wait for somebody's yes, what was decided, and which yes was used up.

Knows: one row for each request, one of a call at a time, and that a yes is used once, whichever process is quicker.
Refuses to know: what a digest is made of, and how anybody is asked. Every time is seconds since the epoch, and handed
in. Every method waits for the disk.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from narthex.limits import (
    approval_kept_seconds,
    approval_tickets_max,
    approvals_listed_max,
    approvals_pending_max,
    approvals_pending_per_caller_max,
)
from narthex.model.approvals import Request
from narthex.store.database import Database
from narthex.store.folder import StateFault

_COLUMNS = (
    "handle, digest, holder, state, subject, tenant, endpoint, server, tool, arguments, reason, asked_by, created,"
    " expires, valid_seconds, decided, decided_by, used"
)
_SELECT = f"SELECT {_COLUMNS} FROM approvals"  # noqa: S608 - ours
_FIELDS = tuple("by" if name == "asked_by" else name for name in _COLUMNS.split(", "))


class ApprovalFault(ValueError):
    """It cannot be done. `kind` says why for programs, the text for people."""

    def __init__(self, kind: Literal["unknown", "ambiguous", "decided", "expired", "too_many"], text: str) -> None:
        super().__init__(text)
        self.kind = kind


class ApprovalStore:
    """The approvals of one state folder. Raises `ApprovalFault` for what cannot be done, `StateFault` for the disk."""

    __slots__ = ("_database", "_per_caller_max")

    def __init__(self, database: Database, per_caller_max: int = approvals_pending_per_caller_max) -> None:
        self._database, self._per_caller_max = database, per_caller_max

    def open(self, wanted: Request) -> Request:
        """The request that stands for this call: the one that is there already, or `wanted`, which is kept."""
        now = wanted.created
        with self._database.writing() as write:
            _sweep(write, now)
            found = write.execute(f"{_SELECT} WHERE digest = ? AND state <> 'used'", (wanted.digest,)).fetchone()
            if found is not None:
                there = self._request(found)
                if there.expires > now:
                    return there
                write.execute("DELETE FROM approvals WHERE handle = ?", (there.handle,))
            self._has_room(write, wanted)
            values = msgspec.structs.asdict(wanted)
            write.execute(
                f"INSERT INTO approvals ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})",  # noqa: S608 - ours
                tuple(values[name] for name in _FIELDS),
            )
        return wanted

    def decide(self, handle: str, state: Literal["approved", "rejected"], by: str, now: float) -> Request:
        """Once, and in time. A yes is good for as long again as the rule says, from now on."""
        with self._database.writing() as write:
            one = self._one(write.execute(f"{_SELECT} WHERE handle = ?", (handle,)).fetchall(), handle)
            if one.state != "pending":
                raise ApprovalFault("decided", f"{handle} is {one.state} already{_whose(one)}.")
            if one.expires <= now:
                raise ApprovalFault("expired", f"{handle} has expired: the call has to be made again.")
            write.execute(
                "UPDATE approvals SET state = ?, decided = ?, decided_by = ?, expires = ? WHERE handle = ?",
                (state, now, by, now + one.valid_seconds, handle),
            )
            return self._one(write.execute(f"{_SELECT} WHERE handle = ?", (handle,)).fetchall(), handle)

    def use(self, handle: str, digest: bytes, now: float) -> bool:
        """Whether the yes was there for exactly this, in time, and nobody had used it. From now on it is used."""
        with self._database.writing() as write:
            used = write.execute(
                "UPDATE approvals SET state = 'used', used = ?"
                " WHERE handle = ? AND digest = ? AND state = 'approved' AND expires > ?",
                (now, handle, digest, now),
            )
            return used.rowcount == 1

    def use_ticket(self, ticket: str, expires: float, now: float) -> bool:
        """The same for a yes that came sealed, and is kept nowhere: whether it never came before."""
        with self._database.writing() as write:
            write.execute("DELETE FROM approval_tickets WHERE expires <= ?", (now,))
            if write.execute("SELECT count(*) FROM approval_tickets").fetchone()[0] >= approval_tickets_max:
                raise StateFault(f"{approval_tickets_max} answers to questions for approval are remembered already.")
            seen = write.execute("INSERT OR IGNORE INTO approval_tickets VALUES (?, ?)", (ticket, expires))
            return seen.rowcount == 1

    def states(self, handles: Iterable[str]) -> dict[str, Request]:
        """Those of these that are there."""
        found: dict[str, Request] = {}
        for handle in handles:
            for row in self._database.read(f"{_SELECT} WHERE handle = ?", (handle,)):
                found[handle] = self._request(row)
        return found

    def find(self, prefix: str) -> Request:
        """The one whose handle begins so."""
        rows = self._database.read(
            f"{_SELECT} WHERE substr(handle, 1, ?) = ? LIMIT 2",
            (len(prefix), prefix),
        )
        return self._one(rows, prefix)

    def listed(self, *, every: bool, now: float) -> list[Request]:
        """Those that wait for somebody, the oldest first; `every`: also those that are decided, used or over."""
        where, values = ("", ()) if every else (" WHERE state = 'pending' AND expires > ?", (now,))
        rows = self._database.read(
            f"{_SELECT}{where} ORDER BY created, handle LIMIT ?",
            (*values, approvals_listed_max),
        )
        return [self._request(row) for row in rows]

    def _has_room(self, write: sqlite3.Connection, wanted: Request) -> None:
        count = "SELECT count(*) FROM approvals WHERE state = 'pending'"
        if write.execute(f"{count} AND holder = ?", (wanted.holder,)).fetchone()[0] >= self._per_caller_max:
            text = f"{self._per_caller_max} calls of this caller wait for an approval already"
            raise ApprovalFault("too_many", text)
        if write.execute(count).fetchone()[0] >= approvals_pending_max:
            raise ApprovalFault("too_many", f"{approvals_pending_max} calls wait for an approval already")

    def _one(self, rows: list[tuple[Any, ...]], handle: str) -> Request:
        if not rows:
            raise ApprovalFault("unknown", f"There is no approval {handle!r}.")
        if len(rows) > 1:
            raise ApprovalFault("ambiguous", f"Several approvals begin with {handle!r}: write more of it.")
        return self._request(rows[0])

    def _request(self, row: tuple[Any, ...]) -> Request:
        values = dict(zip(_FIELDS, row, strict=True))
        values["decided_by"] = values["decided_by"] or ""
        try:
            return msgspec.convert(values, Request)
        except msgspec.ValidationError as error:
            raise StateFault(f"{self._database.path} holds an approval that no version wrote: {error}.") from None


def _sweep(write: sqlite3.Connection, now: float) -> None:
    """What nobody answered in time, and what is long over."""
    write.execute("DELETE FROM approvals WHERE state = 'pending' AND expires <= ?", (now,))
    write.execute("DELETE FROM approvals WHERE expires <= ? AND created <= ?", (now, now - approval_kept_seconds))


def _whose(one: Request) -> str:
    return f" by {one.decided_by}" if one.decided_by else ""
