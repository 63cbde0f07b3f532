"""What a library is given by whoever runs it: settings, and secrets apart from them.

Knows: where both come from, in a gateway and alone. Refuses to show a secret in any `repr`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

VARIABLE = "NARTHEX_LIBRARY"  # JSON: {"settings": …, "secrets": …}


class Secrets(dict[str, str]):
    """Secrets by name."""

    def __repr__(self) -> str:
        return f"<Secrets {', '.join(self)}>"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One library's, for as long as it is served."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets)
    behind: bool = False  # whoever started this process says who calls, and is believed

    def of(self, library: str) -> "Surroundings":
        """What is for this library: a name with a point is for the one that it begins with, all others for all."""
        return Surroundings(_of(self.settings, library), Secrets(_of(self.secrets, library)))


def _of(given: Mapping[str, Any], library: str) -> dict[str, Any]:
    common = {name: value for name, value in given.items() if "." not in name}
    own = {name.partition(".")[2]: value for name, value in given.items() if name.partition(".")[0] == library}
    return {**common, **{name: value for name, value in own.items() if name}}


NONE = Surroundings()


class _Given(msgspec.Struct):
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    behind: bool = False


def encode(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """Both as one variable of an environment, for a library that a gateway starts for itself alone."""
    return msgspec.json.encode(_Given(dict(settings), dict(secrets), behind=True)).decode()


def from_environment(environ: Mapping[str, str] = os.environ) -> Surroundings:
    """What was given to this process. Raises ValueError where that cannot be read; the text shows nothing of it."""
    text = environ.get(VARIABLE)
    if not text:
        return NONE
    try:
        given = msgspec.json.decode(text, type=_Given)
    except msgspec.DecodeError:
        raise ValueError(f'{VARIABLE} does not hold {{"settings": …, "secrets": …}}') from None
    return Surroundings(given.settings, Secrets(given.secrets), behind=given.behind)
