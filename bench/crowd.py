"""What ten thousand callers cost a gateway that has seen none of them: the first sight of each, and the memory of all.

Knows: one figure per question. Refuses to know: goals, and how fast callers are served that are known (`cells`).
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from answers import ARGUMENTS
from ask import Client
from callers import PRINCIPALS, guarded, is_let_in, with_token, written
from gateway import Gateway
from generator import Target, measure
from issuer import Issuer

_BLOCKS = 10  # strangers and one known caller take turns: the machine's speed drifts


@dataclass
class Crowd:
    """Times in microseconds of processor time, sizes in bytes."""

    principals: int = PRINCIPALS
    first_seen_us: float = 0.0  # more than a call of somebody who is known
    cpu_ratio: float = 0.0  # of a call of each in turn, all known, to a call of always the same one
    bytes_each: float = 0.0


def weigh_crowd(folder: Path, far: int, issuer: Issuer) -> Crowd:
    crowd = Crowd()
    tokens, known = issuer.tokens(crowd.principals), issuer.tokens(1, "known")[0]
    with guarded(folder, far, issuer, "crowd").ready() as gateway:
        client = with_token(gateway, known)
        gateway.wait_until(lambda: is_let_in(client))
        measure(Target("known", client, "echo", gateway), 64, 2)  # pools are filled, code is warm
        before = gateway.memory_bytes()
        first = by_turns(gateway, client, tokens, known)
        crowd.first_seen_us = median(theirs - one for theirs, one in first)
        again = by_turns(gateway, client, tokens, known)
        crowd.cpu_ratio = median(theirs / one for theirs, one in again)
        everybody = Target("everybody", client, "echo", gateway, bearers=written(folder, tokens))
        measure(everybody, 64, 2)  # among each other, as clients would be
        crowd.bytes_each = (gateway.memory_bytes() - before) / crowd.principals
    return crowd


def by_turns(gateway: Gateway, client: Client, tokens: list[str], known: str) -> list[tuple[float, float]]:
    """Processor time per call: of each of these callers once, and of one as often."""
    pairs = []
    for block in range(_BLOCKS):
        theirs = tokens[block::_BLOCKS]
        pairs.append((cpu_us(gateway, client, theirs), cpu_us(gateway, client, [known] * len(theirs))))
    return pairs


def cpu_us(gateway: Gateway, client: Client, bearers: list[str]) -> float:
    """Processor time of the gateway per call, one call for each of these tokens."""
    message = client.message("tools/call", {"name": "echo", "arguments": ARGUMENTS})
    before = gateway.cpu_seconds()
    for bearer in bearers:
        client.bearer = bearer
        status, text = client.post(message, client.headers("tools/call", "echo"))
        if status != 200:
            raise RuntimeError(f"HTTP {status}: {text[:300]}")
    return (gateway.cpu_seconds() - before) / len(bearers) * 1e6
