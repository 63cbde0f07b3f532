"""A gateway for the length of one command: `narthex stdio FILE` as a child, spoken to over its pipes.

Knows: how to start it, ask it, and end it. Refuses to know: what it serves. No port is opened, so it stands in
nobody's way and nobody else can call it.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from narthex.cli.client import Listener, Tree, Unreachable, read_json, request_body, take
from narthex.limits import DEFAULTS, stop_stdin_seconds, stop_term_seconds


class PipeGateway:
    """The child lives until `close`."""

    def __init__(self, file: Path, endpoint: str | None = None) -> None:
        arguments = [
            sys.executable,
            "-m",
            "narthex",
            "stdio",
            str(file),
            "--log-format",
            "human",
            "--log-level",
            "warning",  # why a server is down is what whoever misses its tools wants to know
        ]
        if endpoint:
            arguments += ["--endpoint", endpoint]
        self._child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._next_id = 0

    def request(
        self, method: str, params: Tree, *, headers: Mapping[str, str] | None = None, listen: Listener | None = None
    ) -> Tree:
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None, "the child was started with pipes"
        assert stdout is not None, "the child was started with pipes"
        self._next_id += 1
        try:
            stdin.write(request_body(self._next_id, method, params) + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise Unreachable("The gateway ended; its reason stands above.") from None
        while line := stdout.readline(DEFAULTS.line_bytes_max):
            message = read_json(line)
            is_other = isinstance(message, dict) and message.get("id") not in (None, self._next_id)
            result = None if is_other else take(message, listen)
            if result is not None:
                return result
        raise Unreachable("The gateway ended; its reason stands above.")

    def close(self) -> None:
        """End of input is the polite way; then a signal; then the one that cannot be ignored."""
        if self._child.stdin is not None:
            try:
                self._child.stdin.close()
            except BrokenPipeError:
                pass  # it has ended already
        for seconds, end in ((stop_stdin_seconds, self._child.terminate), (stop_term_seconds, self._child.kill)):
            try:
                self._child.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                end()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
