"""How far the chains of a folder have come: what a new chain names, so that none can be cut or taken away unseen.

Knows: the last lines of chains. Refuses to know: whether they are true.
"""

from pathlib import Path

import msgspec

from narthex.limits import audit_chains_named_max
from narthex.store.audit.lines import Entry, Link, digest, read_entry
from narthex.store.audit.names import Segment, chains
from narthex.store.audit.reading import last_line


def links(folder: Path, but: str = "") -> tuple[Link, ...]:
    """The last whole record of each chain, of the newest chains where there are too many. Raises OSError."""
    found = []
    for name, segments in list(chains(folder).items())[-audit_chains_named_max:]:
        end = None if name == but else end_of(segments)
        if end is not None:
            found.append(end)
    return tuple(found)


def end_of(segments: list[Segment]) -> Link | None:
    """The last whole record of a chain; None where there is none that says its number."""
    for segment in reversed(segments):
        try:
            line = last_line(segment)[0]
        except FileNotFoundError:  # just compressed, or removed because of its age
            continue
        entry = entry_of(line) if line is not None else None
        if line is not None and entry is not None:
            return Link(segment.chain, digest(line), entry.seq)
    return None


def entry_of(line: bytes) -> Entry | None:
    try:
        return read_entry(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
