"""Installs the outside judges, one part at a time, from PyPI and npm by their ordinary clients.

Done once: a part whose stamp says that it was made from today's pins is left alone. Two runs at the same time wait
for each other at a file lock. Knows how to install; what is installed is `parts.py`'s business.
"""

import argparse
import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from outside import places
from outside.parts import PARTS, TOOLS, Archive, Part

PINS = places.CONFORMANCE / "pins"
LOCKS = places.CONFORMANCE / "npm"
SECONDS_MAX = 900.0
LINES_SHOWN_MAX = 40


class InstallFailure(Exception):
    """A package client said no; the message is its last words."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="conformance/setup", description="Install the outside judges.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them when none is named")
    parser.add_argument("--repin", action="store_true", help="forget the pinned closures, resolve and write them anew")
    wanted = parser.parse_args()
    unknown = set(wanted.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    try:
        make(TOOLS, lambda: fill_environment(TOOLS, "python", repin=wanted.repin), fresh=wanted.repin)
        for name in wanted.parts or PARTS:
            ensure(name, repin=wanted.repin)
    except InstallFailure as failure:
        sys.exit(f"conformance/setup: {failure}")


def ensure(name: str, *, repin: bool = False) -> None:
    """The part is installed when this returns, and before it what installs it."""
    make(TOOLS, lambda: fill_environment(TOOLS, "python", repin=repin), fresh=False)
    part = PARTS[name]
    make(part, lambda: fill(part, repin=repin), fresh=repin)


def make(part: Part, work: Callable[[], None], *, fresh: bool) -> None:
    folder = places.CACHE / part.name
    stamp = folder / ".installed"
    with alone(part.name):
        if not fresh and stamp.exists() and stamp.read_text() == fingerprint(part):
            return
        began = time.monotonic()
        say(f"{part.name}: installing into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        work()
        stamp.write_text(fingerprint(part))  # last, so that an interrupted installation is done again
        say(f"{part.name}: ready after {time.monotonic() - began:.0f} s")


@contextmanager
def alone(name: str) -> Iterator[None]:
    places.CACHE.mkdir(parents=True, exist_ok=True)
    with (places.CACHE / f".lock-{name}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(part: Part) -> str:
    """Changes with everything that decides what is installed."""
    digest = hashlib.sha256(repr(part).encode())
    for path in sorted([*PINS.glob(f"{part.name}-*.txt"), *(LOCKS / part.name).glob("*.json")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fill(part: Part, *, repin: bool) -> None:
    jobs: list[Callable[[], None]] = [
        lambda name=name: fill_environment(part, name, repin=repin)  # type: ignore[misc]
        for name in part.environments
    ]
    if part.npm:
        jobs.append(lambda: fill_npm(part, repin=repin))
    jobs += [lambda version=version: unpack_sdist(part, version) for version in part.sdists]  # type: ignore[misc]
    jobs += [lambda archive=archive: unpack_archive(part, archive) for archive in part.archives]  # type: ignore[misc]
    with ThreadPoolExecutor(max_workers=2) as crew:
        for done in [crew.submit(job) for job in jobs]:
            done.result()


def fill_environment(part: Part, name: str, *, repin: bool) -> None:
    began = time.monotonic()
    folder = places.CACHE / part.name / name
    pins = PINS / f"{part.name}-{name}.txt"
    constraint = [] if repin or not pins.exists() else ["--constraint", str(pins)]
    create_environment(folder, with_pip=part is TOOLS)
    install = installer(part, folder)
    call(f"{part.name}/{name}", [*install, "--quiet", *constraint, *part.environments[name]])
    if repin:
        write_pins(folder, pins)
    say(f"{part.name}: Python environment '{name}' in {time.monotonic() - began:.0f} s")


def create_environment(folder: Path, *, with_pip: bool) -> None:
    if uv := shutil.which("uv"):
        call("uv venv", [uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        return
    options = [] if with_pip else ["--without-pip"]
    try:
        call("venv", [sys.executable, "-m", "venv", *options, str(folder)])
    except InstallFailure as failure:
        raise InstallFailure(f"{failure}\n(on Debian and Ubuntu, 'apt-get install python3-venv' brings it)") from None


def installer(part: Part, folder: Path) -> list[str]:
    python = str(folder / "bin" / "python")
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", python]
    if part is TOOLS:
        return [python, "-m", "pip", "install", "--disable-pip-version-check"]
    # One pip fills every environment: making a pip in each would cost four seconds apiece.
    return [*pip(), "--python", python, "install"]


def pip() -> list[str]:
    return [str(places.interpreter("tools/python")), "-m", "pip", "--disable-pip-version-check"]


def write_pins(folder: Path, pins: Path) -> None:
    frozen = call("pip freeze", [*pip(), "--python", str(folder / "bin" / "python"), "freeze", "--all"])
    pins.write_text(f"# Written by conformance/setup --repin.\n{frozen}")


def fill_npm(part: Part, *, repin: bool) -> None:
    began = time.monotonic()
    folder = places.packages(part.name)
    folder.mkdir()
    kept = LOCKS / part.name
    shutil.copy(kept / "package.json", folder)
    if not repin:
        shutil.copy(kept / "package-lock.json", folder)
    verb = "install" if repin else "ci"
    # No install scripts: none of these packages needs one, and a judge has no business running code at installation.
    call(f"{part.name}/npm", [*places.npm(), verb, "--no-fund", "--no-audit", "--ignore-scripts"], folder)
    if repin:
        shutil.copy(folder / "package-lock.json", kept)
    say(f"{part.name}: npm packages in {time.monotonic() - began:.0f} s")


def unpack_sdist(part: Part, version: str) -> None:
    began = time.monotonic()
    folder = places.sdist(version).parent / version
    folder.mkdir(parents=True)
    call(
        f"{part.name}/sdist",
        [*pip(), "download", "--quiet", "--no-deps", "--no-binary", "mcp", "-d", str(folder), f"mcp=={version}"],
    )
    with tarfile.open(folder / f"mcp-{version}.tar.gz") as archive:
        if hasattr(tarfile, "data_filter"):  # since 3.11.4; distributions still bring 3.11.2
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(places.sdist(version).parent)
    shutil.rmtree(folder)
    say(f"{part.name}: fixtures of mcp {version} in {time.monotonic() - began:.0f} s")


def unpack_archive(part: Part, archive: Archive) -> None:
    """The wanted files beside each other in the part's folder; the archive itself is not kept."""
    began = time.monotonic()
    folder = places.CACHE / part.name
    here = folder / f"archive-{archive.digest[:8].replace('/', '_')}"
    here.mkdir()
    with tarfile.open(fetched(archive, here)) as opened:
        for name, path in archive.files.items():
            file = opened.extractfile(path)
            if file is None:
                raise InstallFailure(f"{archive.package} has no file {path}")
            (folder / name).write_bytes(file.read())
    shutil.rmtree(here)
    said = f"{archive.package}@{archive.version} in {time.monotonic() - began:.0f} s"
    say(f"{part.name}: {len(archive.files)} files of {said}")


def fetched(archive: Archive, here: Path) -> Path:
    """The archive itself, in an empty folder, held against its digest."""
    wanted = f"{archive.package}@{archive.version}"
    call(wanted, [*places.npm(), "pack", wanted, "--silent", "--pack-destination", str(here)], here)
    packed = next(here.iterdir())
    digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    if digest != archive.digest:
        raise InstallFailure(f"{wanted} is not what it was: sha512 {digest}")
    return packed


def call(what: str, command: Sequence[str], folder: Path | None = None) -> str:
    # npm starts `node` by name in places, and must find this one before an older one of the machine.
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-LINES_SHOWN_MAX:])
        raise InstallFailure(f"{what} failed with status {done.returncode}:\n{last}")
    return done.stdout


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
