"""A GitHub of our own, as a process: it answers as the documented REST API does, and tells what it was asked.

It prints its address and ends with its standard input. `/control` takes orders: the rate limit of a token, answers that
the next requests get instead, and starting anew.
"""

import base64
import gzip
import hashlib
import json
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Tree = dict[str, Any]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
LINES = "".join(f"line {number}: the wind is from the west\n" for number in range(1, 40_001))  # about 1.5 MB
FILES: dict[str, bytes] = {
    "README.md": b"# Kites\n\nThey fly.\n",
    "logo.png": PNG,
    "big.txt": LINES.encode(),
    "latin.txt": "Drachen für alle\n".encode("latin-1"),
    "wide.txt": "Drachen für alle\n".encode("utf-16"),
    "data.bin": bytes(range(256)) * 8,
    "more.bin": bytes(2 * 1024 * 1024),
    "model.lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12345\n",
    "a b#c?.txt": b"odd\n",
    "100%.txt": b"percent\n",
    "one-line.js": b"x" * 100_000,
    "src/app.py": b"print('up')\n",
    "src/wind.py": b"WEST = 270\n",
    "src/deep/er.py": b"pass\n",
}
COMMITS = [f"{number:040x}" for number in range(1, 31)]


class State:
    """What holds until the next order."""

    def __init__(self) -> None:
        self.seen: list[Tree] = []
        self.script: list[Tree] = []
        self.left: dict[str, int] = {}
        self.reset = 42
        self.made = 100


state = State()
lock = threading.Lock()
TOKENS = {"": "nobody", "ghp_ana": "ana", "ghp_bob": "bob", "ghp_reader": "reader", "ghp_house": "house"}


class No(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, *, errors: Any = None, **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}
        self.body = {"message": message, "documentation_url": "https://docs.example.com/rest", "status": str(status)}
        if errors is not None:
            self.body["errors"] = errors


def sha_of(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def repository(number: int) -> Tree:
    stars = 5_000 - number
    return {
        "id": number, "full_name": f"acme/kite-{number}", "html_url": f"https://github.example.com/acme/kite-{number}",
        "description": f"Kite number {number}", "language": "Python", "stargazers_count": stars,
        "forks_count": number, "open_issues_count": 0, "default_branch": "main", "topics": ["kites"],
        "license": {"key": "mit", "spdx_id": "MIT"}, "private": False, "archived": False, "fork": False,
        "pushed_at": "2026-01-01T00:00:00Z", "owner": {"login": "acme", "id": 1}, "score": 1.0,
    }  # fmt: skip


def issue(number: int) -> Tree:
    found: Tree = {
        "number": number, "title": f"Issue {number}", "state": "open", "html_url": f"https://x/acme/kites/{number}",
        "user": {"login": "ana", "id": 1}, "labels": [{"name": "bug", "color": "f00"}], "assignees": [], "comments": 0,
        "locked": False, "created_at": "2026-01-01T00:00:00Z", "body": f"Body of {number}", "closed_at": None,
    }  # fmt: skip
    if number % 5 == 0:
        found["pull_request"] = {"url": "…"}
    return found


def pull(number: int) -> Tree:
    return {
        **issue(number), "draft": False, "merged": False, "mergeable": True, "mergeable_state": "clean",
        "head": {"label": "ana:wind", "ref": "wind", "sha": COMMITS[1]}, "commits": 2, "changed_files": 3,
        "base": {"label": "acme:main", "ref": "main", "sha": COMMITS[0]}, "additions": 3, "deletions": 1,
    }  # fmt: skip


def commit(sha: str) -> Tree:
    by = {"name": "Ana", "email": "ana@example.com", "date": "2026-01-01T00:00:00Z"}
    author: Any = {} if sha == COMMITS[2] else {"login": "ana", "id": 1}
    return {"sha": sha, "html_url": f"https://x/{sha}", "author": author, "commit": {"message": "Fly", "author": by}}


def changed(number: int, size: int = 20) -> Tree:
    return {"sha": "0" * 40, "filename": f"f{number}.py", "status": "modified", "additions": 1, "deletions": 0,
            "changes": 1, "patch": "@@ -1 +1 @@\n" + "+" * size}  # fmt: skip


def described(path: str, *, whole: bool) -> Tree:
    data = FILES[path]
    found: Tree = {"type": "file", "name": path.rpartition("/")[2], "path": path, "size": len(data)}
    found |= {"sha": sha_of(data), "url": "…", "git_url": "…", "html_url": "…", "download_url": "…"}
    if whole and len(data) <= 1024 * 1024:
        found |= {"encoding": "base64", "content": base64.encodebytes(data).decode()}
    elif whole:
        found |= {"encoding": "none", "content": ""}
    return found


def directory(path: str) -> list[Tree]:
    inside = [name for name in FILES if not path or name.startswith(path + "/")]
    below = {name.removeprefix(path).strip("/").partition("/") for name in inside}
    found = []
    for first, slash, _ in sorted(below):
        here = f"{path}/{first}" if path else first
        entry = {"type": "dir", "path": here, "size": 0, "sha": "d" * 40} if slash else described(here, whole=False)
        if entry not in found:
            found.append(entry)
    return found


class Api:
    """Answers to one request: (body, headers)."""

    def __init__(self, handler: "Handler", method: str, path: str, query: dict[str, str], body: Any, who: str) -> None:
        self.handler, self.method, self.path, self.query, self.body, self.who = handler, method, path, query, body, who
        self.headers: dict[str, str] = {}

    def answer(self) -> Any:
        parts = [unquote(part) for part in self.path.strip("/").split("/")]
        if parts[0] == "search":
            return self.search(parts[1])
        if parts[0] == "repositories":  # where renamed ones are
            return self.of_repository("acme", "kites", parts[2:])
        if parts[0] == "repos" and len(parts) >= 3:
            return self.of_repository(parts[1], parts[2], parts[3:])
        raise No(404, "Not Found")

    def search(self, what: str) -> Any:
        if not self.query.get("q", "").strip():
            flaw = {"resource": "Search", "field": "q", "code": "missing"}
            raise No(422, "Validation Failed", errors=[flaw])
        if int(self.query.get("page", 1)) * int(self.query.get("per_page", 30)) > 1_000:
            raise No(422, "Only the first 1000 search results are available")
        if what == "issues" and "is:issue" not in self.query["q"] and "is:pull-request" not in self.query["q"]:
            raise No(422, "Query must include 'is:issue' or 'is:pull-request'")
        everything = [repository(number) if what == "repositories" else issue(number) for number in range(1, 121)]
        if self.query.get("sort") == "forks":
            everything.reverse()
        return {"total_count": 120, "incomplete_results": False, "items": self.page(everything)}

    def page(self, everything: list[Any]) -> list[Any]:
        size, page = int(self.query.get("per_page", 30)), int(self.query.get("page", 1))
        last = max(-(-len(everything) // size), 1)
        if page < last:
            other = "&".join(f"{name}={value}" for name, value in self.query.items() if name not in ("page", "q"))
            at = f"<{self.handler.origin}{self.path}?{other}&page="
            self.headers["Link"] = f'{at}{page + 1}>; rel="next", {at}{last}>; rel="last"'
        return everything[(page - 1) * size : page * size]

    def of_repository(self, owner: str, repo: str, rest: list[str]) -> Any:
        if (owner, repo) == ("acme", "old"):
            location = f"{self.handler.base}/repositories/7/{'/'.join(rest)}"
            raise No(301 if self.method == "GET" else 307, "Moved Permanently", location=location)
        if owner == "acme" and repo in ELSEWHERE:
            raise No(301, "Moved Permanently", location=ELSEWHERE[repo].replace("BASE", self.handler.base))
        if (owner, repo) == ("acme", "secret") and self.who != "ana":
            raise No(404, "Not Found")
        if owner != "acme" or repo not in ("kites", "empty", "secret", "quiet"):
            raise No(404, "Not Found")
        kind, rest = (rest[0], rest[1:]) if rest else ("", [])
        if repo == "empty":
            raise No(409, "Git Repository is empty.") if kind == "commits" else No(404, "This repository is empty.")
        if repo == "quiet" and kind == "issues":
            raise No(410, "Issues has been disabled in this repository.")
        return {"contents": self.contents, "readme": self.readme, "git": self.git, "issues": self.issues,
                "pulls": self.pulls, "commits": self.commits, "compare": self.compare}[kind](rest)  # fmt: skip

    def contents(self, rest: list[str]) -> Any:
        if self.query.get("ref") not in (None, "main", "feature/wind", COMMITS[0]):
            raise No(404, f"No commit found for the ref {self.query['ref']}")
        path, whole = "/".join(rest), "object" in self.handler.headers.get("Accept", "")
        if path in FILES:
            return described(path, whole=True)
        if path == "link":
            return {"type": "symlink", "path": path, "target": "/etc/passwd", "size": 11, "sha": "e" * 40}
        if path == "lib":
            return {"type": "submodule", "path": path, "size": 0, "sha": COMMITS[0], "submodule_git_url": "git://x"}
        if path == "huge.iso":
            return {
                "type": "file",
                "path": path,
                "size": 90_000_000,
                "sha": "f" * 40,
                "encoding": "none",
                "content": "",
            }
        entries = directory(path)
        if not entries:
            raise No(404, "Not Found")
        return {"type": "dir", "path": path, "size": 0, "sha": "d" * 40, "entries": entries} if whole else entries

    def readme(self, rest: list[str]) -> Any:
        return described("README.md", whole=True)

    def git(self, rest: list[str]) -> Any:
        if rest[0] == "blobs":
            data = next((data for data in FILES.values() if sha_of(data) == rest[1]), None)
            if data is None:
                raise No(404, "Not Found")
            content = base64.encodebytes(data).decode()
            return {"sha": rest[1], "size": len(data), "encoding": "base64", "content": content}
        kinds = [{"path": "app.py", "type": "blob", "size": 12, "sha": "a" * 40}, {"path": "deep", "type": "tree"}]
        return {"sha": rest[1], "tree": kinds, "truncated": rest[1] != "d" * 40}

    def issues(self, rest: list[str]) -> Any:
        if self.method == "POST":
            return self.make("issues")
        if not rest:
            return self.page([issue(number) for number in range(1, 31)])
        if rest[0] == "404":
            raise No(404, "Not Found")
        if rest[1:] == ["comments"]:
            said = {"user": None, "created_at": "2026-01-01T00:00:00Z"}
            return self.page([{**said, "body": f"Comment {number} " + "x" * 5_000} for number in range(60)])
        return {**issue(int(rest[0])), "comments": 60, "body": "b" * 30_000}

    def pulls(self, rest: list[str]) -> Any:
        if self.method == "POST":
            return self.make("pulls")
        if not rest:
            return self.page([pull(number) for number in range(1, 31)])
        if rest[1:] == ["files"]:
            return self.page([changed(number, 30_000 if number < 3 else 20) for number in range(60)])
        return pull(int(rest[0]))

    def commits(self, rest: list[str]) -> Any:
        if not rest:
            return self.page([commit(sha) for sha in COMMITS])
        if rest[0] not in (*COMMITS, "main", "feature/wind"):
            raise No(422, f"No commit found for SHA: {rest[0]}")
        return {**commit(COMMITS[0]), "files": [changed(1)], "stats": {"total": 1}}

    def compare(self, rest: list[str]) -> Any:
        base, _, head = "/".join(rest).partition("...")
        return {"status": "ahead", "ahead_by": 2, "behind_by": 0, "total_commits": 2, "url": f"{base} {head}",
                "commits": [commit(sha) for sha in COMMITS[:2]], "files": [changed(1)]}  # fmt: skip

    def make(self, what: str) -> Any:
        if self.who == "nobody":
            raise No(401, "Requires authentication")
        if self.who == "reader":
            needed = f"{what}=write"
            raise No(403, "Resource not accessible by personal access token", x_accepted_github_permissions=needed)
        if what == "pulls" and self.body.get("head") == self.body.get("base"):
            flaw = {"resource": "PullRequest", "code": "custom", "message": "No commits between main and main"}
            raise No(422, "Validation Failed", errors=[flaw])
        if self.body["title"] == "twice":
            raise No(422, "Validation Failed", errors=["A pull request already exists for acme:wind."])
        state.made += 1
        self.handler.made = 201
        return {"number": state.made, "html_url": f"https://x/{what}/{state.made}", "body": self.body.get("body")}


ELSEWHERE = {
    "evil": "http://127.0.0.1:1/repos/acme/kites/readme",
    "upwards": "BASE/../../admin",
    "sideways": "BASE/%2e%2e/%2e%2e/admin",
    "user": "http://ghp@127.0.0.1/repos/acme/kites/readme",
    "circle": "BASE/repos/acme/circle/readme",
    "nowhere": "",
    "broken": "http://[",
    "port": "http://127.0.0.1:99999/api/v3/x",
    "slashes": "//127.0.0.1:1/api/v3/x",
    "script": "javascript:alert(1)",
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    origin = base = ""
    made = 200

    def log_message(self, *_: Any) -> None:
        """It tells what it was asked by `/control`."""

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/control":
            self.order(json.loads(body or b"null"))
            return
        with lock:
            seen = {"method": self.command, "path": self.path, "body": body.decode(), "headers": dict(self.headers)}
            state.seen.append(seen)
            scripted = state.script.pop(0) if state.script else None
        if scripted is not None:
            self.play(scripted)
            return
        self.made = 200
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        prefix = "/api/v3" if self.path.startswith("/api/v3/") else ""
        self.base = self.origin + prefix
        try:
            found, headers = self.api(token, self.path.removeprefix(prefix), body)
        except No as no:
            limits = {} if no.status == 401 else self.limits(token, self.path.removeprefix(prefix), spend=False)
            self.send(no.status, json.dumps(no.body).encode(), {**limits, **no.headers})
            return
        etag = f'W/"{hashlib.sha256(found).hexdigest()}"'
        same = self.command == "GET" and self.headers.get("If-None-Match") == etag
        limits = self.limits(token, self.path.removeprefix(prefix), spend=not same)
        self.send(304 if same else self.made, b"" if same else found, {**headers, **limits, "ETag": etag})

    def api(self, token: str, path: str, body: bytes) -> tuple[bytes, dict[str, str]]:
        if token not in TOKENS:
            raise No(401, "Bad credentials")
        if self.left(token, path) <= 0:
            raise No(403, f"API rate limit exceeded for user ID 1. (token {token})")
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        given = json.loads(body) if body else {}
        api = Api(self, self.command, parts.path, query, given, TOKENS[token])
        return json.dumps(api.answer()).encode(), api.headers

    def left(self, token: str, path: str) -> int:
        return state.left.get(f"{token}/{'search' if path.startswith('/search/') else 'core'}", 5_000)

    def limits(self, token: str, path: str, *, spend: bool) -> dict[str, str]:
        kind = "search" if path.startswith("/search/") else "core"
        with lock:
            left = max(self.left(token, path) - spend, 0)
            state.left[f"{token}/{kind}"] = left
        reset = str(int(time.time()) + state.reset)
        return {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": reset,
                "X-RateLimit-Resource": kind}  # fmt: skip

    def order(self, order: Tree | None) -> None:
        with lock:
            if order is not None:
                state.__init__()  # type: ignore[misc]
                for name, value in order.items():
                    setattr(state, name, value)
            told = json.dumps({"seen": state.seen, "left": state.left}).encode()
        self.send(200, told, {})

    def play(self, scripted: Tree) -> None:
        if scripted.get("drop"):
            self.close_connection = True
            return
        body = scripted.get("body", "")
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        data = data * scripted.get("times", 1)
        headers = scripted.get("headers", {})
        if scripted.get("gzip"):
            data, headers = gzip.compress(data), {**headers, "Content-Encoding": "gzip"}
        if "drip" in scripted:
            self.send_response_only(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not threading.Event().wait(scripted["drip"]):
                self.wfile.write(b" ")
                self.wfile.flush()
        self.send(scripted.get("status", 200), data, headers)

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        given = {"Date": formatdate(usegmt=True), "Content-Type": "application/json; charset=utf-8", **headers}
        for name, value in given.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients that leave are none of its business."""


def main() -> None:
    server = Quiet(("127.0.0.1", 0), Handler)
    Handler.origin = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(Handler.origin, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
