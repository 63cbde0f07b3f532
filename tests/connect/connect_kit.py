"""What is around the connect page: a far server, browsers that keep cookies, clients of each era.

Knows: how they behave. Refuses to look inside of the gateway.
"""

import contextlib
import http.client
import json
import queue
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from process_kit import SECONDS_MAX, Far, Tree, far_end

HERE = Path(__file__).parent
MODERN = "2026-07-28"


def far(script: str = "connect_far.py") -> contextlib.AbstractContextManager[Far]:
    return far_end(HERE / script)


def servers(far: Far, **more: Any) -> list[Tree]:
    """The far server, as its users connect to it. Its lists are open to everybody."""
    shown = {"type": "authorization_code", "catalogue": "anonymous", **more}
    return [{"name": "far", "upstream": f"{far.origin}/mcp", "description": "A far place", "credentials": shown}]


def asked_of_issuer(far: Far) -> list[str]:
    """What its authorization server was asked. Its lists the gateway looks at by itself, whenever it likes."""
    return [path for path in far.paths() if path != "/mcp"]


# ---- browsers ----------------------------------------------------------------------------------------------------


class Page(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str
    url: str

    @property
    def seen(self) -> "Seen":
        return Seen(self.text)

    @property
    def ids(self) -> dict[str, str]:
        return self.seen.ids


class Seen(HTMLParser):
    """The forms of a page, its links, and what stands in each element with an id."""

    VOID = frozenset({"input", "meta", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, tuple[str, dict[str, str]]] = {}
        self.ids: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self._fields: dict[str, str] = {}
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        key = found.get("id", "")
        if tag == "form":
            self._fields = {}
            self.forms[key] = (found["action"], self._fields)
        elif tag == "input" and "name" in found:
            self._fields[found["name"]] = found.get("value", "")
        if key:
            assert key not in self.ids, f"two elements are called {key}"
            self.ids[key] = ""
            if "href" in found:
                self.links[key] = found["href"]
        if tag not in self.VOID:
            self._inside.append(key)

    def handle_data(self, data: str) -> None:
        for key in self._inside:
            if key:
                self.ids[key] += data

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            self._inside.pop()


class Browser:
    """Keeps cookies by host and port as browsers do by host, follows redirects and refreshes, fills forms.

    `account`: who its user is at the far authorization server. `headers`: what a proxy in front would add.
    """

    def __init__(self, account: str = "", headers: dict[str, str] | None = None) -> None:
        self.account, self.headers = account, headers or {}
        self.cookies: dict[str, dict[str, str]] = {}
        self.visited: list[str] = []

    def get(self, url: str, *, follow: bool = True) -> Page:
        page = self._send("GET", url)
        return self._follow(page) if follow else page

    def submit(
        self, page: Page, form: str, values: dict[str, str] | None = None, *, follow: bool = True, **headers: str
    ) -> Page:
        action, fields = page.seen.forms[form]
        url = urljoin(page.url, action)
        parts = urlsplit(url)
        more = {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"} | headers
        body = urlencode({**fields, **(values or {})})
        found = self._send("POST", url, body, {"Content-Type": "application/x-www-form-urlencoded", **more})
        return self._follow(found) if follow else found

    def connect(self, url: str) -> Page:
        """The whole way: the page, its button, the authorization server, and back."""
        return self.submit(self.get(url), "connect-form", {"do": "connect"})

    def _follow(self, page: Page) -> Page:
        for _ in range(10):
            if page.status in (302, 303, 307):
                where = page.headers["location"]
            elif "refresh" in page.headers:
                where = page.headers["refresh"].partition("url=")[2]
                assert page.seen.links["continue"] == where
            else:
                return page
            page = self._send("GET", urljoin(page.url, where))
        raise AssertionError(f"a circle: {self.visited[-10:]}")

    def _send(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Page:
        parts = urlsplit(url)
        kept = self.cookies.setdefault(parts.netloc, {})
        said = {**self.headers, **(headers or {})}
        if self.account:
            said["X-Account"] = self.account
        if kept:
            said["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        self.visited.append(url)
        with contextlib.closing(
            http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS_MAX)
        ) as way:
            way.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, said)
            answer = way.getresponse()
            text = answer.read().decode()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    self._keep(kept, value)
            return Page(answer.status, {n.lower(): v for n, v in answer.getheaders()}, text, url)

    def _keep(self, kept: dict[str, str], line: str) -> None:
        name, _, rest = line.partition("=")
        value = rest.partition(";")[0]
        if "Max-Age=0" in line:
            kept.pop(name, None)
        else:
            kept[name] = value


# ---- clients -----------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def result(self) -> Tree:
        found: Tree = self.body["result"]
        return found

    @property
    def text(self) -> str:
        found: str = self.result["content"][0]["text"]
        return found

    @property
    def question(self) -> Tree:
        """The one URL question of a modern answer."""
        (asked,) = self.result["inputRequests"].values()
        assert asked["method"] == "elicitation/create"
        found: Tree = asked["params"]
        return found


class Modern:
    """A client of 2026-07-28 on one connection that is kept: its second call may go the express way."""

    def __init__(self, url: str, headers: dict[str, str] | None = None, *, opens_urls: bool = True) -> None:
        parts = urlsplit(url)
        self._way = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._headers, self._id = headers or {}, 0
        self._capabilities = {"elicitation": {"url": {}}} if opens_urls else {}

    def post(self, method: str, params: Tree) -> Answer:
        self._id += 1
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": self._capabilities,
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        }
        body = json.dumps({"jsonrpc": "2.0", "id": self._id, "method": method, "params": {**params, "_meta": meta}})
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, **self._headers}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        self._way.request("POST", "/mcp", body, headers)
        answer = self._way.getresponse()
        text = answer.read().decode()
        if "event-stream" in (answer.getheader("content-type") or ""):
            text = [line[6:] for line in text.splitlines() if line.startswith("data: ")][-1]
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(text))

    def call(self, tool: str, **more: Any) -> Answer:
        return self.post("tools/call", {"name": tool, "arguments": {}, **more})

    def again(self, tool: str, asked: Answer, action: str = "accept") -> Answer:
        """The same call, with the answers to what was asked."""
        answers = {key: {"action": action} for key in asked.result["inputRequests"]}
        return self.call(tool, inputResponses=answers, requestState=asked.result["requestState"])

    def tools(self) -> set[str]:
        return {one["name"] for one in self.post("tools/list", {}).result["tools"]}

    def close(self) -> None:
        self._way.close()


class Legacy:
    """A client of an older revision: its session, calls whose answers are streams of events, and its GET stream."""

    def __init__(
        self, url: str, revision: str, capabilities: Tree | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self._parts, self._headers, self._id = urlsplit(url), headers or {}, 0
        self._session: dict[str, str] = {}
        said = {
            "protocolVersion": revision,
            "capabilities": capabilities or {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        answer = self.ask("initialize", said)
        self._session = {"Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": revision}
        self.send({"method": "notifications/initialized"})

    def ask(self, method: str, params: Tree) -> Answer:
        """The answer, after whatever else its stream holds."""
        with self.stream(method, params) as events:
            *_, last = events
            return last

    @contextlib.contextmanager
    def stream(self, method: str, params: Tree, accept: str = "application/json, text/event-stream") -> Iterator[Any]:
        """The messages of one answer, as they come; the last is the response."""
        self._id += 1
        with self.send({"id": self._id, "method": method, "params": params}, accept, keep=True) as answer:
            yield self._messages(answer)

    def call(self, tool: str) -> Answer:
        return self.ask("tools/call", {"name": tool, "arguments": {}})

    def reply(self, question: Tree, result: Tree) -> None:
        self.send({"id": question["id"], "result": result})

    @contextlib.contextmanager
    def listen(self) -> Iterator["queue.Queue[Tree]"]:
        """What comes on the GET stream of the session."""
        way = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=60)
        way.request("GET", "/mcp", None, {"Accept": "text/event-stream", **self._session, **self._headers})
        answer = way.getresponse()
        heard: queue.Queue[Tree] = queue.Queue()

        def hear() -> None:
            with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
                for one in self._messages(answer):
                    heard.put(one.body)

        thread = threading.Thread(target=hear)
        thread.start()
        try:
            yield heard
        finally:
            if way.sock is not None:
                way.sock.shutdown(2)
            thread.join(SECONDS_MAX)
            way.close()

    def send(self, message: Tree, accept: str = "application/json, text/event-stream", *, keep: bool = False) -> Any:
        way = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=60)
        body = json.dumps({"jsonrpc": "2.0", **message})
        headers = {"Content-Type": "application/json", "Accept": accept, **self._session, **self._headers}
        way.request("POST", "/mcp", body, headers)
        answer = way.getresponse()
        if keep:
            return _Kept(way, answer)
        with contextlib.closing(way):
            return answer.read()

    def _messages(self, answer: http.client.HTTPResponse) -> Iterator[Answer]:
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if "event-stream" not in headers.get("content-type", ""):
            yield Answer(answer.status, headers, json.loads(answer.read()))
            return
        for line in answer:
            if line.startswith(b"data: {"):
                yield Answer(answer.status, headers, json.loads(line[6:]))


class _Kept:
    """An answer that is still being read, and its connection."""

    def __init__(self, way: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self._way, self._answer = way, answer

    def __enter__(self) -> http.client.HTTPResponse:
        return self._answer

    def __exit__(self, *_: object) -> None:
        self._way.close()
