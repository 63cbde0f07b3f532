"""The gateway as a program that clients start: `narthex stdio FILE`, in a script that keeps what a client said to it.

Knows how the program is made; starts nothing.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from outside.gateway import Server, command, write_settings


@dataclass(frozen=True, slots=True)
class Program:
    """What a client is told to start, and the file that holds its words afterwards."""

    path: Path
    heard: Path


def program(servers: Sequence[Server], folder: Path) -> Program:
    folder.mkdir(parents=True, exist_ok=True)
    file = write_settings(folder, {"servers": list(servers)})
    made = Program(folder / "gateway", folder / "heard")
    # Appended to: the Inspector starts the program once for each question.
    made.path.write_text(f"#!/bin/sh\ntee -a {shlex.quote(str(made.heard))} | {shlex.join(command('stdio', file))}\n")
    made.path.chmod(0o755)
    return made
