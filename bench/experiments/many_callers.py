"""Where the cost of ten thousand callers in turn comes from: the gateway's own work, or what the machine forgets.

    python bench/experiments/many_callers.py [ROUNDS [SECONDS]]

Targets take turns within a round: no authentication, one token, as many as the gateway keeps whole heads of, as many
as fit into a cache of the processor, and as many as in the bench. Medians of µs per call.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from answers import MODERN
from ask import Client
from behind import server_behind
from callers import guarded, is_let_in, with_token, written
from gateway import Gateway, servers_of_the_cells
from generator import Target, measure
from issuer import Issuer

CONNECTIONS = (1, 64)
CROWDS = (1, 64, 1_000, 10_000)


def main(rounds: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name, Issuer() as issuer:
        folder = Path(name)
        with server_behind(folder) as (_, far):
            open_house = Gateway(folder, "open", servers_of_the_cells(far)[:1]).ready()
            with open_house, guarded(folder, far, issuer).ready() as gateway:
                show(by_turns(targets(folder, open_house, gateway, issuer), rounds, seconds))


def targets(folder: Path, open_house: Gateway, gateway: Gateway, issuer: Issuer) -> list[Target]:
    tokens = issuer.tokens(max(CROWDS))
    client = with_token(gateway, tokens[0])
    gateway.wait_until(lambda: is_let_in(client))
    made = [Target("none", Client(open_house.url, MODERN), "echo", open_house)]
    for crowd in CROWDS:
        room = folder / str(crowd)
        room.mkdir()
        # The generator holds the same number of requests each time: it has the same memory to go through.
        bearers = written(room, (tokens[:crowd] * max(CROWDS))[: max(CROWDS)])
        made.append(Target(f"{crowd:,}", client, "echo", gateway, bearers=bearers))
    return made


def by_turns(everybody: list[Target], rounds: int, seconds: float) -> dict[tuple[str, int], list[float]]:
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for connections in CONNECTIONS:
            for target in everybody:
                sample = measure(target, connections, seconds)
                if sample.errors:
                    raise RuntimeError(f"{target.name}: {sample.errors} errors")
                found.setdefault((target.name, connections), []).append(sample.cpu_us)
    return found


def show(found: dict[tuple[str, int], list[float]]) -> None:
    for (name, connections), costs in found.items():
        added = median(cost - bare for cost, bare in zip(costs, found["none", connections], strict=True))
        print(f"{connections:>3} connections, tokens {name:>6}: {median(costs):5.1f} µs per call, {added:+5.1f} µs")


if __name__ == "__main__":
    asked = sys.argv[1:]
    main(int(asked[0]) if asked else 5, float(asked[1]) if len(asked) > 1 else 2.0)
