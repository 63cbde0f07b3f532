"""Whether there is a Prometheus to show, and how it is told whom to look at.

Knows: a program and a file. Refuses to know: how it runs (`metrics`), which needs more than the gateway does.
"""

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def prometheus_of(targets: Path = Path("targets.json")) -> dict[str, Any] | None:
    """The server of the demo's configuration. None: there is no Prometheus here, or nothing to ask it with."""
    program = shutil.which("prometheus")
    if program is None or find_spec("httpx") is None:
        return None
    command = [sys.executable, "-m", "narthex.libraries.demo.metrics", program, str(targets)]
    # Eager: it has something to tell only of the time since it was started.
    return {"name": "prometheus", "command": command, "start": "eager", "stateless": True}


def tell(targets: Path, admin: str) -> None:
    """Whom to look at from now on. Prometheus notices by itself."""
    targets.parent.mkdir(parents=True, exist_ok=True)
    made = targets.with_suffix(".new")
    made.write_text(json.dumps([{"targets": [urlsplit(admin).netloc], "labels": {"company": "brightwater-kites"}}]))
    made.replace(targets)
