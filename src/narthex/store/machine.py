"""This machine, as long as it runs: when its monotonic clock began anew.

Knows: where systems say so. Refuses to guess: a machine that does not say is another one at every start.
"""

import subprocess
import uuid
from functools import cache
from pathlib import Path

from narthex.limits import boot_id_seconds_max

_LINUX = Path("/proc/sys/kernel/random/boot_id")
_MACOS = ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")


@cache
def boot_id() -> str:
    """The same for all processes until the machine starts again."""
    try:
        return _LINUX.read_text("ascii").strip()
    except OSError:
        return _of_macos() or uuid.uuid4().hex


def _of_macos() -> str:
    try:
        asked = subprocess.run(_MACOS, capture_output=True, text=True, timeout=boot_id_seconds_max, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip()
