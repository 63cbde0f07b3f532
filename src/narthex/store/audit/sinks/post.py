"""POST, and an answer that says yes: what OTLP and webhooks have in common.

Knows: one connection that is kept. Refuses to know: what is posted. Redirects are not followed: a record goes where the
operator said, or nowhere.
"""

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from narthex.limits import audit_sink_answer_bytes_max, audit_sink_seconds_max
from narthex.store.audit.sinks.sink import SinkFault


class Post:
    """Posts to one URL."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_seconds: float | None) -> None:
        parts = urlsplit(url)
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # a query or a user may be a secret
        self._headers = dict(headers)
        self._seconds = timeout_seconds or audit_sink_seconds_max
        self._connection: http.client.HTTPConnection | None = None

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The body of the answer. Raises SinkFault."""
        kept = self._connection is not None
        try:
            status, answer, retry = self._ask(body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if kept and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                return self(body, headers)  # a kept connection that was closed meanwhile; a new one decides
            said = getattr(error, "strerror", None) or type(error).__name__  # a text may hold the URL
            raise SinkFault(f"{self._name}: {said}") from None
        if 200 <= status < 300:
            return answer
        raise SinkFault(f"{self._name} answered {status}", retry_seconds=retry, too_large=status == 413)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, float | None]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", self._path, body, {**self._headers, **headers})
        response = self._connection.getresponse()
        answer = response.read(audit_sink_answer_bytes_max)
        if response.read(1) or response.will_close:
            self.close()
        return response.status, answer, _seconds(response.headers.get("Retry-After"))

    def _connect(self) -> http.client.HTTPConnection:
        if self._https:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._seconds, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)


def _seconds(text: str | None) -> float | None:
    """Of `Retry-After`, where it is a number; as a date it is left aside."""
    return float(text) if text is not None and text.isascii() and text.isdecimal() else None
