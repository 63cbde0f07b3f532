"""Checks of `ner`: that the extra and the model are there, and that its kinds have names of their own.

Knows: where installed packages and folders are found. Refuses to know: what is in the model; the process that reads it
tells.
"""

from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from narthex.control.check import Findings
from narthex.policy.redaction.compiling import NAMES
from narthex.policy.redaction.kind import GROUPS

_KEY = "ner"


def check_ner(findings: Findings) -> None:
    ner = findings.config.ner
    if ner is None:
        return
    for place, entity in enumerate(ner.entities):
        if entity.lower() in (*NAMES, *GROUPS):
            what = f"'{entity.lower()}' is a kind that the gateway finds by itself"
            findings.problem((_KEY, "entities", place), what, "Remove it here, and name it under 'detect'.")
    if find_spec("presidio_analyzer") is None or find_spec("spacy") is None:
        what = "needs Presidio, which is not installed here"
        findings.problem((_KEY,), what, "pip install 'narthex[ner]'", at_key=True)
        return
    wrong = _missing(ner.model)
    if wrong is not None:
        findings.problem((_KEY, "model"), *wrong)


def _missing(model: str) -> tuple[str, str] | None:
    """What is wrong with the model, and the remedy."""
    if "/" not in model:
        if any(True for _ in distributions(name=model)):
            return None
        return f"there is no package '{model}' here", f"python -m spacy download {model}; or write the path of a folder"
    if (Path(model) / "config.cfg").is_file():
        return None
    return f"{model} is no folder that spaCy has written: it has no 'config.cfg'", "Name one that 'nlp.to_disk' wrote."
