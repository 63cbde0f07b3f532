"""A small MCP client of revision 2026-07-28, for `narthex tools` and `narthex call`.

Knows: one request, one answer, over HTTP or over the pipes of a child. Refuses to know: sessions, older revisions
(the gateway speaks this one, whatever stands behind it), and asyncio: a shell command waits for one thing at a time.
"""

import http.client
import json
import math
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from narthex import __version__
from narthex.limits import DEFAULTS
from narthex.wire.mirror import header_value
from narthex.wire.revisions import META_CLIENT_CAPABILITIES, META_CLIENT_INFO, META_VERSION, MODERN, NAMED_BY
from narthex.wire.sse import SseParser

Tree = dict[str, Any]
Listener = Callable[[Tree], None]  # notifications that arrive before the answer

DEFAULT_URL = "http://127.0.0.1:8080/mcp"
_CHUNK_BYTES = 64 * 1024


class Unreachable(Exception):
    """Nobody answered, or what answered is no MCP server. The text is for the operator."""


class Refused(Exception):
    """The answer is an error: the server's text, and its code."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Gateway(Protocol):
    """Something that answers MCP requests."""

    def request(
        self, method: str, params: Tree, *, headers: Mapping[str, str] | None = None, listen: Listener | None = None
    ) -> Tree: ...

    def close(self) -> None: ...


class HttpGateway:
    """A gateway at a URL. Every request has its own connection: a command makes two."""

    def __init__(self, url: str, key: str | None = None, seconds: float | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unreachable(f"'{url}' is no address; one looks like {DEFAULT_URL}")
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise Unreachable("What was given as a key is none: it has spaces or signs that no header can carry.")
        self.url, self._parts, self._key = url, parts, key
        self._seconds = seconds or DEFAULTS.call_seconds_absolute_max

    def request(
        self, method: str, params: Tree, *, headers: Mapping[str, str] | None = None, listen: Listener | None = None
    ) -> Tree:
        body = request_body(1, method, params)
        connection = self._connection()
        try:
            told = {**_headers(method, params), **self._credential(), **(headers or {})}
            connection.request("POST", self._target(), body=body, headers=told)
            return _answer(connection.getresponse(), listen)
        except ConnectionRefusedError:
            raise Unreachable(
                f"Nothing listens on {self.url}. Start a gateway with 'narthex serve' or 'narthex demo', "
                "or name another address."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"No answer from {self.url}: {error or type(error).__name__}.") from None
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing stays open."""

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._seconds)

    def _credential(self) -> dict[str, str]:
        return {} if self._key is None else {"Authorization": f"Bearer {self._key}"}

    def _target(self) -> str:
        query = f"?{self._parts.query}" if self._parts.query else ""
        return (self._parts.path or "/") + query


def request_body(request_id: int, method: str, params: Tree) -> bytes:
    """A request that describes itself, as this revision wants every request to."""
    meta = {
        **params.get("_meta", {}),
        META_VERSION: MODERN,
        META_CLIENT_INFO: {"name": "narthex-cli", "version": __version__},
        META_CLIENT_CAPABILITIES: {},
    }
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {**params, "_meta": meta}}
    return json.dumps(message, ensure_ascii=False, allow_nan=False).encode()


def take(message: Any, listen: Listener | None) -> Tree | None:
    """The result in `message`; None for a notification, which goes to `listen`. Refused for an error."""
    if not isinstance(message, dict):
        raise Unreachable("What answered does not speak MCP.")
    if "method" in message:
        if listen is not None:
            listen(message)
        return None
    error = message.get("error")
    if isinstance(error, dict):
        raise Refused(error.get("code", 0), str(error.get("message", "no message")), error.get("data"))
    result = message.get("result")
    if not isinstance(result, dict):
        raise Unreachable("What answered does not speak MCP.")
    return result


def read_json(text: bytes) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreachable("What answered does not speak MCP: its answer is not JSON.") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreachable("What answered does not speak MCP.")
    return value


def _headers(method: str, params: Tree) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": method,
    }
    name = header_value(params.get(NAMED_BY.get(method, "")))
    if name is not None:
        headers["Mcp-Name"] = name
    return headers


def _answer(response: http.client.HTTPResponse, listen: Listener | None) -> Tree:
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return _stream(response, listen)
    content = response.read(DEFAULTS.result_bytes_max + 1)
    if len(content) > DEFAULTS.result_bytes_max:
        raise Unreachable(f"The answer is larger than {DEFAULTS.result_bytes_max} bytes.")
    if kind != "application/json":
        hint = " Is the path right? It is usually /mcp." if response.status == http.HTTPStatus.NOT_FOUND else ""
        raise Unreachable(f"HTTP {response.status} {response.reason}, and not from an MCP server.{hint}")
    result = take(read_json(content), listen)
    if result is None:
        raise Unreachable("What answered sent no result.")
    return result


def _stream(response: http.client.HTTPResponse, listen: Listener | None) -> Tree:
    parser = SseParser(DEFAULTS.sse_event_bytes_max)
    while chunk := response.read1(_CHUNK_BYTES):
        for event in parser.feed(chunk):
            if not event.data:
                continue
            result = take(read_json(event.data), listen)
            if result is not None:
                return result
    raise Unreachable("The stream ended without an answer.")
