"""Checks of Python libraries: a target that can be one, a file that is there.

Knows: how a target is written. Refuses to import it: a check runs nobody's code.
"""

import re
from pathlib import Path as FilePath

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.config import ServerConfig

_NAME = r"[^\W\d]\w*"
_TARGET = re.compile(rf"(?:.+\.py|{_NAME}(?:[.-]\w+)*)(?::{_NAME}(?:\.{_NAME})*)?")


def check_python(findings: Findings, path: Path, server: ServerConfig) -> None:
    assert server.python is not None
    inner = (*path, "python")
    if not _TARGET.fullmatch(server.python):
        remedy = "Like 'package.module', 'package.module:library' or 'tools.py:library'."
        findings.problem(inner, f"'{server.python[:100]}' names no library", remedy)
        return
    place = server.python.partition(":")[0]
    if place.endswith(".py") and not (FilePath(server.cwd or ".") / FilePath(place).expanduser()).is_file():
        findings.warn(inner, f"there is no file '{place}'", "Relative paths begin beside the configuration file.")
    for name in server.settings.keys() & server.secrets.keys():
        what = f"'{name}' is a setting and a secret"
        findings.problem((*path, "secrets", name), what, "Keep it under 'secrets'.", at_key=True)
