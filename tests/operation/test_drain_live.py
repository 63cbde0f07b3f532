"""SIGTERM: what is in flight ends well, streams end properly, and the process ends with 0."""

import http.client
import json
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from operation_kit import (
    Legacy,
    Stream,
    connect,
    get,
    in_background,
    journal,
    listening,
    modern_body,
    serving,
    stdio,
    until,
)


def base(url: str) -> str:
    return url.removesuffix("/mcp")


def test_health_and_readiness(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        home = base(gateway.url)
        assert get(home + "/healthz") == (200, b"ok\n")
        assert get(home + "/readyz") == (200, b"ready\n")
        call = in_background(lambda: gateway.text("sleep", seconds=2))
        until(lambda: journal(tmp_path, "call"), "in work")
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: gateway.said("Draining"), "it drains")

        assert get(home + "/readyz")[0] == 503
        assert get(home + "/healthz")[0] == 200
        assert call() == "slept"
        assert gateway.stop() == 0


def test_calls_in_flight_finish_and_streams_end_with_their_result(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        assert gateway.text("echo", text="x") == "x"
        legacy = Legacy(gateway.url)
        filters = {"toolsListChanged": True}
        with listening(gateway.url, filters=filters) as modern, listening(gateway.url, legacy=legacy) as old:
            calls = [
                in_background(lambda: gateway.text("sleep", seconds=2.5)),
                in_background(lambda: legacy.request("tools/call", {"name": "sleep", "arguments": {"seconds": 2.5}})),
            ]
            until(lambda: len(journal(tmp_path, "call")) == 3, "in work")
            started = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)

            assert calls[0]() == "slept"
            assert calls[1]()["result"]["content"][0]["text"] == "slept"
            assert modern.ended.wait(5)
            assert old.ended.wait(5)
            assert modern.messages[-1]["id"] == 7
            assert modern.messages[-1]["result"]["resultType"] == "complete"
        assert gateway.process.wait(20) == 0
        assert time.monotonic() - started < 10


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        assert gateway.text("echo", text="x") == "x"
        stream = Stream(gateway.url, filters={"toolsListChanged": True})
        connection = connect(gateway.url)
        body, headers = modern_body("tools/call", {"name": "sleep", "arguments": {"seconds": 30}})
        connection.request("POST", "/mcp", body, headers)
        until(lambda: len(journal(tmp_path, "call")) == 2, "in work")
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: gateway.said("Draining"), "it drains")
        started = time.monotonic()

        assert gateway.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 2.5
        connection.close()
        stream.close()


def test_every_answer_that_a_busy_connection_gets_while_we_drain_is_whole(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        assert gateway.text("echo", text="x") == "x"
        answered, broken = [0], list[str]()
        ending = threading.Event()

        def load() -> None:
            """Requests on a connection kept open, and a new one when it was closed, until none can be had."""
            body, headers = modern_body("tools/call", {"name": "echo", "arguments": {"text": "x" * 2000}})
            while not ending.is_set():
                connection = connect(gateway.url, 10)
                try:
                    while True:
                        connection.request("POST", "/mcp", body, headers)
                        answer = connection.getresponse()
                        content = answer.read()
                        if json.loads(content)["result"]["content"][0]["text"] != "x" * 2000:
                            broken.append(repr(content[:200]))
                        answered[0] += 1
                        if answer.headers.get("connection") == "close":
                            break
                except ConnectionRefusedError:
                    return
                except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                    continue  # closed between two requests: nothing was answered
                except (http.client.HTTPException, ValueError, KeyError, OSError) as error:
                    broken.append(repr(error))
                finally:
                    connection.close()

        ends = [in_background(load) for _ in range(6)]
        until(lambda: answered[0] > 200, "load")
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        ending.set()
        for end in ends:
            end()

        assert broken == []
        assert answered[0] > 200


def test_a_slow_server_does_not_hold_up_the_end_of_a_stream(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path, hang="initialize")) as gateway:
        with listening(gateway.url, filters={"toolsListChanged": True, "resourceSubscriptions": ["x://y"]}) as stream:
            until(lambda: stream.messages, "acknowledged")
            started = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)

            assert stream.ended.wait(3)
            assert time.monotonic() - started < 3
        assert gateway.process.wait(20) == 0


def test_a_client_that_sends_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        parts = urlsplit(gateway.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as half:
            half.sendall(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
            started = time.monotonic()

            assert gateway.stop() == 0
            assert time.monotonic() - started < 40
