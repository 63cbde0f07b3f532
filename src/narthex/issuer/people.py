"""Who can log in with a password: out of a file, or out of the state folder.

Knows: where to look, and that a file is read anew when it changed. Refuses to know: passwords, and how they are kept.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from narthex.store.desk import Desk
from narthex.store.users import User, UserStore
from narthex.store.users_file import NAME, BadUsers, read


class People(Protocol):
    """Where people are looked up."""

    async def find(self, name: str) -> User | None:
        """Nobody, where there is no such name. Raises StateFault."""
        ...


class StoredPeople:
    """Those of the state folder."""

    def __init__(self, desk: Desk, store: UserStore) -> None:
        self._desk, self._store = desk, store

    async def find(self, name: str) -> User | None:
        return await self._desk.do(lambda: self._store.find(name)) if NAME.fullmatch(name) else None


class FiledPeople:
    """Those of a file. While it cannot be read nobody can log in: whoever was just taken out of it must not."""

    def __init__(self, path: Path, say: Callable[[str, str], None]) -> None:
        self._path, self._say = path, say
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._people: dict[str, User] = {}
        self._looking = asyncio.Lock()

    async def find(self, name: str) -> User | None:
        async with self._looking:
            trouble = await asyncio.to_thread(self._look)
        if trouble:
            self._say("error", f"Nobody can log in: the users in {self._path} cannot be read: {trouble}")
        return self._people.get(name)

    def _look(self) -> str:
        """Read the file if it is another one than before. What is wrong with it, told once; empty: nothing."""
        try:
            found = self._path.stat()
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError as error:
            stamp, trouble = (-1, -1, -1), str(error.strerror or error)
            self._people = {}
            told, self._stamp = self._stamp == stamp, stamp
            return "" if told else trouble
        if stamp == self._stamp:
            return ""
        self._stamp = stamp
        try:
            self._people = {user.name: user for user in read(self._path)}
        except (OSError, BadUsers) as error:
            self._people = {}
            return str(error)
        return ""
