"""The cells that are measured side by side: one call, taken directly, through nginx, through Narthex, through FastMCP.

Targets take turns within a round (A B C, A B C, …), because the machine's speed drifts more between minutes than
any two of them differ; ratios are taken within a round and their median is reported.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from answers import ARGUMENTS, LEGACY, MODERN
from ask import Client
from callers import PRINCIPALS, guarded, is_let_in, with_key, with_token, written
from gateway import BARE, POLICIES, Gateway, listed, servers_of_the_cells
from generator import Sample, Target, checked, measure
from issuer import Issuer
from peers import NGINX, start_fastmcp, start_nginx
from running import HERE, Running, python

CALLERS = (1, 64)
DIRECT, THROUGH_NGINX, FASTMCP, PIPE = "direct", "nginx", "FastMCP proxy", "pipe, directly"
MODERN_MODERN = "Narthex modern → modern"
CROSSED = ("Narthex legacy → legacy", "Narthex modern → legacy", "Narthex legacy → modern")
WITH_SESSION = "Narthex legacy → legacy with session"
MODERN_STDIO = "Narthex modern → stdio"
GOVERNED = "Narthex modern → modern, all policies but redaction"
WITH_KEY, WITH_TOKEN = "Narthex modern → modern, API key", "Narthex modern → modern, ES256 token"
WITH_TOKENS = f"Narthex modern → modern, {PRINCIPALS:,} ES256 tokens"
FASTMCP_SECONDS = 8.0  # it answers some twenty calls a second: fewer seconds would count none at 64 callers


@dataclass
class Measured:
    """Every sample, by target and number of callers, one per round; and the pipe's p50 per round."""

    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)
    pipe_p50_us: list[float] = field(default_factory=list)
    memory_bytes: dict[str, int] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, callers: int, sample: Sample) -> None:
        self.samples.setdefault((name, callers), []).append(sample)


def measure_cells(
    stack: ExitStack, folder: Path, upstream: Running, far: int, issuer: Issuer, rounds: int, seconds: float
) -> tuple[Measured, Gateway]:
    """All cells; the gateway is handed on, still running, to what is measured next."""
    measured = Measured()
    gateway = stack.enter_context(Gateway(folder, "cells", servers_of_the_cells(far), **BARE))
    gateway.ready()
    targets = direct_and_nginx(stack, folder, upstream, far, measured) + through(gateway, far)
    targets.append(through_policies(stack, folder, far))
    targets += through_guarded(stack, folder, far, issuer)
    for target in targets:
        checked(target)
        measure(target, CALLERS[-1], 1.0)  # pools are filled, code is warm
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for callers in CALLERS:
            for target in targets:
                measured.add(target.name, callers, measure(target, callers, seconds))
        measured.pipe_p50_us.append(pipe_p50_us(seconds))
    measured.memory_bytes = {target.name: target.process.memory_bytes() for target in targets}
    return measured, gateway


def direct_and_nginx(stack: ExitStack, folder: Path, upstream: Running, far: int, measured: Measured) -> list[Target]:
    count = f"http://127.0.0.1:{far}/count"
    targets = [Target(DIRECT, Client(f"http://127.0.0.1:{far}/modern/mcp", MODERN), "echo", upstream, count)]
    if NGINX:
        nginx, port = start_nginx(folder, far)
        stack.enter_context(nginx)
        client = Client(f"http://127.0.0.1:{port}/modern/mcp", MODERN)
        targets.append(Target(THROUGH_NGINX, client, "echo", nginx, count))
    else:
        measured.missing[THROUGH_NGINX] = "nginx is not installed"
    return targets


def through(gateway: Gateway, far: int) -> list[Target]:
    """Both eras of client, each with the servers of both eras and of both transports."""
    modern = Client(gateway.url, MODERN)
    legacy = Client(gateway.url, LEGACY).greet()
    count = f"http://127.0.0.1:{far}/count"
    tools = {name.partition("__")[0]: name for name in listed(gateway.url, 4)}
    return [
        Target(MODERN_MODERN, modern, tools["modern"], gateway, count),
        Target(CROSSED[0], legacy, tools["legacy"], gateway, count),
        Target(CROSSED[1], modern, tools["legacy"], gateway, count),
        Target(CROSSED[2], legacy, tools["modern"], gateway, count),
        Target(WITH_SESSION, legacy, tools["session"], gateway, count),
        Target(MODERN_STDIO, modern, tools["piped"], gateway),
    ]


def through_policies(stack: ExitStack, folder: Path, far: int) -> Target:
    """The same call with everything laid down that an operator may lay down, but redaction."""
    server = {**servers_of_the_cells(far)[0], "trusted": True}
    gateway = stack.enter_context(Gateway(folder, "policies", [server], **POLICIES)).ready()
    (tool,) = listed(gateway.url, 1)
    return Target(GOVERNED, Client(gateway.url, MODERN), tool, gateway, f"http://127.0.0.1:{far}/count")


def through_guarded(stack: ExitStack, folder: Path, far: int, issuer: Issuer) -> list[Target]:
    """The same call by callers who show who they are, through a gateway that asks. The last target is the worst case:
    every connection shows another caller with every request, and no two requests in a row are of the same one.
    """
    gateway = guarded(folder, far, issuer)
    stack.enter_context(gateway).ready()
    count = f"http://127.0.0.1:{far}/count"
    tokens = issuer.tokens(PRINCIPALS)
    callers = {WITH_KEY: with_key(gateway), WITH_TOKEN: with_token(gateway, tokens[0])}
    gateway.wait_until(lambda: is_let_in(callers[WITH_KEY]))
    targets = [Target(name, client, "echo", gateway, count) for name, client in callers.items()]
    everybody = Target(WITH_TOKENS, callers[WITH_TOKEN], "echo", gateway, count, bearers=written(folder, tokens))
    return [*targets, everybody]


def measure_fastmcp(folder: Path, far: int, numbers: tuple[int, ...], measured: Measured) -> None:
    """Apart from the rounds and once: at its speed it would take most of the time of all the others."""
    say(FASTMCP)
    started = start_fastmcp(folder, f"http://127.0.0.1:{far}/modern/mcp")
    if started is None:
        measured.missing[FASTMCP] = "it could not be installed"
        return
    running, port = started
    with running:
        client = Client(f"http://127.0.0.1:{port}/mcp", MODERN)
        target = Target(FASTMCP, client, "echo", running, f"http://127.0.0.1:{far}/count")
        checked(target)
        for callers in numbers:
            measured.add(FASTMCP, callers, measure(target, callers, FASTMCP_SECONDS))
        measured.memory_bytes[FASTMCP] = running.memory_bytes()


def pipe_p50_us(seconds: float) -> float:
    """The median time of a call spoken directly to the stdio server by a small client."""
    message = Client("http://127.0.0.1:1/", MODERN).message("tools/call", {"name": "echo", "arguments": ARGUMENTS})
    line = json.dumps(message).encode() + b"\n"
    times = []
    command = python(HERE / "stdio_upstream.py", "modern")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin
        assert server.stdout
        until = time.perf_counter() + min(seconds, 2.0)
        while (started := time.perf_counter()) < until:
            server.stdin.write(line)
            server.stdin.flush()
            server.stdout.readline()
            times.append(time.perf_counter() - started)
        server.stdin.close()
    return sorted(times)[len(times) // 2] * 1e6


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
