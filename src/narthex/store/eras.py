"""What is known of each server's era, in one file, so that a restart need not find it out anew.

Knows: which record belongs to which server. Refuses to know: what a record says, and when it is too old (that is
`upstream`, which hands in the type of its records).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from narthex.limits import era_records_max
from narthex.model.config import ServerConfig
from narthex.store.definition import digest_of
from narthex.store.folder import locked, replace_file

FORMAT = 1
FILE = "era.json"

Record = TypeVar("Record", bound=msgspec.Struct)


class Kept(msgspec.Struct, frozen=True):
    format: int
    records: dict[str, msgspec.Raw]  # digest of a server's definition -> its record, the newest last


class Eras(Generic[Record]):
    """The records of one state folder. Both methods use the disk: call them beside the event loop."""

    __slots__ = ("_kind", "_path")

    def __init__(self, folder: Path, kind: type[Record]) -> None:
        self._path, self._kind = folder / FILE, kind

    def load(self, servers: Iterable[ServerConfig]) -> dict[str, Record]:
        """By server name. What cannot be read is not there: probing is what happens without a record anyway."""
        kept = self._read()
        found: dict[str, Record] = {}
        for server in servers:
            raw = kept.get(digest_of(server))
            if raw is None:
                continue
            try:
                found[server.name] = msgspec.json.decode(raw, type=self._kind)
            except msgspec.MsgspecError:
                continue  # written by a version whose records say something else
        return found

    def remember(self, server: ServerConfig, record: Record) -> None:
        """Keep a record, in place of the server's last one. Other processes' records stay. May raise `OSError`."""
        with locked(self._path.parent):
            kept = self._read()
            digest = digest_of(server)
            kept.pop(digest, None)
            kept[digest] = msgspec.Raw(msgspec.json.encode(record))
            newest = dict(list(kept.items())[-era_records_max:])
            replace_file(self._path, msgspec.json.encode(Kept(FORMAT, newest)))

    def _read(self) -> dict[str, msgspec.Raw]:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}
        return kept.records if kept.format == FORMAT else {}
