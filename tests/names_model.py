"""A small spaCy pipeline that knows a few names: real, made in a second, and the same wherever tests run."""

from pathlib import Path

import spacy

PEOPLE = ("Anna Schmidt", "José García", "Łukasz Nowak", "Zoë")
PLACES = ("Berlin", "São Paulo", "Unter den Linden 5")


def made(folder: Path) -> Path:
    """The folder of the model."""
    model = folder / "model"
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    labelled = [("PERSON", PEOPLE), ("GPE", PLACES)]
    ruler.add_patterns(  # type: ignore[attr-defined]
        [{"label": label, "pattern": name} for label, names in labelled for name in names]
    )
    pipeline.to_disk(model)
    return model
