"""Which Python to measure with: the fastest that this machine has, in an environment of its own.

    interpreter.py        prints the path of that interpreter, with Narthex and what the bench needs beside it

A CPython that was built without profile-guided optimisation, as some version managers do, runs Python a third slower
than those of Debian and of the official images. Nobody serves with it who has looked; nobody should measure with it.
The page that the bench writes names what it was measured with.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")
FOLDERS = ("/usr/bin", "/usr/local/bin")
WORTH = 0.9  # of the time that the environment's own takes: less of a difference is noise
SECONDS_MAX = 60
_LOOP = """
import time, sys, ensurepip
assert sys.version_info >= (3, 11)
def work(n=100_000):
    known, total = {}, 0
    for i in range(n):
        known[i & 255] = (i, total)
        total += len(known) + (hash(str(i)) & 7)
best = 9e9
for _ in range(9):
    begun = time.thread_time()
    work()
    best = min(best, time.thread_time() - begun)
print(best)
"""


def main() -> None:
    own = seconds_of(sys.executable) or 9e9
    found = {path: taken for path in candidates() if (taken := seconds_of(path)) is not None}
    fastest = min(found, key=lambda path: found[path], default="")
    if not fastest or found[fastest] > own * WORTH:
        print(sys.executable)
        return
    share = found[fastest] / own
    print(f"Measuring with {fastest}: it needs {share:.0%} of the time of {sys.executable}", file=sys.stderr)
    print(environment(fastest))


def candidates() -> list[str]:
    """Every interpreter by one of the usual names, each once."""
    found = [shutil.which(name) for name in NAMES] + [f"{folder}/{name}" for folder in FOLDERS for name in NAMES]
    paths = {os.path.realpath(path): path for path in found if path and Path(path).exists()}
    return list(paths.values())


def seconds_of(python: str) -> float | None:
    """What a small piece of work takes there; None where it is too old, broken, or cannot make environments."""
    try:
        ran = subprocess.run([python, "-c", _LOOP], capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return float(ran.stdout)


def environment(python: str) -> Path:
    """The interpreter of an environment with everything in it: made once, and again when pyproject.toml changes."""
    folder = HERE.parent / ".cache" / "bench-venv"
    inside, stamp = folder / "bin" / "python", folder / "made-for"
    project = HERE.parent / "pyproject.toml"
    wanted = f"{python} {project.stat().st_mtime_ns}"
    if stamp.exists() and stamp.read_text() == wanted:
        return inside
    print("Making an environment for it", file=sys.stderr)
    run(python, "-m", "venv", "--clear", str(folder))
    pip = (str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--upgrade", "pip>=25.1")
    run(*pip, "--group", f"{project}:dev", "--editable", str(HERE.parent))
    stamp.write_text(wanted)
    return inside


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
