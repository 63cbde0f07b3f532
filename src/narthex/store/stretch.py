"""What one journal wrote between two looks, summed while it was written: nobody has to read it again.

Knows: a journal, and from where to where its sums go. Refuses to know: who keeps them, and when.

It is a shortcut and no more. Whoever keeps sums takes these only where they begin exactly at the place up to which the
log was summed before; in every other case the log is read, and these are let go of.
"""

from typing import NamedTuple

from narthex.limits import usage_stretch_keys_max
from narthex.model.audit import AuditRecord
from narthex.store.audit.follow import BEGINNING, Place
from narthex.store.audit.journal import Journal
from narthex.store.sums import Sums


class Stretch(NamedTuple):
    """Of a chain. `sums`: None where there were too many to hold, and the log has to be read."""

    chain: str
    since: Place
    until: Place
    sums: Sums | None
    records: int  # in the sums


class Stretches:
    """Listens to a journal, which has written nothing yet."""

    def __init__(self, journal: Journal, keys_max: int = usage_stretch_keys_max) -> None:
        self._journal, self._keys_max = journal, keys_max
        self._stretch = Stretch(journal.chain.id, BEGINNING, BEGINNING, Sums(), 0)
        self._sums: Sums | None = Sums()  # of what was written since `_stretch` ends
        self._records = 0
        journal.under_way.on_end = self._add

    def look(self) -> Stretch:
        """What was written since the last `kept`."""
        (sums, records), segment, size = self._journal.still(self._taken)
        before = self._stretch.sums
        if before is not None and sums is not None:
            before.merge(sums)
        whole = before is not None and sums is not None and len(before.by_key) <= self._keys_max
        self._stretch = self._stretch._replace(
            until=Place(segment, size), sums=before if whole else None, records=self._stretch.records + records
        )
        return self._stretch

    def kept(self) -> None:
        """The last look was added to what is kept, or the log will be read instead."""
        stretch = self._stretch
        self._stretch = stretch._replace(since=stretch.until, sums=Sums(), records=0)

    def _taken(self) -> tuple[Sums | None, int]:
        taken = self._sums, self._records
        self._sums, self._records = Sums(), 0
        return taken

    def _add(self, record: AuditRecord) -> None:
        sums = self._sums
        if sums is not None:
            self._records += 1
            if sums.add(record) and len(sums.by_key) > self._keys_max:
                self._sums = None
