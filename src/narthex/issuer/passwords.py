"""Passwords: hashed and compared with Argon2id (RFC 9106), a few at a time, beside the event loop.

Knows: how much work a comparison may be, and that an unknown name takes as long as a wrong password. Refuses to know:
whose password it is.
"""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from narthex.limits import (
    password_bytes_max,
    password_chars_min,
    password_threads_max,
    passwords_waiting_max,
)

# RFC 9106, 4: the second recommended choice, for machines with other things to do.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, type=Type.ID)


class Busy(Exception):
    """Too many are being compared already."""


class BadPassword(ValueError):
    """It cannot be used as a password."""


class Passwords:
    """Compares passwords. Whoever makes one closes it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(password_threads_max, thread_name_prefix="narthex-passwords")
        self._waiting = 0
        self._nobody: str | None = None

    def __repr__(self) -> str:
        return f"<Passwords {self._waiting} waiting>"

    async def fits(self, known: str | None, password: str) -> bool:
        """Whether the password has this hash; None: there is no such person, which takes as long. Raises Busy."""
        if self._waiting >= passwords_waiting_max:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._compare, known, password)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _compare(self, known: str | None, password: str) -> bool:
        if self._nobody is None:
            self._nobody = _HASHER.hash("nobody's password")
        try:
            found = _HASHER.verify(known or self._nobody, _plain(password))
        except (VerificationError, InvalidHashError, BadPassword):
            return False
        return found and known is not None


def hashed(password: str) -> str:
    """The hash to keep. Raises BadPassword. Takes some 50 ms of a processor."""
    if len(password) < password_chars_min:
        raise BadPassword(f"A password has {password_chars_min} characters at least. A sentence is easier to keep.")
    return _HASHER.hash(_plain(password))


def mark_of(known: str) -> str:
    """What changes when the password does."""
    return sha256(known.encode()).hexdigest()[:16]


def _plain(password: str) -> bytes:
    """One spelling for what looks the same (RFC 8265, 4.2)."""
    plain = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    if len(plain) > password_bytes_max:
        raise BadPassword(f"A password has {password_bytes_max} bytes at most.")
    return plain
