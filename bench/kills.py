"""A gateway killed at random instants under load, again and again: is every call it answered on record, once?

    kills.py [--rounds N] [--callers N] [--seed N] [--json]

Each round starts `narthex serve` on the same state, lets callers call, and kills it (SIGKILL) within two seconds. In
the end: every answered call is in the audit log exactly once and was counted exactly once, every start has one end, and
the log verifies. Exit 0 where all of that holds. docs/audit.md and docs/usage.md promise it.
"""

import argparse
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from narthex.store.audit.arguments import ArgumentsDigest
from narthex.store.audit.key import load_public_keys
from narthex.store.audit.names import chains
from narthex.store.audit.reading import Reading
from narthex.store.audit.verify import verify
from narthex.store.usage import Usage

ROUNDS = 200
CALLERS = 16  # enough that what a turn of the event loop records is written together
LIFE_SECONDS_MAX = 1.8
READY_SECONDS_MAX = 30.0
_MODERN = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "kills", "version": "1"},
}
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": _MODERN,
    "Mcp-Method": "tools/call",
}


@dataclass
class Verdict:
    """What was found. Everything but the first four has to be empty, or true."""

    rounds: int = 0
    answered: int = 0
    on_record: int = 0
    unknown: int = 0  # begun, and nobody will ever tell
    lost: list[str] = field(default_factory=list)  # answered, and not on record
    twice: list[str] = field(default_factory=list)
    without_end: int = 0
    counted: int = 0
    sound: bool = False
    first: str = ""  # what is wrong with the log

    @property
    def holds(self) -> bool:
        exact = self.counted == self.on_record
        return not self.lost and not self.twice and not self.without_end and exact and self.sound and self.answered > 0


class Caller:
    """Calls as fast as it gets answers, each time with arguments that nobody sent before."""

    def __init__(self, number: int, answered: list[dict[str, Any]]) -> None:
        self._number, self._answered, self._made = number, answered, 0

    def run(self, url: str, stop: threading.Event) -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            while not stop.is_set():
                self._made += 1
                arguments = {"query": f"{self._number} {self._made}"}
                tool = "search_contacts"
                if self._made % 2:
                    tool, arguments = "create_note", {"contact_id": "c-1", "text": f"{self._number} {self._made}"}
                if self._is_answered(connection, parts.path, tool, arguments):
                    self._answered.append(arguments)
        except (OSError, http.client.HTTPException):
            pass  # that was its end
        finally:
            connection.close()

    def _is_answered(self, connection: http.client.HTTPConnection, path: str, tool: str, arguments: Any) -> bool:
        params = {"name": tool, "arguments": arguments, "_meta": _META}
        body = json.dumps({"jsonrpc": "2.0", "id": self._made, "method": "tools/call", "params": params})
        connection.request("POST", path, body, {**_HEADERS, "Mcp-Name": tool})
        return "result" in json.loads(connection.getresponse().read())


class Gateway:
    """`narthex serve`, killed and started again on the same state."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self.state = folder / "state"
        self._file, self._log = folder / "narthex.yaml", folder / "log"
        config = {
            "listen": "http://127.0.0.1:0",
            "admin": {"listen": "http://127.0.0.1:0"},
            "state": str(self.state),
            "servers": [{"name": "crm", "upstream": upstream, "trusted": True}],
            "audit": {"segment_bytes": 1 << 18},
            "log": {"format": "json", "calls": False},
        }
        self._file.write_text(json.dumps(config))

    def start(self) -> str:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "narthex", "serve", str(self._file)], stdout=log, stderr=log
            )
        ends = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < ends and self.process.poll() is None:
            for line in self._log.read_text().splitlines():
                if '"Ready:' in line and line.endswith("}"):
                    return str(json.loads(line)["url"])
            time.sleep(0.005)
        raise RuntimeError(f"the gateway did not start: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def kill_rounds(folder: Path, rounds: int, callers: int, chance: random.Random) -> Verdict:
    """All of it. The folder keeps what was written."""
    answered: list[dict[str, Any]] = []
    with subprocess.Popen(
        [sys.executable, "-m", "narthex.libraries.demo.crm", "--http", "0"], stderr=subprocess.PIPE, text=True
    ) as upstream:
        try:
            assert upstream.stderr is not None
            gateway = Gateway(folder, upstream.stderr.readline().split()[-1])
            everybody = [Caller(number, answered) for number in range(callers)]
            for _ in range(rounds):
                one_round(gateway, everybody, chance.uniform(0.0, LIFE_SECONDS_MAX))
            gateway.start()  # closes what the last one left open
            gateway.stop()
        finally:
            upstream.kill()
    return judged(gateway.state, answered, Verdict(rounds=rounds, answered=len(answered)))


def one_round(gateway: Gateway, everybody: list[Caller], seconds: float) -> None:
    url, stop = gateway.start(), threading.Event()
    threads = [threading.Thread(target=caller.run, args=(url, stop)) for caller in everybody]
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    gateway.kill()
    stop.set()
    for thread in threads:
        thread.join()


def judged(state: Path, answered: list[dict[str, Any]], verdict: Verdict) -> Verdict:
    digest = ArgumentsDigest.load(state)
    ends: Counter[str] = Counter()
    begun: Counter[tuple[str, int]] = Counter()
    for segments in chains(state / "audit").values():
        for segment in segments:
            for line in Reading(segment):
                record = msgspec.json.decode(line)
                if record["kind"] == "start":
                    begun[record["chain"], record["call"]] += 1
                elif record["kind"] == "end":
                    begun[record["chain"], record["call"]] -= begun[record["chain"], record["call"]] > 0
                    verdict.on_record += 1
                    verdict.unknown += record["outcome"] == "unknown"
                    ends[record["digest"]] += record["outcome"] != "unknown"
    verdict.without_end = sum(begun.values())
    for arguments in answered:
        count = ends[digest.of(arguments)]
        if count != 1:
            (verdict.lost if count == 0 else verdict.twice).append(json.dumps(arguments))
    verdict.counted = counted(state)
    report = verify(state / "audit", load_public_keys(state))
    verdict.sound, verdict.first = report.sound, str(report.first or "")
    return verdict


def counted(state: Path) -> int:
    usage = Usage(state, state / "audit")
    try:
        while usage.fold(1_000):
            pass
        return sum(int(row[0]) for row in usage.sums((), "", "9999"))
    finally:
        usage.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--callers", type=int, default=CALLERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", dest="as_json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="narthex-kills-") as folder:
        verdict = kill_rounds(Path(folder), chosen.rounds, chosen.callers, random.Random(chosen.seed))
    if chosen.as_json:
        print(json.dumps({**asdict(verdict), "holds": verdict.holds}))
    else:
        print(
            f"{verdict.rounds} kills: {verdict.answered:,} calls answered, {verdict.on_record:,} on record "
            f"({verdict.unknown} of unknown outcome), {verdict.counted:,} counted; lost {len(verdict.lost)}, "
            f"twice {len(verdict.twice)}, without an end {verdict.without_end}; the log is "
            f"{'sound' if verdict.sound else f'not sound: {verdict.first}'}."
        )
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
