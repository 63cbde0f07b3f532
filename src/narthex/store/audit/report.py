"""What `verify` found.

Knows: the words for what can be wrong with a chain. Refuses to know: how it is found out.
"""

from typing import Literal

import msgspec

from narthex.store.audit.lines import Link

What = Literal[
    "changed",  # a record is not what it was
    "missing",  # records are gone
    "added",  # a line that was never part of the chain
    "moved",  # a record stands where it does not belong
    "rewritten",  # records fit each other, and a signature says that they are not the ones that were written
    "unsigned",  # signed with a key that is not known here
    "torn",  # a broken line that nobody has named
    "unreadable",  # a file cannot be read to its end
    "anchor",  # the chain is not the one that somebody kept a record of
]
State = Literal["closed", "written", "open"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is wrong, and where. `first` to `last`: numbers of records, both included."""

    chain: str
    what: What
    first: int = 0
    last: int = 0
    segment: int = 0
    line: int = 0  # of the segment, from 1; 0: nothing stands there any more
    note: str = ""

    def __str__(self) -> str:
        place = f"{self.chain} segment {self.segment}" + (f" line {self.line}" if self.line else "")
        return f"{place}: {_SAID[self.what].format(records=self._records())}" + (f" ({self.note})" if self.note else "")

    def _records(self) -> str:
        return f"record {self.first}" if self.first == self.last else f"records {self.first} to {self.last}"


_SAID: dict[What, str] = {
    "changed": "{records} was changed",
    "missing": "{records} missing",
    "added": "a line that was never written here, numbered as {records}",
    "moved": "{records} does not stand in its place",
    "rewritten": "{records} are not those that were signed",
    "unsigned": "{records} signed with a key that is not known here",
    "torn": "a torn line behind {records}, which nobody has named",
    "unreadable": "cannot be read to its end, behind {records}",
    "anchor": "{records} not as somebody kept it",
}


class ChainReport(msgspec.Struct, kw_only=True):
    """One chain. `open`: its process ended without closing it, and nobody has gone on with it yet."""

    chain: str
    state: State = "open"
    segments: int = 0
    first: int = 0  # number of the first record that is still there
    last: int = 0
    signed: int = 0  # number of the last record that a good signature covers
    hash: str = ""
    torn: int = 0  # bytes without an end of line, at the very end
    findings: list[Finding] = []
    more: int = 0  # findings that are not told one by one

    def add(self, finding: Finding, most: int) -> None:
        if len(self.findings) < most:
            self.findings.append(finding)
        else:
            self.more += 1

    @property
    def link(self) -> Link:
        return Link(self.chain, self.hash, self.last)


class Report(msgspec.Struct, kw_only=True):
    """A folder. `findings`: what is wrong outside of what is there of any chain."""

    chains: list[ChainReport] = []
    findings: list[Finding] = []

    @property
    def sound(self) -> bool:
        return self.first is None

    @property
    def first(self) -> Finding | None:
        """The first thing that is wrong."""
        everything = [*(finding for chain in self.chains for finding in chain.findings), *self.findings]
        return everything[0] if everything else None

    @property
    def records(self) -> int:
        return sum(chain.last - chain.first + 1 for chain in self.chains if chain.last)

    @property
    def anchors(self) -> list[Link]:
        """What to keep elsewhere, so that a later look finds out what was cut off."""
        return [chain.link for chain in self.chains if chain.last]
