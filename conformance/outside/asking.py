"""The official client sent to the fleet: what it is told to ask, what it brings back."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from outside import places
from outside.clients import SCRIPTS, start
from outside.fleet import Seat


def ask(
    target: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], home: Path, mode: str = "auto"
) -> dict[str, Any]:
    """The tools at the target and the answers to the calls, made all at once."""
    command = [str(places.interpreter("fleet/modern")), str(SCRIPTS / "ask_fleet.py")]
    return start(command, home, cwd=home, text=json.dumps({**target, "mode": mode, "calls": list(calls)}))


def question(seat: Seat, prefix: str = "") -> dict[str, Any]:
    return {"tool": f"{prefix}{seat.tool}", "arguments": dict(seat.arguments)}


def proves(seat: Seat, answer: Mapping[str, Any]) -> bool:
    """Whether the answer could have come from that server alone."""
    return seat.proof in answer["text"] and seat.refused == answer["refused"]
