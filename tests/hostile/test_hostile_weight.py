"""How much memory and time one byte of bad input buys: measured on a real process."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_client import JSON
from hostile_rows import call, nested
from real_gateway import Gateway, gateway, request

MIB = 1024 * 1024
MEMORY_RATIO_MAX = 30.0
MEMORY_BYTES_FREE = 12 * MIB  # a hundred thousand values take as much, however few bytes they are written in
CPU_SECONDS_MAX = 0.3  # one request of 4 MiB
SIZE = 4 * MIB - 1_000

# What costs most for its size: small values, small strings, small keys, escapes, brackets, digits.
INPUTS: dict[str, Callable[[], bytes]] = {
    "empty lists": lambda: b"[" + b",".join([b"[]"] * 49_900) + b"]",
    "empty objects": lambda: b"[" + b",".join([b"{}"] * 49_900) + b"]",
    "small objects": lambda: b"[" + b",".join(b'{"k%d":1}' % n for n in range(49_900)) + b"]",
    "small strings": lambda: b"[" + b",".join(b'"%d"' % n for n in range(99_900)) + b"]",
    "floats": lambda: b"[" + b",".join(b"%d.5" % n for n in range(99_900)) + b"]",
    "chains of lists": lambda: b"[" + b",".join([nested(60)] * 1_600) + b"]",
    "one string": lambda: b'"' + b"x" * (MIB - 2) + b'"',
    "escapes": lambda: b'["' + b'","'.join([b"\\u00e9" * 170_000] * 4) + b'"]',
    "wide strings": lambda: '["{}"]'.format("\U0001f600" * 200_000).encode(),
    "long integers": lambda: b"[" + b",".join([b"7" * 1_024] * 4_000) + b"]",
    "longer integers": lambda: b"[" + b",".join([b"7" * 4_000] * 1_000) + b"]",
    "never closed": lambda: b"[" * 65 + b'"' + b'\\"' * (SIZE // 2 - 50),
    "only quotes": lambda: b"[" * 65 + b'""' * (SIZE // 2 - 50),
    "short strings to discard": lambda: b"[" * 65 + b'"ab"' * (SIZE // 4 - 50),
    "only brackets": lambda: b"[" * SIZE,
    "only commas": lambda: b"," * SIZE,
    "only colons": lambda: b'{"a":"' + b":" * (MIB - 10) + b'"}',
    "colons in strings": lambda: b'{"a:":[' + b",".join([b'":"'] * 99_000) + b"]}",
    "keys": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(9_990)) + b"}",
    "a table in strings": lambda: json.dumps(["1,2,3;" * 100_000] * 5).encode(),
}


def peak(running: Gateway) -> int:
    """The most the process ever held, in bytes."""
    status = Path(f"/proc/{running.child.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("name", INPUTS)
def test_a_byte_of_json_buys_little(name: str, tmp_path: Path) -> None:
    """A process of its own for each: memory that was given back would hide what the next one takes."""
    body = call(INPUTS[name]()).replace(b"@META@", b"{}")
    with gateway({"servers": []}, tmp_path) as running, running.connect() as wire:
        wire.ask(request("POST", "/mcp", list(JSON.items()), b"{}"))
        before, cpu = peak(running), running.cpu_seconds()
        answer = wire.ask(request("POST", "/mcp", list(JSON.items()), body))
        taken, seconds = peak(running) - before, running.cpu_seconds() - cpu
    print(f"{name}: {len(body)} bytes, {taken / len(body):.1f} times in memory, {seconds:.2f} s, {answer.status}")

    assert taken < max(MEMORY_RATIO_MAX * len(body), MEMORY_BYTES_FREE)
    assert seconds < CPU_SECONDS_MAX
