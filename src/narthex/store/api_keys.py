"""API keys on disk: made, listed, replaced and revoked.

Knows: a row for each key, with a digest of it, never the key. Refuses to know: requests, and who may make keys.
Every time is seconds since the epoch, and handed in. Every method waits for the disk (`store/database.py`).
"""

import os
import re
import sqlite3
from collections.abc import Iterable, Mapping
from math import inf
from typing import Literal, NamedTuple

import msgspec

from narthex.limits import api_key_days_max, api_key_name_chars_max, api_key_scopes_max, api_keys_max
from narthex.store.database import Database
from narthex.store.folder import StateFault
from narthex.wire.api_key import MARK, RANDOM_BYTES, ApiKey, compose, digest_of

State = Literal["active", "replaced", "expired", "revoked"]

_COLUMNS = "prefix, digest, name, tenant, scopes, endpoints, created, expires, revoked, replaced_by, used"
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._@:/+-]{{0,{api_key_name_chars_max - 1}}}")
# The same as in the configuration (`model/authentication.py`), so that a key can have what a rule asks for.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}")
_ENDPOINT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class KeyFault(ValueError):
    """It cannot be done. The text says why, and what can."""


class TermsFault(KeyFault):
    """What was asked for is no key at all: a wrong name, scope, tenant or time."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is good for."""

    name: str
    tenant: str = ""
    scopes: tuple[str, ...] = ()
    endpoints: tuple[str, ...] | None = None  # None: all
    expires: float = inf


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One key, as it is kept."""

    prefix: str
    digest: bytes
    name: str
    tenant: str
    scopes: tuple[str, ...]
    endpoints: tuple[str, ...] | None
    created: float
    expires: float
    revoked: float | None
    replaced_by: str | None  # it is good until it expires
    used: float | None

    def state(self, now: float) -> State:
        if self.revoked is not None:
            return "revoked"
        if self.expires <= now:
            return "expired"
        return "active" if self.replaced_by is None else "replaced"

    def is_good(self, now: float) -> bool:
        return self.revoked is None and now < self.expires

    def __repr__(self) -> str:  # nothing that a forger could use, not even a digest
        return f"<KeyRecord {MARK}{self.prefix} {self.name}>"


class Made(NamedTuple):
    """A new key: the only moment at which it can be shown."""

    key: ApiKey
    record: KeyRecord


class KeyStore:
    """The keys of one state folder. Raises `KeyFault` for what cannot be done, `StateFault` for the disk."""

    __slots__ = ("_database", "_keys_max")

    def __init__(self, database: Database, keys_max: int = api_keys_max) -> None:
        self._database, self._keys_max = database, keys_max

    def create(self, terms: Terms, now: float) -> Made:
        """A new key. A name belongs to one good key at a time: all keys of a name are the same caller."""
        _check(terms, now)
        with self._database.writing() as write:
            _check_free(write, terms, now)
            _make_room(write, self._keys_max, now)
            made = _insert(write, terms, now)
            _note_change(write)
        return made

    def rotate(self, prefix: str, overlap_seconds: float, expires: float | None, now: float) -> Made:
        """A new key on the same terms; the old one is good for `overlap_seconds` more, and not longer than it was.

        `expires` None: the new one lives as long as the old one was meant to.
        """
        with self._database.writing() as write:
            old = _found(write, prefix)
            if not old.is_good(now):
                raise KeyFault(f"{MARK}{prefix} is {old.state(now)}. Make a new one with 'narthex keys create'.")
            if old.replaced_by is not None:
                raise KeyFault(f"{MARK}{prefix} was replaced already, by {MARK}{old.replaced_by}.")
            ends = now + (old.expires - old.created) if expires is None else expires
            terms = Terms(name=old.name, tenant=old.tenant, scopes=old.scopes, endpoints=old.endpoints, expires=ends)
            _check(terms, now)
            _make_room(write, self._keys_max, now)
            made = _insert(write, terms, now)
            write.execute(
                "UPDATE api_keys SET replaced_by = ?, expires = ? WHERE prefix = ?",
                (made.key.prefix, min(old.expires, now + overlap_seconds), prefix),
            )
            _note_change(write)
        return made

    def revoke(self, prefix: str, now: float) -> KeyRecord:
        """The key is void from now on. Again: nothing changes."""
        with self._database.writing() as write:
            if _found(write, prefix).revoked is None:
                write.execute("UPDATE api_keys SET revoked = ? WHERE prefix = ?", (now, prefix))
                _note_change(write)
            return _found(write, prefix)

    def records(self) -> list[KeyRecord]:
        """All of them, also those that are void, the oldest first."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created, prefix")  # noqa: S608 - ours
        try:
            return [_record(row) for row in rows]
        except msgspec.ValidationError as error:
            raise StateFault(f"{self._database.path} holds an API key that no version wrote: {error}.") from None

    def changes(self) -> int:
        """How often keys were made, replaced or revoked; their use does not count."""
        rows = self._database.read("SELECT value FROM counters WHERE name = 'api_keys'")
        return int(rows[0][0]) if rows else 0

    def note_used(self, uses: Mapping[str, float]) -> None:
        """When keys were last used, by prefix. Never turns a later time back."""
        with self._database.writing() as write:
            write.executemany(
                "UPDATE api_keys SET used = max(coalesce(used, 0), ?) WHERE prefix = ?",
                [(used, prefix) for prefix, used in uses.items()],
            )


def _check(terms: Terms, now: float) -> None:
    if not _NAME.fullmatch(terms.name):
        raise TermsFault(
            f"'{terms.name}' is no name for a key: letters, digits and . _ @ : / + - are, up to "
            f"{api_key_name_chars_max} of them, a letter or digit first."
        )
    if terms.tenant and not _TENANT.fullmatch(terms.tenant):
        raise TermsFault(
            f"'{terms.tenant}' is no name for a tenant: up to 63 letters, digits, dots, dashes, underlines."
        )
    _check_each(terms.scopes, _SCOPE, "scope", "printable ASCII without spaces, quotes and backslashes")
    _check_each(terms.endpoints or (), _ENDPOINT, "name of an endpoint", "lower-case letters, digits and dashes")
    if len(terms.scopes) > api_key_scopes_max:
        raise TermsFault(f"A key has {api_key_scopes_max} scopes at most. Grant a wider scope, or use several keys.")
    if not terms.expires > now:
        raise TermsFault("The key would be expired before it was made.")
    if now + api_key_days_max * 86_400.0 < terms.expires < inf:
        raise TermsFault(f"A key lives {api_key_days_max} days at most, or for ever: --expires never.")


def _check_each(words: Iterable[str], form: re.Pattern[str], what: str, signs: str) -> None:
    for word in words:
        if not form.fullmatch(word):
            raise TermsFault(f"'{word}' is no {what}: {signs}.")


def _check_free(write: sqlite3.Connection, terms: Terms, now: float) -> None:
    row = write.execute(
        "SELECT prefix FROM api_keys WHERE tenant = ? AND name = ? AND revoked IS NULL"
        " AND (expires IS NULL OR expires > ?) ORDER BY replaced_by IS NOT NULL, created DESC",
        (terms.tenant, terms.name, now),
    ).fetchone()
    if row is not None:
        taken = f"{MARK}{row[0]}"
        raise KeyFault(
            f"There is a key '{terms.name}' already, {taken}. Replace it with 'narthex keys rotate {taken}', "
            f"end it with 'narthex keys revoke {taken}', or choose another name."
        )


def _insert(write: sqlite3.Connection, terms: Terms, now: float) -> Made:
    key = compose(os.urandom(RANDOM_BYTES))
    while write.execute("SELECT 1 FROM api_keys WHERE prefix = ?", (key.prefix,)).fetchone():
        key = compose(os.urandom(RANDOM_BYTES))  # once in a hundred million, with ten thousand keys
    write.execute(
        f"INSERT INTO api_keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",  # noqa: S608 - ours
        (
            key.prefix,
            digest_of(key.token),
            terms.name,
            terms.tenant,
            " ".join(dict.fromkeys(terms.scopes)),
            None if terms.endpoints is None else " ".join(dict.fromkeys(terms.endpoints)),
            now,
            None if terms.expires == inf else terms.expires,
        ),
    )
    return Made(key, _found(write, key.prefix))


def _found(write: sqlite3.Connection, prefix: str) -> KeyRecord:
    row = write.execute(f"SELECT {_COLUMNS} FROM api_keys WHERE prefix = ?", (prefix,)).fetchone()  # noqa: S608 - ours
    if row is None:
        raise KeyFault(f"There is no key {MARK}{prefix} in this state folder. 'narthex keys list' shows all.")
    return _record(row)


def _make_room(write: sqlite3.Connection, keys_max: int, now: float) -> None:
    """Forget what is void longest, if all places are taken."""
    count = write.execute("SELECT count(*) FROM api_keys").fetchone()[0]
    if count < keys_max:
        return
    gone = write.execute(
        "DELETE FROM api_keys WHERE prefix IN (SELECT prefix FROM api_keys WHERE coalesce(revoked, expires) <= ?"
        " ORDER BY coalesce(revoked, expires) LIMIT ?)",
        (now, count - keys_max + 1),
    )
    if gone.rowcount < count - keys_max + 1:
        raise KeyFault(f"There are {keys_max} good keys, and no more are kept. Revoke what nobody needs.")


def _note_change(write: sqlite3.Connection) -> None:
    write.execute(
        "INSERT INTO counters (name, value) VALUES ('api_keys', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
    )


def _record(row: tuple[object, ...]) -> KeyRecord:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    scopes, endpoints, expires = str(values.pop("scopes")), values.pop("endpoints"), values.pop("expires")
    return msgspec.convert(
        {
            **values,
            "scopes": tuple(scopes.split()),
            "endpoints": None if endpoints is None else tuple(str(endpoints).split()),
            "expires": inf if expires is None else expires,
        },
        KeyRecord,
    )
