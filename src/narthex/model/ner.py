"""Whoever finds names: the model it is given, what it looks for, and how long it is waited for.

Knows: names, numbers, choices. Refuses to know: Presidio, spaCy, processes.
"""

from typing import Annotated, Literal

import msgspec

Entity = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,31}$")]  # as Presidio calls them
Language = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}$")]
Model = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]


class NerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key `ner:`."""

    model: Model  # a spaCy pipeline: the name of an installed package, or the path of a folder
    language: Language = "en"
    entities: Annotated[tuple[Entity, ...], msgspec.Meta(min_length=1, max_length=32)] = ("PERSON", "LOCATION", "NRP")
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5  # findings below it do not count
    seconds: Seconds = 5.0  # how long a call waits for it, and how long it may be silent over a batch
    when_gone: Literal["refuse", "allow"] = "refuse"  # calls, while it is not there, too slow or broken
    memory_mb: Annotated[int, msgspec.Meta(ge=256, le=1_048_576)] = 2_048  # of address space

    @property
    def kinds(self) -> frozenset[str]:
        """What rules call the entities."""
        return frozenset(entity.lower() for entity in self.entities)
