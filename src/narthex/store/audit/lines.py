"""The lines that the journal writes of its own accord, and how every line is written and signed.

Knows: their form. Refuses to know: files, and keys.

Like records, they are JSON with sorted keys. `sig` sorts last: what is signed is the line without it.
"""

from hashlib import sha256
from typing import Literal

import msgspec

from narthex.model.audit import AuditRecord

FORMAT = 1
GENESIS = "0" * 64  # what the first line of a chain names as the one before
SIGNED = frozenset(("open", "head", "seal", "close"))
CONTEXT = b"narthex-audit-1\n"  # so that no signature of ours can be taken for one over something else
_SIGNATURE_CHARS = 86  # 64 bytes as base64url without padding
_TAIL_CHARS = len(',"sig":"') + _SIGNATURE_CHARS + len('"}')

encode = msgspec.json.Encoder().encode


class Link(msgspec.Struct, frozen=True, gc=False):
    """A record by its place and its hash: whoever keeps one can prove that the chain had it."""

    chain: str
    hash: str
    seq: int


class Found(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """How the segment before was found: its last whole line, and what stood behind it."""

    hash: str
    segment: int
    seq: int
    sha256: str = ""  # of the torn bytes
    synced: int | None = None  # the disk refused to keep what came after this record
    torn: int = 0  # bytes without an end of line


class Opening(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The first line of a segment."""

    after: tuple[Link, ...] = ()  # how far other chains of the folder had come
    at: int
    by: str = ""  # the chain of whoever went on with this one after its process had ended
    calls: tuple[int, ...] = ()  # begun, and not ended yet
    chain: str
    format: int = 0
    found: Found | None = None  # the segment before has no proper end
    key: str
    kind: Literal["open"] = "open"
    mono: int
    pid: int = 0
    prev: str
    segment: int
    seq: int
    sig: str = ""


class Mark(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A signed head: everything before it is what it was. `seal` ends a segment, `close` ends the chain."""

    at: int
    chain: str
    key: str
    kind: str
    mono: int
    prev: str
    segment: int
    seq: int
    sig: str = ""


class Gap(msgspec.Struct, kw_only=True):
    """There is something that was not written down, for the log was broken."""

    at: int
    chain: str
    count: int  # of records
    error: str
    kind: str
    mono: int
    prev: str
    seq: int
    since: int  # wall clock, microseconds
    what: Literal["refused", "unrecorded"]


class Entry(msgspec.Struct, gc=False):
    """What every line has."""

    kind: str
    prev: str
    seq: int


Line = AuditRecord | Opening | Mark | Gap
read_entry = msgspec.json.Decoder(Entry).decode
read_opening = msgspec.json.Decoder(Opening).decode
read_record = msgspec.json.Decoder(AuditRecord).decode


def digest(line: bytes) -> str:
    """The hash that the next line names."""
    return sha256(line).hexdigest()


def written(own: Opening | Mark | Gap) -> bytes:
    """A line of ours without a signature. `kind` is always said, also where it is what it usually is."""
    members = msgspec.to_builtins(own)
    members["kind"] = own.kind
    return msgspec.json.encode(members, order="sorted")


def with_signature(body: bytes, signature: str) -> bytes:
    assert len(signature) == _SIGNATURE_CHARS, "an Ed25519 signature"
    return body[:-1] + b',"sig":"' + signature.encode("ascii") + b'"}'


def to_sign(body: bytes) -> bytes:
    """What is signed of a line that has no signature yet."""
    return CONTEXT + body


def signed_part(line: bytes) -> tuple[bytes, str] | None:
    """The bytes that were signed, and the signature; None where the line has no such form."""
    tail = line[-_TAIL_CHARS:]
    if not (tail.startswith(b',"sig":"') and tail.endswith(b'"}')):
        return None
    return to_sign(line[:-_TAIL_CHARS] + b"}"), tail[8:-2].decode("ascii", "replace")
