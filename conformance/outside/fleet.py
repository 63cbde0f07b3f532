"""The fleet: real servers from PyPI and npm, and for each one call whose answer only that server could give.

Knows how each is started and asked. Every proof has a word in it that was made for this run, so that no answer can be
a left-over of another one.
"""

import json
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from outside import places
from outside.ports import free_port
from outside.process import listens, running, wait_until

NAMES = (
    "everything",
    "filesystem",
    "memory",
    "thinking",
    "postgres",
    "git",
    "time",
    "excel",
    "sqlite",
    "duckdb",
    "testkit",
    "calculator",
    "fetch",
    "everything-http",
    "everything-sse",
    "excel-http",
    "testkit-http",
    *(["redis"] if shutil.which("redis-server") else []),
)


@dataclass(frozen=True, slots=True)
class Seat:
    """One server of the fleet: how it is reached, what it is asked, what its answer must hold."""

    name: str
    tool: str
    arguments: Mapping[str, Any]
    proof: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    refused: bool = False

    @property
    def target(self) -> dict[str, Any]:
        """Where a client meets it directly."""
        if self.url:
            return {"url": self.url}
        command, *arguments = self.command
        return {"command": command, "args": arguments, "env": dict(self.env)}

    @property
    def server(self) -> dict[str, Any]:
        """Its entry of `servers:`."""
        if self.url:
            return {"name": self.name, "upstream": self.url}
        return {"name": self.name, "command": list(self.command), "env": dict(self.env)}


@contextmanager
def fleet(folder: Path) -> Iterator[list[Seat]]:
    """Every server that this machine can run, with what it needs beside it running inside this block."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        page = stack.enter_context(page_with(word := secrets.token_hex(8)))
        seats = [*npm_seats(folder), *modern_seats(folder), *legacy_seats(folder)]
        seats.append(Seat("fetch", "fetch", {"url": page}, word, fetch_command()))
        seats += [stack.enter_context(start(folder)) for start in HTTP_SEATS]
        if "redis" in NAMES:
            seats.append(stack.enter_context(redis_seat(folder)))
        yield seats


def npm_seats(folder: Path) -> list[Seat]:
    word = secrets.token_hex(8)
    (folder / "shelf").mkdir()
    (folder / "shelf" / "note.txt").write_text(f"on the shelf: {word}")
    note, port = str(folder / "shelf" / "note.txt"), free_port()
    thought = {"thought": word, "thoughtNumber": 7, "totalThoughts": 11, "nextThoughtNeeded": False}
    person = {"type": "entity", "name": f"person-{word}", "entityType": "person", "observations": ["met in the hall"]}
    (folder / "memory.jsonl").write_text(json.dumps(person))
    return [
        Seat("everything", "echo", {"message": word}, f"Echo: {word}", js("everything", "stdio")),
        Seat("filesystem", "read_text_file", {"path": note}, word, js("filesystem", str(folder / "shelf"))),
        Seat(
            "memory",
            "search_nodes",
            {"query": word},
            f"person-{word}",
            js("memory"),
            {"MEMORY_FILE_PATH": str(folder / "memory.jsonl")},
        ),
        Seat("thinking", "sequentialthinking", thought, '"totalThoughts": 11', js("sequential-thinking")),
        # A server of 2024-11-05 whose database is away: it names, in an error, the port that it alone was given.
        Seat(
            "postgres",
            "query",
            {"sql": "SELECT 1"},
            f"ECONNREFUSED 127.0.0.1:{port}",
            js("postgres", f"postgresql://nobody@127.0.0.1:{port}/none"),
            refused=True,
        ),
    ]


def js(name: str, *words: str) -> tuple[str, ...]:
    return (str(places.node()), places.npm_file("fleet", f"@modelcontextprotocol/server-{name}/dist/index.js"), *words)


def modern_seats(folder: Path) -> list[Seat]:
    word, book = secrets.token_hex(8), str(folder / f"book-{secrets.token_hex(8)}.xlsx")
    repository = str(folder / "repository")
    return [
        Seat(
            "git",
            "git_log",
            {"repo_path": repository, "max_count": 1},
            word,
            (places.script("fleet/modern", "mcp-server-git"), "--repository", make_repository(repository, word)),
        ),
        Seat(
            "time",
            "convert_time",
            {"source_timezone": "Asia/Tokyo", "time": "09:30", "target_timezone": "Asia/Kolkata"},
            "-3.5h",
            (places.script("fleet/modern", "mcp-server-time"), "--local-timezone", "UTC"),
        ),
        Seat(
            "excel",
            "create_workbook",
            {"path": book, "overwrite": True},
            Path(book).name,
            (places.script("fleet/modern", "excel-mcp-server"), "stdio"),
            {"EXCEL_FILES_PATH": str(folder)},
        ),
    ]


def make_repository(path: str, word: str) -> str:
    who = ("-c", "user.name=narthex", "-c", "user.email=narthex@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "init", "--quiet", path], check=True, timeout=30)
    subprocess.run(["git", "-C", path, *who, "commit", "-q", "--allow-empty", "-m", word], check=True, timeout=30)
    return path


def fetch_command() -> tuple[str, ...]:
    return (places.script("fleet/modern", "mcp-server-fetch"), "--allow-private-ips", "--ignore-robots-txt")


def legacy_seats(folder: Path) -> list[Seat]:
    word, duck = secrets.token_hex(8), secrets.token_hex(8)
    database = folder / "sqlite.db"
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("CREATE TABLE words (word TEXT)")
        connection.execute("INSERT INTO words VALUES (?)", (word,))
    connection.close()
    return [
        Seat(
            "sqlite",
            "read_query",
            {"query": "SELECT word FROM words"},
            word,
            (places.script("fleet/legacy", "mcp-server-sqlite"), "--db-path", str(database)),
        ),
        Seat(
            "duckdb",
            "query",
            {"query": f"SELECT upper('{duck}') || '-' || version() AS word"},
            f"{duck.upper()}-v",
            (places.script("fleet/legacy", "mcp-server-duckdb"), "--db-path", str(folder / "duck.db")),
        ),
        Seat("testkit", "math_add", {"a": 40_000, "b": 2}, "40002", (places.script("fleet/legacy", "mcp-testkit"),)),
        Seat(
            "calculator",
            "calculate",
            {"expression": "111111 * 111111"},
            "12345654321",
            (places.script("fleet/legacy", "mcp-server-calculator"),),
        ),
    ]


@contextmanager
def listening(seat: Seat, folder: Path, **env: str) -> Iterator[Seat]:
    """A server on HTTP, running: its entry has the URL, its command is only how it was started here."""
    log = folder / f"{seat.name}.log"
    with running(seat.command, log, env={**seat.env, **env}) as process:
        wait_until(f"the server '{seat.name}'", lambda: listens(seat.url), process, log)
        yield seat


@contextmanager
def everything_over(transport: str, name: str, path: str, folder: Path) -> Iterator[Seat]:
    word, port = secrets.token_hex(8), free_port()
    node, *rest = js("everything", transport)
    command = (node, "--import", str(places.CONFORMANCE / "fixtures" / "loopback.mjs"), *rest)
    url = f"http://127.0.0.1:{port}/{path}"
    seat = Seat(name, "echo", {"message": word}, f"Echo: {word}", command, url=url)
    with listening(seat, folder, PORT=str(port)):
        yield seat


@contextmanager
def excel_over_http(folder: Path) -> Iterator[Seat]:
    port, book = free_port(), f"book-{secrets.token_hex(8)}.xlsx"
    command = (places.script("fleet/modern", "excel-mcp-server"), "streamable-http", "--port", str(port))
    url = f"http://127.0.0.1:{port}/mcp"
    seat = Seat(
        "excel-http", "create_workbook", {"path": str(folder / book), "overwrite": True}, book, command, url=url
    )
    with listening(seat, folder, EXCEL_FILES_PATH=str(folder)):
        yield seat


@contextmanager
def testkit_over_http(folder: Path) -> Iterator[Seat]:
    port = free_port()
    command = (places.script("fleet/legacy", "mcp-testkit"), "--transport", "http", "--port", str(port))
    url = f"http://127.0.0.1:{port}/mcp"
    with listening(Seat("testkit-http", "math_add", {"a": 50_000, "b": 3}, "50003", command, url=url), folder) as seat:
        yield seat


@contextmanager
def redis_seat(folder: Path) -> Iterator[Seat]:
    """Only where the machine has a redis-server: no package of PyPI or npm brings one."""
    port, word, log = free_port(), secrets.token_hex(8), folder / "redis.log"
    store = ("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    url = f"redis://127.0.0.1:{port}/0"
    with running(store, log) as process:
        wait_until("redis-server", lambda: listens(f"http://127.0.0.1:{port}"), process, log)
        command = (places.script("fleet/legacy", "redis-mcp-server"), "--url", url)
        yield Seat("redis", "set", {"key": word, "value": "here"}, word, command)


HTTP_SEATS = (
    partial(everything_over, "streamableHttp", "everything-http", "mcp"),
    partial(everything_over, "sse", "everything-sse", "sse"),
    excel_over_http,
    testkit_over_http,
)


@contextmanager
def page_with(word: str) -> Iterator[str]:
    """The URL of a page that says the word."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"the word is {word}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads this log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        serving = Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            serving.join()
