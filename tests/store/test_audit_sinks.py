"""Sinks: real receivers get every record, also after they, or the gateway, were away. No writer ever waits for one."""

import hashlib
import hmac
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from audit_support import SECONDS_MAX, Heard, audit_log, end, until

from narthex.limits import audit_datagram_bytes_max
from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig, SinkConfig, names_twice, wrong_with
from narthex.store.audit.follow import Item
from narthex.store.audit.log import AuditLog
from narthex.store.audit.sinks.otlp import export_request
from narthex.store.audit.sinks.sink import SinkFault
from narthex.store.audit.sinks.syslog import SyslogSink, message
from narthex.store.audit.sinks.webhook import KEY, SIGNATURE


def into(*sinks: SinkConfig, **more: Any) -> AuditConfig:
    return AuditConfig(sinks=sinks, **more)


def calls(texts: list[bytes]) -> list[int]:
    """The calls whose ends are among lines of JSON."""
    return [line["call"] for line in map(msgspec.json.decode, texts) if line["kind"] == "end"]


# Files and standard output


def test_a_file_gets_every_line_of_the_log(tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    with audit_log(tmp_path, into(SinkConfig(type="file", path=str(copy)))) as log:
        for call in range(1, 1_001):
            log.append(end(call))
        assert log.journal.file is not None
        segment = log.journal.file.path

    assert copy.read_bytes() == segment.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_renamed_is_followed_by_a_new_one(tmp_path: Path) -> None:
    copy, old = tmp_path / "copy.jsonl", tmp_path / "copy.1"
    with audit_log(tmp_path, into(SinkConfig(type="file", path=str(copy)))) as log:
        log.append(end(1))
        until(lambda: copy.exists() and copy.read_bytes().count(b"\n") == 2)
        copy.rename(old)
        log.append(end(2))

    assert (calls(old.read_bytes().splitlines()), calls(copy.read_bytes().splitlines())) == ([1], [2])


def test_a_second_start_does_not_write_twice_into_a_file(tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    for call in (1, 2, 3):
        with audit_log(tmp_path, into(SinkConfig(type="file", path=str(copy)))) as log:
            log.append(end(call))

    assert calls(copy.read_bytes().splitlines()) == [1, 2, 3]


def test_a_new_sink_begins_with_the_present(tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    with audit_log(tmp_path) as log:
        log.append(end(1))
    with audit_log(tmp_path, into(SinkConfig(type="file", path=str(copy)))) as log:
        log.append(end(2))

    assert calls(copy.read_bytes().splitlines()) == [2]


def test_a_sink_that_cannot_be_written_holds_up_nobody_and_is_told_of_once(tmp_path: Path) -> None:
    heard = Heard()
    with audit_log(tmp_path, into(SinkConfig(type="file", path="/dev/full")), heard) as log:
        for call in range(1, 201):
            log.append(end(call))
        until(lambda: heard.has("takes nothing"))
        log.append(end(201))
        (sink,) = log.sinks.all
        until(lambda: sink.behind)

    assert len(heard) == 1
    assert heard.has("No space left on device")


STDOUT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, end
from narthex.model.audit_config import AuditConfig, SinkConfig
from narthex.store.audit.log import AuditLog

log = AuditLog.open(Path(sys.argv[1]), AuditConfig(sinks=(SinkConfig(type="stdout"),)), Heard())
for call in range(1, 101):
    log.append(end(call))
log.close()
"""


def test_standard_output_gets_what_its_own_process_wrote(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        log.append(end(4711))
    tests = str(Path(__file__).parent)

    ran = subprocess.run([sys.executable, "-c", STDOUT, tmp_path, tests], capture_output=True, timeout=SECONDS_MAX)

    assert ran.stderr == b""
    assert calls(ran.stdout.splitlines()) == list(range(1, 101))


# Syslog


def parsed(text: bytes) -> tuple[str, list[str], dict[str, Any]]:
    """Of a message of RFC 5424: priority and version, the other words, and the record."""
    head, _, body = text.partition(b" - {")
    words = head.decode().split(" ")
    return words[0], words[1:], msgspec.json.decode(b"{" + body)


def test_a_message_is_as_rfc_5424_has_it() -> None:
    line = msgspec.json.encode({"at": 1_795_419_791_189_808, "kind": "end", "outcome": "ok"})
    head, words, record = parsed(message(Item("c", line), 13, "host"))

    assert (head, record["outcome"]) == ("<110>1", "ok")
    assert words == ["2026-11-23T07:43:11.189808Z", "host", "narthex", "-", "end"]


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ({"kind": "end", "decision": "deny"}, "<109>1"),
        ({"kind": "end", "outcome": "unknown"}, "<108>1"),
        ({"kind": "gap"}, "<107>1"),
        ({"kind": "act"}, "<109>1"),
    ],
)
def test_what_is_unusual_is_more_severe(fields: dict[str, str], priority: str) -> None:
    assert parsed(message(Item("c", msgspec.json.encode({"at": 1, **fields})), 13, "host"))[0] == priority


def test_a_record_that_no_datagram_holds_is_named(tmp_path: Path) -> None:
    line = msgspec.json.encode({"at": 1, "chain": "c", "kind": "end", "note": "n" * audit_datagram_bytes_max, "seq": 9})

    _head, _words, record = parsed(message(Item("c", line), 13, "host", audit_datagram_bytes_max))
    assert record == {"chain": "c", "seq": 9, "too_long": len(line)}


def test_syslog_over_udp(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(SECONDS_MAX)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        address = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
        with audit_log(tmp_path, into(SinkConfig(type="syslog", address=address))) as log:
            for call in range(1, 51):
                log.append(end(call))
            received = [receiver.recv(65_536) for _ in range(51)]

    assert [record["call"] for _, words, record in map(parsed, received) if words[-1] == "end"] == list(range(1, 51))


def test_syslog_over_a_local_socket(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(SECONDS_MAX)
        with audit_log(tmp_path, into(SinkConfig(type="syslog", address=f"unix://{path}"))) as log:
            log.append(end(1))
            received = [receiver.recv(65_536) for _ in range(2)]

    assert [words[-1] for _, words, _ in map(parsed, received)] == ["open", "end"]


def frames(stream: bytes) -> list[bytes]:
    """Octet counting, RFC 6587: as many whole messages as there are."""
    found = []
    while stream:
        length, _, rest = stream.partition(b" ")
        if not length.isdigit() or len(rest) < int(length):
            break
        found.append(rest[: int(length)])
        stream = rest[int(length) :]
    return found


class Listener:
    """A receiver over TCP that takes one connection after another, and can go away."""

    def __init__(self, port: int = 0) -> None:
        self.streams: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def calls(self) -> list[int]:
        texts = [parsed(frame) for stream in self.streams for frame in frames(stream)]
        return [record["call"] for _, words, record in texts if words[-1] == "end"]

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._open.append(connection)
            self.streams.append(b"")
            try:
                while data := connection.recv(65_536):
                    self.streams[-1] += data
            except OSError:
                pass
            finally:
                connection.close()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._thread.join(SECONDS_MAX)


def test_syslog_over_tcp_to_a_receiver_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    heard, first = Heard(), Listener()
    config = into(SinkConfig(type="syslog", address=f"tcp://127.0.0.1:{first.port}"))
    with audit_log(tmp_path, config, heard) as log:
        log.append(end(1))
        until(lambda: first.calls == [1])
        first.close()
        for call in range(2, 12):
            log.append(end(call))
        until(lambda: heard.has("takes nothing"))
        second = Listener(first.port)
        until(lambda: heard.has("takes records again"))
        log.append(end(12))

    until(lambda: second.calls == list(range(2, 13)))
    second.close()


def test_an_address_nobody_listens_on_is_a_fault() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sink = SyslogSink(f"tcp://127.0.0.1:{taken.getsockname()[1]}", 13)
        with pytest.raises(SinkFault, match="refused"):
            sink.send([Item("c", b'{"kind":"end"}')])


# HTTP


class Receiver:
    """An HTTP server in a process's thread: what it answers can be chosen."""

    def __init__(self, port: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.refused = 0
        self.answers: list[tuple[int, dict[str, str], bytes]] = []  # to the next requests; then 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, answer = receiver.answers.pop(0) if receiver.answers else (200, {}, b"{}")
                if status < 300:
                    receiver.bodies.append(body)
                    receiver.headers.append(dict(self.headers))
                else:
                    receiver.refused += 1
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:
                """Nothing on the terminal of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/records?key=geheim"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def calls(self) -> list[int]:
        return calls([line for body in self.bodies for line in body.splitlines()])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_a_webhook_gets_signed_batches(tmp_path: Path, receiver: Receiver) -> None:
    sink = SinkConfig(type="webhook", url=receiver.url, secret="s3cret", headers={"Authorization": "Bearer t"})
    with audit_log(tmp_path, into(sink)) as log:
        log.extend([end(call) for call in range(1, 1_301)])

    assert receiver.calls == list(range(1, 1_301))
    for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
        assert headers[SIGNATURE] == "sha256=" + hmac.new(b"s3cret", body, "sha256").hexdigest()
        assert headers[KEY] == hashlib.sha256(body).hexdigest()[:32]
        assert (headers["Content-Type"], headers["Authorization"]) == ("application/x-ndjson", "Bearer t")
    assert len(receiver.bodies) >= 3


def test_a_batch_that_is_refused_comes_again_as_it_was(tmp_path: Path, receiver: Receiver) -> None:
    heard = Heard()
    receiver.answers = [(503, {"Retry-After": "1"}, b""), (500, {}, b"")]
    with audit_log(tmp_path, into(SinkConfig(type="webhook", url=receiver.url)), heard) as log:
        log.append(end(1))
        until(lambda: receiver.calls == [1])

    assert receiver.refused == 2
    assert [level for level, _ in heard] == ["warning", "info"]
    assert not heard.has("geheim")  # the query of the URL is nobody's business


def test_a_batch_that_is_too_large_is_halved(tmp_path: Path, receiver: Receiver) -> None:
    with audit_log(tmp_path, into(SinkConfig(type="webhook", url=receiver.url))) as log:
        until(lambda: receiver.bodies)
        receiver.answers = [(413, {}, b"")]
        log.extend([end(call) for call in range(1, 101)])

    assert receiver.calls == list(range(1, 101))
    assert (receiver.refused, len(receiver.bodies) >= 3) == (1, True)


def test_a_redirect_is_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    heard = Heard()
    receiver.answers = [(307, {"Location": receiver.url}, b"")] * 3
    with audit_log(tmp_path, into(SinkConfig(type="webhook", url=receiver.url)), heard) as log:
        log.append(end(1))
        until(lambda: heard.has("answered 307"))


SERVING = """
import sys, threading
sys.path.insert(0, sys.argv[2])
from test_audit_sinks import Receiver, calls
receiver = Receiver(int(sys.argv[1]))
print(receiver.url, flush=True)
told = 0
while True:
    threading.Event().wait(0.02)
    while told < len(receiver.bodies):
        print(*calls(receiver.bodies[told].splitlines()), sep="\\n", flush=True)
        told += 1
"""


class Served:
    """The same server as a process that can be killed."""

    def __init__(self, port: int = 0) -> None:
        command = [sys.executable, "-c", SERVING, str(port), str(Path(__file__).parent)]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        self.url = self._child.stdout.readline().strip()
        self.calls: list[int] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].partition("/")[0])

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if line.strip():
                self.calls.append(int(line))

    def kill(self) -> None:
        os.kill(self._child.pid, signal.SIGKILL)
        self._child.wait(SECONDS_MAX)
        self._reading.join(SECONDS_MAX)
        assert self._child.stdout is not None
        self._child.stdout.close()


def test_a_receiver_that_is_killed_and_comes_back_misses_nothing_also_over_a_restart_of_ours(tmp_path: Path) -> None:
    first = Served()
    config = into(SinkConfig(type="webhook", url=first.url))
    with audit_log(tmp_path, config) as log:
        log.append(end(1))
        until(lambda: first.calls == [1])
        first.kill()
        for call in range(2, 601):
            log.append(end(call))
    with audit_log(tmp_path, config) as log:  # the buffer is the folder: it outlives the process
        log.append(end(601))
        second = Served(first.port)
        try:
            until(lambda: second.calls and second.calls[-1] == 601)
            assert second.calls == list(range(2, 602))
        finally:
            second.kill()


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_support import Heard, end
from narthex.model.audit_config import AuditConfig, SinkConfig
from narthex.store.audit.log import AuditLog

log = AuditLog.open(Path(sys.argv[1]), AuditConfig(sinks=(SinkConfig(type="webhook", url=sys.argv[3]),)), Heard())
for call in range(1, 2_001):
    log.append(end(call))
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_gateway_had_not_sent_is_sent_by_the_next(tmp_path: Path, receiver: Receiver) -> None:
    tests = str(Path(__file__).parent)
    with audit_log(tmp_path, into(SinkConfig(type="webhook", url=receiver.url))):
        pass
    subprocess.run([sys.executable, "-c", KILLED, tmp_path, tests, receiver.url], timeout=SECONDS_MAX)
    with audit_log(tmp_path, into(SinkConfig(type="webhook", url=receiver.url))):
        until(lambda: 2_000 in receiver.calls)

    assert sorted(set(receiver.calls)) == list(range(1, 2_001))


def test_of_several_processes_one_serves_a_sink(tmp_path: Path, receiver: Receiver) -> None:
    config = into(SinkConfig(type="webhook", url=receiver.url))
    with audit_log(tmp_path, config) as one:
        one.append(end(1))
        until(lambda: receiver.calls == [1])
        with audit_log(tmp_path, config) as two:
            two.append(end(2))
            one.append(end(3))
            until(lambda: sorted(receiver.calls) == [1, 2, 3])
            one.close()
            two.append(end(4))
            until(lambda: sorted(receiver.calls) == [1, 2, 3, 4])


@pytest.mark.parametrize("broken", [{"url": "http://127.0.0.1:1/a b?key=geheim"}, {"headers": {"A": "geheim\n"}}])
def test_what_cannot_be_sent_at_all_is_told_without_its_secrets(
    tmp_path: Path, receiver: Receiver, broken: dict[str, Any]
) -> None:
    heard = Heard()
    with audit_log(tmp_path, into(SinkConfig(**{"type": "webhook", "url": receiver.url, **broken})), heard) as log:
        log.append(end(1))
        until(lambda: heard.has("takes nothing"))

    assert not heard.has("geheim")


# OTLP


def test_otlp_gets_log_records(tmp_path: Path, receiver: Receiver) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with audit_log(tmp_path, into(SinkConfig(type="otlp", url=receiver.url))) as log:
        log.append(end(1, trace=trace, duration_us=3_100))
        log.append(AuditRecord(kind="act", action="key.created", target="nx_1"))

    requests = [msgspec.json.decode(body) for body in receiver.bodies]
    records = [one for request in requests for one in request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]]
    (call,) = (one for one in records if '"kind":"end"' in one["body"]["stringValue"])
    attributes = {one["key"]: one["value"] for one in call["attributes"]}
    assert call["traceId"] == trace
    assert (call["severityText"], call["severityNumber"]) == ("INFO", 9)
    assert attributes["narthex.tool"] == {"stringValue": "crm__find_contact"}
    assert attributes["narthex.duration_us"] == {"intValue": "3100"}
    assert len(call["timeUnixNano"]) == 19
    resource = {one["key"] for one in requests[0]["resourceLogs"][0]["resource"]["attributes"]}
    assert resource == {"service.name", "service.version"}


def test_records_that_a_collector_throws_away_are_told_of_and_not_sent_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    heard = Heard()
    receiver.answers = [(200, {}, b'{"partialSuccess":{"rejectedLogRecords":"1"}}')]
    with audit_log(tmp_path, into(SinkConfig(type="otlp", url=receiver.url)), heard) as log:
        log.append(end(1))
        until(lambda: heard.has("were taken by nobody"))
        log.append(end(2))

    bodies = [one["body"]["stringValue"] for body in receiver.bodies for one in _records(body)]
    assert len(bodies) == len(set(bodies))


def _records(body: bytes) -> list[dict[str, Any]]:
    return list(msgspec.json.decode(body)["resourceLogs"][0]["scopeLogs"][0]["logRecords"])


def test_a_damaged_line_goes_out_as_it_is() -> None:
    (record,) = export_request([Item("c", b"\x00{")], "1")["resourceLogs"][0]["scopeLogs"][0]["logRecords"]

    assert record["body"] == {"stringValue": "\x00{"}


# Configuration


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        (SinkConfig(type="file"), "needs 'path'"),
        (SinkConfig(type="syslog"), "needs 'address'"),
        (SinkConfig(type="webhook"), "needs 'url'"),
        (SinkConfig(type="otlp", url="http://h/v1/logs", secret="s"), "has no 'secret'"),
        (SinkConfig(type="stdout", path="x"), "has no 'path'"),
        (SinkConfig(type="syslog", address="h:514"), "begins with udp://"),
        (SinkConfig(type="otlp", url="h:4318"), "begins with http://"),
    ],
)
def test_a_sink_that_cannot_be_is_refused(sink: SinkConfig, words: str) -> None:
    assert words in str(wrong_with(sink))


def test_two_sinks_of_a_type_need_names() -> None:
    one, two = SinkConfig(type="stdout"), SinkConfig(type="stdout", name="other")

    assert (names_twice((one, two)), names_twice((one, one))) == (set(), {"stdout"})


def test_a_sink_shows_no_secret() -> None:
    sink = SinkConfig(type="webhook", url="https://h/?key=geheim", secret="geheim", headers={"A": "geheim"})

    assert (wrong_with(sink), "geheim" in repr(sink)) == (None, False)


def test_a_log_without_sinks_has_no_threads_for_them(tmp_path: Path) -> None:
    with audit_log(tmp_path) as log:
        assert isinstance(log, AuditLog)
        assert log.sinks.all == ()
