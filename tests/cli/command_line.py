"""The command as a shell runs it: a process of its own, a home of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS_MAX = 30.0


@dataclass(frozen=True)
class Ran:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


def run(*arguments: str, home: Path, stdin: str = "", cwd: Path | None = None, **environ: str) -> Ran:
    """`narthex ARGUMENTS`, bounded in time. HOME is `home`; nothing of the caller's own configuration is seen."""
    done = subprocess.run(
        [sys.executable, "-m", "narthex", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        cwd=cwd or home,
        env=environment(home, **environ),
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def environment(home: Path, **environ: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONUTF8": "1", **environ}


@contextmanager
def demo_server(name: str) -> Iterator[str]:
    """A server that ships with Narthex, at a URL."""
    arguments = [sys.executable, "-m", f"narthex.libraries.demo.{name}", "--http", "0"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stderr is not None
            yield child.stderr.readline().split()[-1]
        finally:
            child.terminate()
            child.wait(SECONDS_MAX)
