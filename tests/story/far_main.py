"""The far side as a process: `far_main.py http` serves every kind of server on one port, `far_main.py stdio ERA` one.

Knows: which places there are, and the control address by which tests see and steer them.
Refuses to know: the tests.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from far_brain import Place
from far_channel import Channel
from far_http import Http, LegacyFace, ModernFace, OldFace, Request, Turncoat, dumped
from far_offers import Tree

Face = Any


def faces() -> dict[str, tuple[Place, Face]]:
    """Every server under HTTP, by path."""

    def legacy(name: str, revision: str, **more: Any) -> tuple[Place, Face]:
        place = Place(name)
        return place, LegacyFace(place, revision, **more)

    def modern(name: str, **more: Any) -> tuple[Place, Face]:
        place = Place(name, **more)
        return place, ModernFace(place)

    old, turncoat = Place("old"), Place("turncoat")
    return {
        "modern": modern("modern"),
        "hostile": modern("hostile", hostile=True),
        "bulk": modern("bulk", bulk=2_500),
        "march": legacy("march", "2025-03-26", stream=False),
        "june": legacy("june", "2025-06-18"),
        "november": legacy("november", "2025-11-25"),
        "loose": legacy("loose", "2025-11-25", stream=False, sessions_kept=False),
        "asker": legacy("asker", "2025-11-25", asks="get"),
        "old": (old, OldFace(old)),
        "turncoat": (turncoat, Turncoat(turncoat)),
    }


def control(place: Place, face: Face, asked: Tree) -> Tree:
    """One order of a test, and what there is to see afterwards."""
    match asked.get("do"):
        case "open":
            place.gate(asked["key"]).set()
        case "clear":
            place.seen.clear()
            place.replies.clear()
        case "grow":
            place.generation += asked.get("by", 1)
            place.tell("notifications/tools/list_changed", {})
        case "tell":
            place.tell(asked["method"], asked.get("params", {}))
        case "drop":
            face.drop()
        case "occupy":
            face.occupied = asked["times"]
            face.drop()
        case "turn":
            face.turn(asked["era"])
        case "forget":
            face.sessions.clear()
        case "say":
            for session in face.sessions.values():
                session.say(asked["message"])
        case "exit":
            os._exit(3)
    return _state(place, face)


def _state(place: Place, face: Face) -> Tree:
    sessions = getattr(face, "sessions", {})
    listens = [wanted for _, wanted in getattr(face, "listens", {}).values()] if isinstance(face, ModernFace) else []
    if isinstance(face, Channel):
        listens = list(face.listens.values())
    own = [face.session] if isinstance(face, Channel) and face.session else []
    channels = [one.session for one in getattr(face, "channels", {}).values() if one.session]
    return {
        "seen": place.seen,
        "generation": place.generation,
        "started": place.started,
        "cancelled": place.cancelled,
        "finished": place.finished,
        "replies": place.replies,
        "listens": listens,
        "sessions": len(sessions),
        "channels": len(getattr(face, "channels", {})),
        "streams": sum(len(one.streams) for one in sessions.values()),
        "subscribed": sorted(uri for one in [*sessions.values(), *own, *channels] for uri in one.subscribed),
        "initialized": getattr(face, "initialized", 0),
        "deleted": getattr(face, "deleted", 0),
        "pid": os.getpid(),
    }


def controlled(found: dict[str, tuple[Place, Face]]) -> Any:
    async def serve(request: Request) -> None:
        place, face = found[request.path.split("/")[2]]
        request.respond(200, dumped(control(place, face, json.loads(request.body))))

    return serve


async def http() -> None:
    found = faces()
    server = Http()
    server.routes = {name: face.serve for name, (_, face) in found.items()}
    server.routes["control"] = controlled(found)
    listening = await asyncio.start_server(server.connection, "127.0.0.1", 0, limit=64 * 1024 * 1024)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # the tests are over: whatever is open may break


async def stdio(eras: tuple[str, ...]) -> None:
    place = Place("stdio", hostile="hostile" in eras)
    channel = Channel(place, _line, eras)
    server = Http()
    server.routes = {"control": controlled({"stdio": (place, channel)})}
    listening = await asyncio.start_server(server.connection, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    folder = Path(os.environ["FAR_CONTROL"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(os.getpid())).write_text(str(port))
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("a line on stdout that is no message", flush=True)
    while line := await reader.readline():
        channel.take(json.loads(line))
    os._exit(0)


def _line(message: Tree) -> None:
    sys.stdout.buffer.write(dumped(message).replace(b"\n", b"") + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(http() if sys.argv[1] == "http" else stdio(tuple(sys.argv[2].split(","))))
