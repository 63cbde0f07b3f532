"""The chain itself: each line names the hash of the one before, and some are signed.

Knows: numbers, hashes, the lines that follow from them. Refuses to know: files. Nothing counts before `took`: what
could not be written was never part of the chain.
"""

import os
import time
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from narthex.limits import audit_arguments_bytes_max, audit_line_bytes_max
from narthex.model.audit import AuditRecord
from narthex.store.audit.key import Signer
from narthex.store.audit.lines import (
    FORMAT,
    GENESIS,
    Found,
    Gap,
    Link,
    Mark,
    Opening,
    digest,
    encode,
    to_sign,
    with_signature,
    written,
)

_LONG_CHARS = 1_024  # of one text, in a record that has to be shortened


class Chain:
    """`seq` and `prev`: number and hash of the last line. `signed`: number of the last signed one."""

    __slots__ = ("id", "prev", "segment", "seq", "signed", "signer")

    def __init__(self, name: str, signer: Signer) -> None:
        self.id = name
        self.signer = signer
        self.segment = 0
        self.seq = 0
        self.prev = GENESIS
        self.signed = 0

    def link(self, records: Iterable[AuditRecord]) -> list[bytes]:
        """The lines of records that come next."""
        name, seq, prev = self.id, self.seq, self.prev
        at, mono = time.time_ns() // 1000, time.monotonic_ns() // 1000
        lines = []
        for record in records:
            seq += 1
            record.at, record.mono, record.chain, record.seq, record.prev = at, mono, name, seq, prev
            line = line_of(record)
            lines.append(line)
            prev = digest(line)
        return lines

    def took(self, lines: Sequence[bytes]) -> None:
        """These are in the operating system now."""
        if lines:
            self.seq += len(lines)
            self.prev = digest(lines[-1])

    def opening(
        self, segment: int, *, found: Found | None, calls: tuple[int, ...], after: tuple[Link, ...], by: str
    ) -> bytes:
        """The first line of a segment."""
        return self._signed(
            Opening(
                after=after,
                at=time.time_ns() // 1000,
                by=by,
                calls=calls,
                chain=self.id,
                format=FORMAT,
                found=found,
                key=self.signer.public.id,
                mono=time.monotonic_ns() // 1000,
                pid=os.getpid(),
                prev=self.prev,
                segment=segment,
                seq=self.seq + 1,
            )
        )

    def mark(self, kind: Literal["head", "seal", "close"]) -> bytes:
        """A signed line."""
        return self._signed(
            Mark(
                at=time.time_ns() // 1000,
                chain=self.id,
                key=self.signer.public.id,
                kind=kind,
                mono=time.monotonic_ns() // 1000,
                prev=self.prev,
                segment=self.segment,
                seq=self.seq + 1,
            )
        )

    def gap(self, before: bytes, count: int, error: str, since: int, what: Literal["refused", "unrecorded"]) -> bytes:
        """What was missed, behind the line `before`."""
        return written(
            Gap(
                at=time.time_ns() // 1000,
                chain=self.id,
                count=count,
                error=error,
                kind="gap",
                mono=time.monotonic_ns() // 1000,
                prev=digest(before),
                seq=self.seq + 2,
                since=since,
                what=what,
            )
        )

    def _signed(self, own: Opening | Mark) -> bytes:
        body = written(own)
        return with_signature(body, self.signer.sign(to_sign(body)))


def line_of(record: AuditRecord) -> bytes:
    """The line of a record. One that cannot be written down as it is, is written down as well as can be."""
    if record.arguments is not None:
        record.arguments = _compact(record.arguments)
    try:
        line = encode(record)
    except (ValueError, OverflowError, TypeError):  # half a character, a number without end
        line = encode(_cleaned(record))
    return line if len(line) <= audit_line_bytes_max else encode(shortened(record))


def _compact(arguments: msgspec.Raw) -> msgspec.Raw | None:
    """On one line, with sorted keys; None where they are too many, or no JSON."""
    if len(arguments) > audit_arguments_bytes_max:
        return None
    try:
        return msgspec.Raw(msgspec.json.encode(msgspec.json.decode(arguments), order="sorted"))
    except (ValueError, OverflowError, RecursionError):
        return None


def _cleaned(record: AuditRecord) -> AuditRecord:
    for field in msgspec.structs.fields(AuditRecord):
        value = getattr(record, field.name)
        if isinstance(value, str):
            setattr(record, field.name, value.encode("utf-8", "backslashreplace").decode("utf-8"))
        elif isinstance(value, int) and abs(value) >= 1 << 53:
            setattr(record, field.name, None if field.name == "code" else 0)
    return record


def shortened(record: AuditRecord) -> AuditRecord:
    """The same record without its arguments, and with texts nobody has to read whole."""
    record.arguments = None
    for field in msgspec.structs.fields(AuditRecord):
        value = getattr(record, field.name)
        if isinstance(value, str) and len(value) > _LONG_CHARS:
            setattr(record, field.name, value[:_LONG_CHARS])
    return record


def end_unknown(start: AuditRecord, note: str) -> AuditRecord:
    """The end of a call of which nobody will ever tell how it ended."""
    return AuditRecord(
        call=start.call,
        digest=start.digest,
        endpoint=start.endpoint,
        kind="end",
        method=start.method,
        note=note,
        outcome="unknown",
        principal=start.principal,
        server=start.server,
        snapshot=start.snapshot,
        tenant=start.tenant,
        tool=start.tool,
        trace=start.trace,
    )
