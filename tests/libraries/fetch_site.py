"""A web server of tests: answers as they are written, byte for byte, and remembers who asked for what.

Knows: sockets. Refuses to know: HTTP, but for the first line and the headers of a request.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Answer = bytes | Callable[[socket.socket], None]
SECONDS_MAX = 30.0


def page(body: str | bytes, kind: str = "text/html; charset=utf-8", status: str = "200 OK", more: str = "") -> bytes:
    data = body.encode() if isinstance(body, str) else body
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + data


def moved(to: str, status: str = "302 Found") -> bytes:
    return page("", status=status, more=f"Location: {to}\r\n")


class Site:
    """`answers` by path; what else is asked for is not there."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []  # heads of requests
        self._tls = tls
        self._listener = socket.create_server((host, 0))
        self.port = int(self._listener.getsockname()[1])
        self.origin = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self.ending = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def paths(self) -> list[str]:
        return [head.split()[1] for head in self.asked]

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(SECONDS_MAX)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(plain.close)
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            stack.callback(connection.close)
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(65_536)
                if not part:
                    return
                head += part
            self.asked.append(head.decode("latin-1"))
            answer = self.answers.get(self.paths()[-1].partition("?")[0], page("", status="404 Not Found"))
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)

    def close(self) -> None:
        self.ending.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(SECONDS_MAX)


@contextlib.contextmanager
def site(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Site]:
    running = Site(tls, host)
    try:
        yield running
    finally:
        running.close()
