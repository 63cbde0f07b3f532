"""An issuer and a guarded server in processes, and a server of the house in front of them.

Knows: how they are started, steered and ended. Refuses to know: what is tried with them.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from narthex.limits import Limits
from narthex.model.caller import Carried, Known
from narthex.model.config import ServerConfig
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal, Voucher
from narthex.model.outcome import Result
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import Ask
from narthex.upstream.openers import HttpOpener
from narthex.upstream.server import Server

HERE = Path(__file__).parent
SECRET = "s3cret-of-the-gateway"
SECONDS_MAX = 10.0
Tree = dict[str, Any]


class Far:
    """One process, its address, and its control."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.always: Tree = {}  # part of every order that starts it anew

    def order(self, order: Any) -> Tree:
        starts_anew = isinstance(order, dict) and "revoke" not in order
        return self._asked(json.dumps({**self.always, **order} if starts_anew else order).encode())

    def see(self) -> Tree:
        return self._asked(None)

    @property
    def seen(self) -> list[Tree]:
        found: list[Tree] = self.see()["seen"]
        return found

    def _asked(self, body: bytes | None) -> Tree:
        with urlopen(Request(f"{self.origin}/control", body), timeout=SECONDS_MAX) as answer:
            found: Tree = json.load(answer)
            return found


@contextmanager
def started(script: str) -> Iterator[Far]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(HERE / script)], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield Far(child.stdout.readline().strip())
        finally:
            child.stdin.close()
            try:
                child.wait(SECONDS_MAX)
            finally:
                child.kill()


def oauth(at_issuer: Far | None, kind: str = "client_credentials", /, **more: Any) -> Tree:
    """The `credentials` of a server, at this issuer."""
    at = {"issuer": at_issuer.origin} if at_issuer is not None else {}
    return {"credentials": {"type": kind, "client_id": "gateway", "client_secret": SECRET, **at, **more}}


class House:
    """What a server of ours tells its house."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.faults: list[str] = []

    def updated(self, server: str, uri: str) -> None: ...

    def say(self, server: str, level: str, sentence: str) -> None:
        self.said.append(f"{level} {sentence}")

    def fault(self, where: str, error: BaseException) -> None:
        self.faults.append(f"{where}: {error!r}")


@asynccontextmanager
async def opened(far: Far, house: House | None = None, /, **config: Any) -> AsyncIterator[Server]:
    """A server of ours, configured like this, closed at the end."""
    house = house or House()
    found = msgspec.convert({"name": "guarded", "upstream": f"{far.origin}/mcp", **config}, ServerConfig)
    owned = Owned("test", house.fault)
    limits = Limits()
    opener = HttpOpener(found, limits, owned, None, lambda level, sentence: house.say("guarded", level, sentence))
    server = Server(found, limits, opener, house, owned, None, lambda _server, _kinds: None)
    try:
        yield server
    finally:
        await server.aclose()
        await owned.aclose()
    assert [fault for fault in house.faults if "UpstreamFault" not in fault] == []


def caller(name: str, token: str = "", carried: Carried = (), **claims: Any) -> Known:
    """A caller who came with a token the issuer knows."""
    voucher = Voucher(token or f"caller:{name}:{name * 8}")
    who = Principal(name, issuer="https://company.example", how="jwt", claims={"sub": name, **claims}, voucher=voucher)
    return Known(who, carried)


async def call(server: Server, who: Known | None = None, tool: str = "whoami", seconds: float = SECONDS_MAX) -> str:
    """The text a tool answers with. Raises `UpstreamFault`."""
    deadline = Deadline(asyncio.get_running_loop().time() + seconds)
    outcome = await server.request(Ask("tools/call", {"name": tool, "arguments": {}}, deadline, caller=who))
    assert isinstance(outcome, Result), outcome
    content = outcome.members["content"]
    found: str = msgspec.json.decode(bytes(content))[0]["text"]
    return found


async def until(condition: Any, what: str) -> None:
    """Bounded: the condition holds within some seconds."""
    ends = asyncio.get_running_loop().time() + SECONDS_MAX
    while not condition():
        assert asyncio.get_running_loop().time() < ends, what
        await asyncio.sleep(0.02)
