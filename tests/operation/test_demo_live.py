"""`narthex demo`: what it prints is true, and what it tells to type works."""

import contextlib
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from operation_kit import get, modern, until


@contextlib.contextmanager
def demo(folder: Path, *flags: str) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    said, log = folder / "out", folder / "err"
    with said.open("wb") as out, log.open("wb") as err:
        options = ["--listen", "http://127.0.0.1:0", "--admin", "http://127.0.0.1:0", "--log-format", "human"]
        process = subprocess.Popen(
            [program(), "demo", *options, *flags], stdout=out, stderr=err, cwd=folder, env=environment(folder)
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


def run(command: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    words = shlex.split(command)
    known = {**environment(folder), **variables}
    return subprocess.run(words, cwd=folder, env=known, capture_output=True, text=True, timeout=30)


def pasted(lines: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Lines in a shell, exactly as they were printed."""
    known = environment(folder)
    return subprocess.run(
        ["/bin/sh", "-c", "\n".join(lines)], cwd=folder, env=known, capture_output=True, text=True, timeout=30
    )


def shown(said: Path) -> str:
    return str(until(lambda: said.read_text() if said.read_text().endswith("\n\n") else "", "it says what to do"))


def lines_with(text: str, *words: str) -> list[str]:
    return [line for line in text.splitlines() if any(word in line for word in words)]


def test_what_the_demo_prints_is_true_and_works(tmp_path: Path) -> None:
    with demo(tmp_path) as (process, said):
        text = shown(said)
        rows = re.findall(r"^    (http://\S+/mcp/\S*) +(\S.*)", text, re.MULTILINE)
        assert [row[0].rpartition("/")[2] for row in rows] == ["sales", "engineering"]
        exports = lines_with(text, "export ")
        commands = lines_with(text, " call ", " audit ")
        assert (len(exports), len(commands)) == (2, 3)
        done = [pasted([*exports, command], tmp_path) for command in commands]
        servers = json.loads(get(re.findall(r"(http://\S+)/metrics", text)[0] + "/api/servers")[1])["servers"]
        assert {name for row in rows for name in row[1].split(", ")} == {one["name"] for one in servers}

        admin = re.search(r"(http://\S+)/metrics", text)
        assert admin is not None
        page = get(admin[0])[1].decode()
        assert re.search(r'narthex_calls_total\{.*tool="crm_search_contacts".*\} 1', page)

        # The last thing to try writes into a client's file: only its first half is tried here.
        connect = lines_with(text, "narthex connect")[0].split(":", 1)[1].strip()
        assert run(connect + " --help", tmp_path).returncode == 0
    log = (tmp_path / "err").read_text()

    assert process.returncode == 0
    assert [word for word in ("Traceback", "leaked", "warning", "error") if word in log] == []
    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 3
    contacts, figures, record = (one.stdout for one in done)
    assert len(json.loads(contacts)["contacts"]) == 2
    assert [row["month"] for row in json.loads(figures)["rows"]] == ["2026-01", "2026-02", "2026-03"]
    assert "crm_search_contacts on sales by sales: ok" in record
    assert "analytics_query on engineering by engineering: ok" in record


def test_the_first_screen_is_calm_and_short(tmp_path: Path) -> None:
    with demo(tmp_path) as (_, said):
        text = shown(said)
        log = (tmp_path / "err").read_text()

    assert len(text.splitlines()) <= 22
    assert "warning" not in log


def test_a_key_is_for_one_team_and_ends_with_the_demo(tmp_path: Path) -> None:
    with demo(tmp_path) as (_, said):
        text = shown(said)
        sales, engineering = (line.partition("=")[2] for line in lines_with(text, "export "))
        url = re.search(r"(http://\S+/mcp)/", text)
        assert url is not None
        elsewhere = run(f"{program()} tools --url {url[1]}/sales", tmp_path, NARTHEX_KEY=engineering)
        nobody = run(f"{program()} tools --url {url[1]}/sales", tmp_path)
        hidden = run(f"{program()} call --url {url[1]}/engineering crm_search_contacts query=ana", tmp_path,
                     NARTHEX_KEY=engineering)  # fmt: skip
    kept = json.loads(run(f"{program()} keys list --demo --json", tmp_path).stdout)
    with demo(tmp_path) as (_, said):
        again = lines_with(shown(said), "export ")[0].partition("=")[2]
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != tmp_path / "out")

    assert "not for this endpoint" in elsewhere.stderr
    assert "must know who calls" in nobody.stderr
    assert "Give a key or token with --key, or in NARTHEX_KEY." in nobody.stderr
    assert "There is no tool 'crm_search_contacts'" in hidden.stderr
    assert {(one["name"], one["state"]) for one in kept} == {("sales", "revoked"), ("engineering", "revoked")}
    assert again != sales
    assert [key for key in (sales, engineering, again) if key.encode() in files] == [], "shown once, and kept nowhere"


def test_the_keys_of_another_demo_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with demo(tmp_path) as (_, said):
        text = shown(said)
        state = f"--state={tmp_path}/.local/state/narthex/brightwater-kites"
        with demo(tmp_path / "other", state) as (_, other):
            first, second = (lines_with(shown(one), "export ")[0].partition("=")[2] for one in (said, other))
        url = re.search(r"(http://\S+/mcp/sales)", text)
        assert url is not None
        listed = run(f"{program()} tools --url {url[1]}", tmp_path, NARTHEX_KEY=first)

    assert first != second
    assert listed.returncode == 0


def test_a_demo_that_cannot_listen_leaves_no_key_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        failed = run(f"{program()} demo --listen {address} --admin http://127.0.0.1:0", tmp_path)
    kept = json.loads(run(f"{program()} keys list --demo --json", tmp_path).stdout)

    assert failed.returncode == 1
    assert "Another gateway may be running" in failed.stderr
    assert failed.stdout == ""
    assert [one["state"] for one in kept] == ["revoked", "revoked"]


def test_all_kinds_of_things_are_there_for_everybody_on_this_machine(tmp_path: Path) -> None:
    """Open, there is `/mcp` as well: tools, resources, templates, prompts, pictures, progress."""
    with demo(tmp_path, "--open") as (_, said):
        text = shown(said)
        done = [pasted([command], tmp_path) for command in lines_with(text, " call ", " audit ")]
        url = re.search(r"(http://\S+/mcp)/", text)
        assert url is not None
        tools = run(f"{program()} tools --url {url[1]}", tmp_path)
        picture = run(f"{program()} call --url {url[1]} docs__company_logo", tmp_path)
        report = run(f"{program()} call --url {url[1]} tickets__run_report seconds=0.1", tmp_path)
        prompts = modern(url[1], "prompts/list")["result"]["prompts"]
        templates = modern(url[1], "resources/templates/list")["result"]["resourceTemplates"]

    assert "export" not in text
    assert "NARTHEX_KEY" not in text
    assert [one.returncode for one in done] == [0, 0, 0]
    names = [line.split()[0] for line in tools.stdout.splitlines()]
    assert {"crm__crm_search_contacts", "analytics__analytics_query", "tickets__create_ticket"} <= set(names)
    assert "image/png" in picture.stdout
    assert "6 tickets" in report.stdout
    assert [one["name"] for one in prompts] == ["crm__prepare_visit"]
    assert len(templates) == 4


@pytest.mark.skipif(shutil.which("prometheus", path="/usr/bin:/bin") is None, reason="there is no Prometheus here")
def test_engineering_asks_prometheus_what_the_gateway_does(tmp_path: Path) -> None:
    with demo(tmp_path) as (_, said):
        text = shown(said)
        exports, (sales, figures, _) = lines_with(text, "export "), lines_with(text, " call ", " audit ")
        for _ in range(3):
            assert pasted([*exports, sales], tmp_path).returncode == 0
        asking = figures.partition(" analytics_query ")[0] + " query_metrics metric_name=narthex_calls_total"
        question = [*exports, f"{asking} time_range=5m aggregation=sum"]
        found = until(lambda: _done(pasted(question, tmp_path)), "it has looked at the gateway", 30.0)
    ended = until(lambda: not _at_work(tmp_path), "it has ended with the demo", 10.0)

    assert ", docs, prometheus" in text
    assert "narthex_calls_total" in found.stdout
    assert ended


def _at_work(folder: Path) -> list[str]:
    """The Prometheus programs that were started for the demo of this folder."""
    targets = str(folder / ".local/state/narthex/brightwater-kites/demo/targets.json")
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = one.read_bytes().decode(errors="replace").split("\0")
            if targets in words:
                found.append(words[0])
    return found


def test_a_bad_answer_of_the_gateway_is_the_exit_code_of_the_command(tmp_path: Path) -> None:
    with demo(tmp_path, "--open") as (_, said):
        url = re.search(r"(http://\S+/mcp)/", shown(said))
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


def test_a_key_of_ones_own_is_as_good(tmp_path: Path) -> None:
    """As docs/authentication.md has it."""
    with demo(tmp_path) as (_, said):
        url = re.search(r"(http://\S+/mcp)/", shown(said))
        assert url is not None
        made = run(f"{program()} keys create --name me --scopes crm:read,analytics:read --demo", tmp_path)
        key, tools = made.stdout.strip(), f"{program()} tools --url {url[1]}"
        mine = until(lambda: _done(run(tools, tmp_path, NARTHEX_KEY=key)), "the key is known within a second")
        connect = lines_with(said.read_text(), "narthex connect")[0].split(":", 1)[1].strip()
        connected = run(f"{connect} --yes", tmp_path, SALES=key)
        revoked = run(f"{program()} keys revoke {key} --demo", tmp_path)
        late = until(lambda: _failed(run(tools, tmp_path, NARTHEX_KEY=key)), "it is refused within a second")

    assert "crm__crm_search_contacts" in mine.stdout
    assert connected.returncode == 0, connected.stderr
    assert "Bearer ${SALES}" in (tmp_path / ".claude.json").read_text()
    assert "takes the API key from SALES: set it where" in connected.stdout
    assert revoked.returncode == 0
    assert "was revoked on" in late.stderr
    assert "Give a key" not in late.stderr, "one was given"


def test_the_demo_behind_an_issuer_that_is_not_there_says_so(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    with demo(tmp_path, "--issuer", nowhere, "--audience", "api://kites") as (_, said):
        text = until(lambda: said.read_text() if "TOKEN" in said.read_text() else "", "it says what to do")
        log = tmp_path / "err"
        until(lambda: f"The keys of {nowhere} cannot be fetched" in log.read_text(), "the operator is told")
        tools = lines_with(text, " tools ")[0].strip().removeprefix("NARTHEX_KEY=TOKEN ")
        nobody = run(tools, tmp_path)
        opaque = run(tools, tmp_path, NARTHEX_KEY="opaque")
        of_sales = pasted([*lines_with(text, "export "), lines_with(text, " call ")[0]], tmp_path)
    alone = run(f"{program()} demo --audience api://kites", tmp_path)
    both = run(f"{program()} demo --open --issuer {nowhere}", tmp_path)

    assert f"Who has a token of {nowhere} is let in, too, with 'api://kites' as its audience." in text
    assert "send a token" in nobody.stderr
    assert "it must be a signed one (a JWT)" in opaque.stderr
    assert of_sales.returncode == 0, of_sales.stderr
    assert (alone.returncode, both.returncode) == (2, 2)
    assert "--audience belongs to --issuer" in alone.stderr
    assert "Either --open or --issuer" in both.stderr


def _done(ran: "subprocess.CompletedProcess[str]") -> "subprocess.CompletedProcess[str] | None":
    return ran if ran.returncode == 0 else None


def _failed(ran: "subprocess.CompletedProcess[str]") -> "subprocess.CompletedProcess[str] | None":
    return ran if ran.returncode != 0 else None
