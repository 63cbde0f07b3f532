"""What was seen of a server's definitions, and what somebody decided about each.

Knows: one definition by its fingerprint, and its state. Refuses to know: where this is kept, and what follows from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

Kind = Literal["tool", "prompt", "instructions"]
PinState = Literal["pinned", "pending", "rejected", "past"]
Named = tuple[Kind, str]  # the server's own name; instructions have none
Standing = Literal["shown", "held", "quarantined"]
Reason = Literal[
    "", "new", "changed", "breaking", "rejected", "poisoned", "unreadable", "pins_unreadable", "pins_not_kept"
]

KINDS: tuple[Kind, ...] = ("tool", "prompt", "instructions")


class Sighting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One definition as its server gives it now."""

    kind: Kind
    name: str
    fingerprint: str  # SHA-256 of its canonical text, in hexadecimal digits
    definition: bytes  # the canonical text

    @property
    def named(self) -> Named:
        return self.kind, self.name


class Pin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One definition that was seen once, for good. Times are seconds since the epoch."""

    server: str
    kind: Kind
    name: str
    fingerprint: str
    definition: bytes
    version: str  # what the server called its version when this was first seen
    state: PinState
    first_seen: float
    decided: float | None = None  # None: nobody has looked at it
    by: str = ""  # who decided

    @property
    def named(self) -> Named:
        return self.kind, self.name

    @property
    def approved(self) -> bool:
        """Somebody said yes. Pinned alone says only: this is the one that was there first."""
        return self.state == "pinned" and self.decided is not None

    def __repr__(self) -> str:  # a definition may be large, and its text is a stranger's
        return f"<Pin {self.kind} {self.server}/{self.name} {self.fingerprint[:12]} {self.state}>"


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one server. `locked`: somebody has approved of anything it has."""

    pins: Mapping[Named, Mapping[str, Pin]] = field(default_factory=dict)  # -> fingerprint -> the pin
    locked: bool = False

    def of(self, named: Named, fingerprint: str) -> Pin | None:
        return self.pins.get(named, {}).get(fingerprint)

    def pinned(self, named: Named) -> Pin | None:
        """The one that others are compared with."""
        return next((pin for pin in self.pins.get(named, {}).values() if pin.state == "pinned"), None)


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Seen:
    """What one server offers now, each definition at its place in the server's own list. None: it cannot be read."""

    tools: tuple[Sighting | None, ...] = ()
    prompts: tuple[Sighting | None, ...] = ()
    instructions: Sighting | None = None
    version: str = ""  # what the server calls its version, for people

    def all(self) -> Iterator[Sighting]:
        """Every one once, also a second one under the same name."""
        found: dict[tuple[Named, str], Sighting] = {}
        for one in (*self.tools, *self.prompts, self.instructions):
            if one is not None:
                found.setdefault((one.named, one.fingerprint), one)
        return iter(found.values())


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What one server offers, and all that is known of it, at one moment. Compared by identity."""

    seen: Seen
    known: Known = NOTHING_KNOWN
    scores: Mapping[str, float] = field(default_factory=dict)  # fingerprint -> how much it looks like an attack
    blind: bool = False  # the pins cannot be read: somebody may have decided meanwhile
    unkept: frozenset[str] = frozenset()  # fingerprints of what was seen, and could not be written down
    verdicts: dict[Any, Any] = field(default_factory=dict, repr=False)  # kept by `catalog.verdicts`


class Judged(NamedTuple):
    """What became of one definition at one endpoint, where a rule had a say."""

    server: str
    kind: Kind
    name: str  # the server's own
    standing: Standing
    reason: Reason  # "": somebody approved of it
    note: str  # for the operator
    fingerprint: str


def known_of(pins: "list[Pin]") -> dict[str, Known]:
    """By server."""
    found: dict[str, dict[Named, dict[str, Pin]]] = {}
    for pin in pins:
        found.setdefault(pin.server, {}).setdefault(pin.named, {})[pin.fingerprint] = pin
    locked = {pin.server for pin in pins if pin.decided is not None}
    return {server: Known(by_name, server in locked) for server, by_name in found.items()}
