"""What tells whether callers may share a conversation: how that very conversation turned out, and nothing else."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from credentials_kit import call, opened, started

from narthex.model.caller import Known
from narthex.model.identity import Principal
from narthex.upstream.era import EraRecord
from process_kit import Far


@pytest.fixture(scope="module")
def process() -> Iterator[Far]:
    with started("credentials_server.py") as server:
        yield server


def known(name: str) -> Known:
    return Known(Principal(name, how="key"))


async def test_a_release_seen_elsewhere_makes_no_shared_session_of_an_older_one(process: Far) -> None:
    """Behind one URL may stand two releases: one caller has met the newer, while we hold a session with the older."""
    process.always = {"legacy": True, "open": True}
    process.order({})
    async with opened(process, headers={"X-Any": "1"}) as server:
        await call(server)  # the gateway's own
        server.opener.era = EraRecord("modern", "http", "2026-07-28", time.time())
        await asyncio.gather(*[call(server, known(name)) for name in ("ana", "bo") for _ in range(4)])
        used = [one["headers"].get("mcp-session-id") for one in process.seen if one["method"] == "tools/call"]

    assert len(set(used[1:])) == 2
    assert used[0] not in used[1:]
