"""The README as its first reader lives it: `make run`'s demo says what the page says, and what it suggests works."""

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from docs_pages import ROOT, commands, snippets, text_of

SECONDS_MAX = 30.0
PRINTED = next(one.text for one in snippets("text") if one.page == "README.md")
STORY = next(one.text for one in snippets("console") if one.page == "README.md" and "$SALES" in one.text)
# What is another one each time: keys, moments, how long it took.
CHANGING = (
    (r"nx_\w{20,}", "nx_…"),
    (r"(?m)^\d{4}-\d\d-\d\d [\d:.]{12} ", ""),
    (r" in [\d.]+ (?:µs|ms|s) ", " in a moment "),
)


@dataclass(frozen=True)
class Demo:
    """A running demo: what it printed, and the addresses it took."""

    said: str
    url: str
    admin: str
    home: Path

    def here(self, text: str) -> str:
        """A page's text with this demo's addresses, and its state."""
        text = re.sub(r" call --endpoint", f" call --url {self.url} --endpoint", text)
        text = text.replace("http://127.0.0.1:8080", self.url).replace("http://127.0.0.1:8081", self.admin)
        return text.replace("audit tail --demo", f"audit tail --state {self.home / 'state'}")

    def pasted(self, line: str) -> "subprocess.CompletedProcess[str]":
        """A line of the page in a shell, where the keys have been set as the demo says."""
        exports = [one.strip() for one in self.said.splitlines() if "export " in one]
        program = self.here(line).replace(".venv/bin/narthex", f"{sys.executable} -m narthex")
        return subprocess.run(
            ["/bin/sh", "-c", "\n".join([*exports, program])],
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            env=_environment(self.home),
            check=False,
        )


def same(text: str) -> str:
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return text.strip("\n")


@contextmanager
def running(home: Path, *flags: str) -> Iterator[Demo]:
    anywhere = ["--listen", "http://127.0.0.1:0", "--admin", "http://127.0.0.1:0", "--state", str(home / "state")]
    with subprocess.Popen(
        [".venv/bin/narthex", "demo", *anywhere, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,  # as `make run` starts it: what is printed is told from here
        env={**_environment(home), "PATH": "/nowhere"},  # where no Prometheus is
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            while "Ctrl-C ends it" not in said:
                line = process.stdout.readline()
                assert line, "the demo ended before it had said everything"
                said += line
            admin = re.search(r"(http://127\.0\.0\.1:\d+)/metrics", said)
            url = re.search(r"(http://127\.0\.0\.1:\d+)/mcp\b", said)
            assert admin is not None
            assert url is not None
            yield Demo(said, url[1], admin[1], home)
        finally:
            process.terminate()
            process.wait(SECONDS_MAX)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def open_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("open"), "--open") as found:
        yield found


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONUTF8": "1"}


def _run(line: str, demo: Demo) -> subprocess.CompletedProcess[str]:
    """A line of the page as a shell runs it, with the environment's Python behind `.venv/bin/narthex`."""
    words = shlex.split(line)
    if words[0] in (".venv/bin/narthex", "narthex"):
        words[:1] = [sys.executable, "-m", "narthex"]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=SECONDS_MAX, env=_environment(demo.home), check=False
    )


def test_the_demo_says_what_the_readme_shows(demo: Demo) -> None:
    assert same(demo.here(PRINTED)).split("\n") == same(demo.said).split("\n")


def test_the_story_of_two_teams_is_as_the_readme_tells_it(demo: Demo) -> None:
    told = [part.partition("\n") for part in STORY.split("$ ", 1)[1].split("\n$ ")]
    for command, _, answer in told:
        ran = demo.pasted(command)

        assert same(ran.stdout + ran.stderr) == same(answer)
    assert len(told) == 5


@pytest.mark.parametrize("line", re.findall(r"^ +(.*\.venv/bin/narthex (?:call|audit) .*)$", PRINTED, re.MULTILINE))
def test_what_the_demo_suggests_works(demo: Demo, line: str) -> None:
    ran = demo.pasted(line)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(ran.stdout) > 100


def test_the_metrics_count_the_calls(open_demo: Demo) -> None:
    _run(open_demo.here(".venv/bin/narthex call tickets__list_tickets --url http://127.0.0.1:8080/mcp"), open_demo)

    with urllib.request.urlopen(f"{open_demo.admin}/metrics", timeout=SECONDS_MAX) as answer:
        page = answer.read().decode()

    counted = 'narthex_calls_total{outcome="ok",server="tickets",tool="tickets__list_tickets"}'
    assert [line for line in page.splitlines() if line.startswith(counted)]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_health_addresses_of_the_readme_answer(demo: Demo, path: str) -> None:
    assert f"`GET {path}`" in text_of("README.md")
    with urllib.request.urlopen(demo.url + path, timeout=SECONDS_MAX) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/api/servers", "/api/snapshot", "/api/openapi.json", "/metrics"])
def test_the_admin_addresses_of_the_pages_answer(demo: Demo, path: str) -> None:
    assert path in text_of("docs/operations.md")
    with urllib.request.urlopen(demo.admin + path, timeout=SECONDS_MAX) as answer:
        assert answer.status == 200


def test_the_curl_command_of_the_clients_page_lists_tools(open_demo: Demo) -> None:
    line = next(line for page, line in commands() if page == "docs/clients.md" and line.startswith("curl "))
    words = shlex.split(open_demo.here(line))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    url = next(word for word in words if word.startswith("http"))
    request = urllib.request.Request(url, words[words.index("-d") + 1].encode(), headers)

    with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
        listed = json.load(answer)["result"]["tools"]

    assert "crm__crm_search_contacts" in [tool["name"] for tool in listed]


def test_a_clients_own_file_is_served_as_it_is(tmp_path: Path, demo: Demo) -> None:
    """The first way of the README, with a server that ships."""
    file = tmp_path / "mcp.json"
    servers = {
        name: {"command": sys.executable, "args": ["-m", f"narthex.libraries.demo.{library}"]}
        for name, library in (("papers", "docs"), ("people", "crm"))
    }
    file.write_text(json.dumps({"mcpServers": servers}))

    checked = _run(f"narthex check {file}", demo)
    listed = _run(f"narthex tools {file}", demo)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "papers__search_docs" in listed.stdout
    assert "people__search_contacts" in listed.stdout


def test_a_connected_client_has_the_address(demo: Demo) -> None:
    ran = _run(demo.here(".venv/bin/narthex connect claude-code --url http://127.0.0.1:8080/mcp --yes"), demo)

    assert ran.returncode == 0, ran.stderr
    written = json.loads((demo.home / ".claude.json").read_text())
    assert written["mcpServers"]["narthex"]["url"] == f"{demo.url}/mcp"


def test_the_readme_opens_with_three_sentences_and_two_commands() -> None:
    opening = text_of("README.md").partition("```console")[0].partition("\n\n")[2].strip()
    first = [line.partition("#")[0].strip() for _, line in commands()[:200] if line.startswith("make ")]

    assert len(re.findall(r"[^\s.]\.(?:\s|$)", opening)) == 3
    assert {"make run", "make test"} <= set(first)
    assert (ROOT / "Makefile").exists()
