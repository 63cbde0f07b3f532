"""What an operator configured to be started.

Knows: the words. Refuses to know: whether they make sense; the system tells when it is tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """What the operator configured; it comes from the configuration file alone, never over an API.

    `memory_bytes_max` bounds the address space, of which Node.js reserves gigabytes it never touches.
    `cpu_seconds_max` is for the whole life of the process. Both are inherited by what it starts, each for itself.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None = None
    inherit: tuple[str, ...] = ()
    cpu_seconds_max: int | None = None
    memory_bytes_max: int | None = None
    files_max: int | None = None
