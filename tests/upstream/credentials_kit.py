"""An issuer and a guarded server in processes, and a server of the house in front of them.

Knows: how they are started, steered and ended. Refuses to know: what is tried with them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

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
from process_kit import SECONDS_MAX, Far, Tree, far_end

HERE = Path(__file__).parent
SECRET = "s3cret-of-the-gateway"


def started(script: str) -> AbstractContextManager[Far]:
    return far_end(HERE / script)


def oauth(at_issuer: Far | None, kind: str = "client_credentials", /, **more: Any) -> Tree:
    """The `credentials` of a server, at this issuer."""
    at = {"issuer": at_issuer.origin} if at_issuer is not None else {}
    return {"credentials": {"type": kind, "client_id": "gateway", "client_secret": SECRET, **at, **more}}


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class House:
    """What a server of ours tells its house."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.faults: list[str] = []

    def updated(self, server: str, uri: str, whose: str | None = None) -> None: ...

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
