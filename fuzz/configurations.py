"""The configuration file: whatever its bytes, a configuration or problems with their places; no other end."""

import tempfile
from pathlib import Path

from hypothesis import strategies as st

from fuzz.mutation import mutated
from fuzz.target import Target
from narthex.control.load import load
from narthex.control.problem import ConfigError, Problem

YAML = b"""\
name: hall
listen: http://127.0.0.1:8080
servers:
  - {name: github, upstream: "https://mcp.example/mcp", headers: {Authorization: "Bearer ${TOKEN}"}, tools: [a, "b*"]}
  - name: files
    command: [npx, -y, server]
    env: {A: "${HOME}"}
endpoints:
  sales: {servers: [github], include: ["github/a"], tools: {github/a: {name: ask}}}
limits: {call_seconds_max: 5, body_bytes_max: 1000000}
"""
JSON = b'{"mcpServers":{"a":{"command":"x","args":["y"],"env":{"K":"v"}},"b":{"type":"http","url":"https://x/mcp"}}}'
GOOD = st.sampled_from([YAML, JSON])
PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b":", b": ", b"- ", b"\n", b"\n  ", b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ",
     b"${", b"${file:/etc/passwd}", b"${X:-y}", b"|", b">", b"#", b"'", b'"', b"\t", b"null", b"~", b"1e999", b".nan",
     b"servers:", b"limits:", b"\x00", b"\xff", b"\xef\xbb\xbf", b"---\n", b"...", b"%YAML 9\n", b"[" * 80, b"0x1F"]
)  # fmt: skip


def check(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("narthex.yaml", "mcp.json"):
            path = Path(folder, name)
            path.write_bytes(data)
            problems, shown = outcome(path)
            assert all(problem.what for problem in problems)
            assert "s3cret" not in shown


def outcome(path: Path) -> tuple[tuple[Problem, ...], str]:
    """The problems, and everything that could be shown of either end."""
    try:
        return (), repr(load(path, {"HOME": "/h", "TOKEN": "s3cret"}).config)
    except ConfigError as error:
        return tuple(error.problems), "\n".join(map(str, error.problems))


TARGET = Target("configurations", mutated(GOOD, PIECES) | st.lists(PIECES, max_size=20).map(b"".join), check)
