"""A process that holds calls against one limit, as fast as it can: started by `counters_kit.Hammer`."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from counters_kit import House, call_of, settled

from narthex.model.rules.rate import RateLimit
from narthex.model.shared import SharedConfig
from narthex.policy import rate
from narthex.store.counters import StoredCounters
from narthex.store.counters_shared import SharedCounters


async def main() -> None:
    order = json.loads(sys.argv[1])
    folder = Path(order["folder"])
    if order["store"] == "disk":
        counters = StoredCounters(folder)
    else:
        own = folder / str(os.getpid())
        own.mkdir()
        counters = SharedCounters(SharedConfig(url=order["store"], timeout_ms=2_000, when_lost="refuse"), own)
    house = House(counters, "refuse")
    await house.lender.start()
    limit = RateLimit(requests_per_second=order["per_second"], burst=order["burst"], per="server")
    rules = settled(rate_limit=limit)
    ends = time.monotonic() + order["seconds"]
    with Path(order["out"]).open("w", buffering=1) as out:
        while time.monotonic() < ends:
            call = call_of(rules)
            await house.counting.fetch(call)
            # The moment at which it is decided: the lease for it was written down before.
            moment = call.ticks / 1e7
            if rate.request(call) is None:
                out.write(f"{moment!r}\n")
            await asyncio.sleep(0.0005)
    await house.counting.aclose()
    await house.owned.aclose()


asyncio.run(main())
