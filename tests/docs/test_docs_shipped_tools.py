"""docs/shipped-tools.md, as its reader lives it: each library runs, and answers as the page says."""

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from docs_pages import snippets, text_of
from outside.ports import free_port

from narthex.libraries.finding import find
from narthex.libraries.surroundings import Surroundings
from process_kit import gateway, until
from prometheus_kit import MISSING, PROGRAM, prometheus, value

PAGE = "docs/shipped-tools.md"
TABLE = dict(re.findall(r"^\| `(narthex\.libraries\.\w+)` \| (.+?) \|", text_of(PAGE), re.MULTILINE))
METRICS, HANDBOOK, WEB, TIME, DESK = [one.text for one in snippets("yaml") if one.page == PAGE]
(FILE,) = [one.text for one in snippets("python") if one.page == PAGE]
LINES = [line for one in snippets("console") if one.page == PAGE for line in one.text.splitlines()]
CALLS = {line[2:]: LINES[at + 1] for at, line in enumerate(LINES) if line.startswith("$ narthex call")}
SECONDS = 60
HTML = """<html><head><title>Box kites</title></head><body><nav>Home</nav><h1>Box kites</h1>
<p>A box kite flies in <b>strong wind</b>.<ul><li>no tail<li>two cells, open</ul></body></html>"""


def ran(folder: Path, command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", *shlex.split(command)]
    variables = {"HOME": str(folder), "PATH": "/usr/bin", **environment}
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=SECONDS, env=variables)


def answered(folder: Path, command: str, **environment: str) -> Any:
    done = ran(folder, command, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def calls(*tools: str) -> list[tuple[str, str]]:
    return [(command, printed) for command, printed in CALLS.items() if command.split()[4] in tools]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "handbook" / "kites").mkdir(parents=True)
    box = "# Box kites\n\nA box kite flies in strong wind.\nIt needs no tail.\n"
    (tmp_path / "handbook" / "kites" / "box.md").write_text(box)
    (tmp_path / "handbook" / "hours.md").write_text("Open from nine to five.\n")
    return tmp_path


@pytest.mark.parametrize("target", TABLE)
def test_the_table_names_the_tools_of_each_library(target: str) -> None:
    always, _, more = TABLE[target].partition(";")
    settings = {"promql": True, "write": True}

    assert list(find(target).to_server().tools) == re.findall(r"`(\w+)`", always)
    assert list(find(target).to_server(Surroundings(settings)).tools) == re.findall(r"`(\w+)`", always + more)


@pytest.mark.parametrize("target", TABLE)
def test_each_library_runs_alone(tmp_path: Path, target: str) -> None:
    done = ran(tmp_path, f"narthex run {target} --check")

    assert done.returncode == 0, done.stderr
    if f"$ narthex run {target} --check" in LINES:
        assert done.stdout.strip() == LINES[LINES.index(f"$ narthex run {target} --check") + 1]


@pytest.mark.parametrize(("command", "printed"), calls("search_files", "read_file"))
def test_the_handbook_is_read(folder: Path, command: str, printed: str) -> None:
    (folder / "narthex.yaml").write_text(HANDBOOK)

    assert answered(folder, command) == json.loads(printed)


@pytest.mark.parametrize(("command", "printed"), calls("time_difference", "convert_time"))
def test_the_time_is_told(folder: Path, command: str, printed: str) -> None:
    (folder / "narthex.yaml").write_text(TIME)

    assert answered(folder, command) == json.loads(printed)


@pytest.mark.parametrize(("command", "printed"), calls("fetch_page"))
def test_a_page_is_read(folder: Path, command: str, printed: str) -> None:
    """The page's host is nobody's; the same page is here, where only `private` lets it be reached."""
    with serving(HTML) as origin:
        here = WEB.replace('"docs.example.com"', '"127.0.0.1"').replace("{hosts:", "{private: true, hosts:")
        (folder / "narthex.yaml").write_text(here)
        found = answered(folder, command.replace("https://docs.example.com", origin))
        (folder / "narthex.yaml").write_text(WEB)
        refused = ran(folder, command.replace("https://docs.example.com", origin))

    assert found == {**json.loads(printed), "url": f"{origin}/box"}
    assert refused.returncode != 0
    assert "127.0.0.1 is not among the hosts that its operator lets this tool reach." in refused.stderr


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
@pytest.mark.parametrize(("command", "printed"), calls("query_metrics"))
def test_metrics_are_read(folder: Path, command: str, printed: str) -> None:
    home = folder / "gateway"
    home.mkdir()
    (home / "one.py").write_text("from narthex import tool\n@tool\ndef one() -> int:\n    return 1\n")
    with (
        gateway(home, {"servers": [{"name": "one", "python": "one.py"}]}) as running,
        prometheus(home, running.admin.removeprefix("http://"), [], free_port()) as url,
    ):
        until(lambda: value(url, "up") == 1, "the gateway is scraped")
        (folder / "narthex.yaml").write_text(METRICS.replace("http://prometheus.internal:9090", url))
        found = answered(folder, command, PROMETHEUS_TOKEN="t")
    told = json.loads(printed)

    assert shape(found) == shape(told)
    assert found["query"] == told["query"]
    assert found["series"][0]["labels"].keys() == told["series"][0]["labels"].keys()
    assert found["series"][0]["last"] == told["series"][0]["last"]


def test_several_are_put_together(folder: Path) -> None:
    (folder / "desk.py").write_text(FILE)
    (folder / "narthex.yaml").write_text(DESK)
    listed = ran(folder, "narthex tools --file narthex.yaml --format mcp")
    found = answered(folder, "narthex call --file narthex.yaml handbook_read_file path=hours.md")

    assert sorted(tool["name"] for tool in json.loads(listed.stdout)) == [
        "current_time",
        "handbook_read_file",
        "handbook_search_files",
    ]
    assert found["text"] == "Open from nine to five."


def test_the_page_calls_every_library() -> None:
    assert len(CALLS) == 6


def shape(found: dict[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys(found), "series": [list(one) for one in found["series"]]}


@contextmanager
def serving(page: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
