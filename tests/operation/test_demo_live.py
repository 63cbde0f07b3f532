"""`narthex demo`: what it prints is true, and what it tells to type works."""

import contextlib
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from operation_kit import get, until


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    said, log = folder / "out", folder / "err"
    with said.open("wb") as out, log.open("wb") as err:
        options = ["--listen", "http://127.0.0.1:0", "--admin", "http://127.0.0.1:0"]
        process = subprocess.Popen(
            [program(), "demo", *options], stdout=out, stderr=err, cwd=folder, env=environment(folder)
        )
    try:
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def program() -> str:
    return str(Path(sys.executable).with_name("narthex"))


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}


def run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    words = shlex.split(command)
    return subprocess.run(words, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=30)


def test_what_the_demo_prints_is_true_and_works(tmp_path: Path) -> None:
    with demo(tmp_path) as (process, said):
        text = until(lambda: said.read_text() if "Ctrl-C" in said.read_text() else "", "it says what to do")
        rows = re.findall(r"(http://\S+/mcp\S*)\s+(\d+) tools?, (\d+) resources?, (\d+) prompts?", text)
        assert [row[0].rpartition("/")[2] for row in rows] == ["mcp", "support", "sales"]
        assert all(int(row[1]) > 0 for row in rows)
        commands = [line.strip() for line in text.splitlines() if "narthex tools" in line or "narthex call" in line]
        assert len(commands) >= 3
        for command in commands:
            done = run(command, tmp_path)
            assert done.returncode == 0, (command, done)
            assert len(done.stdout) > 20
        tools = run(f"{program()} tools --url {rows[0][0]} --json", tmp_path)
        assert tools.stdout.count('"inputSchema"') == int(rows[0][1])

        admin = re.search(r"(http://\S+)/metrics", text)
        assert admin is not None
        page = get(admin[0])[1].decode()
        assert re.search(r'narthex_calls_total\{.*tool="crm__search_contacts".*\} 1', page)

        # The third thing to try writes into a client's file: only its first half is tried here.
        connect = next(line for line in text.splitlines() if "narthex connect" in line).split(":", 1)[1].strip()
        shown = run(connect + " --help", tmp_path)
        assert shown.returncode == 0
    assert process.returncode == 0


def test_a_bad_answer_of_the_gateway_is_the_exit_code_of_the_command(tmp_path: Path) -> None:
    with demo(tmp_path) as (_, said):
        text = until(lambda: said.read_text() if "Ctrl-C" in said.read_text() else "", "it says what to do")
        url = re.search(r"(http://\S+/mcp)\s", text)
        assert url is not None
        missing = run(f"{program()} call crm__nothing --url {url[1]}", tmp_path)

        assert missing.returncode == 1
        assert "There is no tool 'crm__nothing'" in missing.stderr
    gone = run(f"{program()} tools --url {url[1]}", tmp_path)
    assert gone.returncode != 0
    assert "Traceback" not in gone.stderr


def test_check_says_what_the_demo_would_be(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers:\n  - {name: a, command: [sh]}\n")
    assert run(f"{program()} check narthex.yaml", tmp_path).returncode == 0
    (tmp_path / "narthex.yaml").write_text("servers:\n  - {name: a, comand: [sh]}\n")
    done = run(f"{program()} check narthex.yaml", tmp_path)

    assert done.returncode == 2
    assert "narthex.yaml:2:" in done.stdout + done.stderr
