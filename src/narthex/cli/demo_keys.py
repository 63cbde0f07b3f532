"""A key for each team of the demo, good for as long as it runs.

Knows: how they are made, and that they end with the demo. Refuses to know: how they are shown.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from narthex.cli.acting import acting
from narthex.libraries.demo import TEAMS
from narthex.store.api_keys import KeyFault, KeyStore, Terms
from narthex.store.database import Database
from narthex.store.folder import StateFault, prepared
from narthex.wire.api_key import MARK

_DAYS = 7.0  # of a demo that was killed, and could not end its keys


@contextmanager
def team_keys(state: Path) -> Iterator[dict[str, str]]:
    """The keys by team. Raises `StateFault` and `KeyFault`, with a sentence each."""
    prefixes, keys = [], {}
    with _store(state) as store:
        now = time.time()
        taken = {one.name for one in store.records() if one.is_good(now)}
        for team, scopes in TEAMS.items():
            # Another demo may run on this folder: its keys are left alone.
            name = next(
                name for number in count(1) if (name := team if number == 1 else f"{team}-{number}") not in taken
            )
            made = store.create(Terms(name=name, scopes=scopes, endpoints=(team,), expires=now + _DAYS * 86_400), now)
            keys[team] = made.key.token
            prefixes.append(made.record.prefix)
    try:
        with acting(state, None) as act:
            for prefix, team in zip(prefixes, TEAMS, strict=True):
                act("key.created", f"{MARK}{prefix}", f"of {team}, for the demo")
        yield keys
    finally:
        _end(state, prefixes)


def _end(state: Path, prefixes: list[str]) -> None:
    """What cannot be ended now ends by itself in a week."""
    with suppress(StateFault, KeyFault), _store(state) as store, acting(state, None, needed=False) as act:
        for prefix in prefixes:
            store.revoke(prefix, time.time())
            act("key.revoked", f"{MARK}{prefix}", "the demo has ended")


@contextmanager
def _store(state: Path) -> Iterator[KeyStore]:
    database = Database(prepared(state))
    try:
        yield KeyStore(database)
    finally:
        database.close()
