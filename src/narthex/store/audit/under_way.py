"""The calls of one journal that have begun and not ended yet, and whoever wants to hear of ends.

Knows: the records that are in the operating system. Refuses to know: files.
"""

from collections.abc import Callable, Iterator

from narthex.model.audit import AuditRecord
from narthex.store.audit.chain import end_unknown


class UnderWay:
    def __init__(self) -> None:
        self._starts: dict[int, AuditRecord] = {}
        self.on_end: Callable[[AuditRecord], None] = _nothing

    def __iter__(self) -> Iterator[int]:
        """The numbers of the calls."""
        return iter(self._starts)

    def __len__(self) -> int:
        return len(self._starts)

    def took(self, record: AuditRecord) -> None:
        """This one was written."""
        if record.kind == "end":
            self._starts.pop(record.call, None)
            self.on_end(record)
        elif record.kind == "start":
            self._starts[record.call] = record

    def unknown(self, note: str) -> list[AuditRecord]:
        """Their ends, where nobody will tell how they ended."""
        return [end_unknown(start, note) for start in self._starts.values()]


def _nothing(_record: AuditRecord) -> None:
    """Nobody listens."""
