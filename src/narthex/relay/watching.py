"""Definitions as a running gateway watches them: pinned when they are first seen, and what was decided about each.

Knows: what every server offers and what is on disk of it, at most a moment old, whichever process wrote it. Refuses to
judge (that is `catalog/verdicts`), and to know who is shown what.

No call waits for the disk: a catalogue does, before it is published. One task looks at the state database (some
microseconds, in a thread of our own); where it cannot look, nothing that some rule would hide is shown after
`pin_blind_seconds_max`, because somebody may have rejected it meanwhile.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from narthex.catalog.pins import seen_of
from narthex.catalog.settling import speaks_of
from narthex.limits import (
    definition_scores_kept_max,
    definitions_scored_at_once,
    pin_blind_seconds_max,
    pin_look_seconds,
    poison_score_alarm,
)
from narthex.model.config import Config
from narthex.model.offer import Offer
from narthex.model.pin import NOTHING_KNOWN, Kind, Known, Pin, Seen, Sighting, Watched
from narthex.relay.suspecting import Names, Suspecting, Wanted, suspicion_of
from narthex.store.database import Database, Mark
from narthex.store.desk import Desk
from narthex.store.following import Following, Told
from narthex.store.pins import PinStore
from narthex.telemetry.owned import Owned


class Pace(NamedTuple):
    """What no operator sets, and a test may hurry."""

    look_seconds: float = pin_look_seconds
    blind_seconds: float = pin_blind_seconds_max


class _World(NamedTuple):
    """What one look has found."""

    turn: int = 0  # looks in their order: the answer to an earlier one may be heard later
    mark: Mark = (0, 0)
    changes: int = -1
    known: Mapping[str, Known] = {}


class _Heard(NamedTuple):
    """What was read of one offer, and the texts it was read from."""

    texts: tuple[Any, ...]
    seen: Seen


class Watching:
    """The definitions of all servers, and the pins of one state folder.

    `on_change` is called when something may be shown that was not, or the reverse.
    """

    def __init__(self, folder: Path, owned: Owned, say: Callable[[str, str], None], pace: Pace = Pace()) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.blind = False
        self._folder, self._owned, self._say, self._pace = folder, owned, say, pace
        self._desk, self._study = Desk("pins"), Desk("definitions")
        self._database: Database | None = None
        self._following: asyncio.Task[None] | None = None
        self._world = _World()
        self._on_desk = _World()  # the same, as the desk knows it
        self._unwritten = ""  # why the last writing was none
        self._retry_at = 0.0
        self._heard: dict[str, _Heard] = {}
        self._watched: dict[str, Watched] = {}
        self._suspecting = Suspecting()
        self._idle_scores: dict[str, dict[str, float]] = {}  # of servers about which no rule says anything
        self._told: set[tuple[str, str]] = set()
        self._pondering: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # whoever looks at a whole catalogue has it
        self._closed = False

    # ---- asking

    def seen(self) -> dict[str, Seen]:
        """What every server offers now."""
        return {server: heard.seen for server, heard in self._heard.items()}

    def known(self) -> Mapping[str, Known]:
        return self._world.known

    def names(self) -> Names:
        """Every tool of every server."""
        return _names(self.seen())

    def scores(self) -> dict[tuple[str, str], float]:
        """How much definitions look like attacks, by server and fingerprint, as far as it was found out."""
        found = {}
        for server, watched in self._watched.items():
            both = {**self._idle_scores.get(server, {}), **watched.scores}
            found.update({(server, fingerprint): score for fingerprint, score in both.items()})
        return found

    def suspects(self) -> dict[str, int]:
        """How many definitions of each server look like attacks, and were approved by nobody."""
        scores, found = self.scores(), {}
        for server, watched in self._watched.items():
            offered = {one.fingerprint for one in watched.seen.all() if not _decided(watched.known, one)}
            found[server] = sum(scores.get((server, one), 0.0) >= poison_score_alarm for one in offered)
        return found

    async def watched(self, config: Config, offers: Mapping[str, Offer]) -> dict[str, Watched]:
        """What the catalogue has to know of definitions: each is pinned before anybody is shown it."""
        async with self._turn:
            if self._closed:
                return self._watched
            await self._keep(await self._study.do(partial(self._listen, offers)))
            self._watched = await self._study.do(partial(self._all, everywhere=speaks_of(config, "definitions")))
        self._ponder()
        return self._watched

    # ---- deciding

    async def approve(self, server: str, kind: Kind, name: str, fingerprint: str, by: str) -> Pin:
        """Raises `PinFault`, `StateFault`."""
        return await self._decided(lambda store: store.approve(server, kind, name, fingerprint, by, time.time()))

    async def reject(self, server: str, kind: Kind, name: str, fingerprint: str, by: str) -> Pin:
        """Raises `PinFault`, `StateFault`."""
        return await self._decided(lambda store: store.reject(server, kind, name, fingerprint, by, time.time()))

    async def _decided(self, decide: Callable[[PinStore], Pin]) -> Pin:
        database = self._opened()

        def work() -> tuple[Pin, _World]:
            return decide(PinStore(database)), self._loaded(database.mark())

        pin, world = await self._desk.do(work)
        self._adopt(world)
        return pin

    # ---- living

    async def start(self) -> None:
        """Open the database and read the pins. Raises `StateFault`: without them nobody can tell what may be shown."""
        self._database = await self._desk.do(lambda: Database(self._folder))
        world = await self._desk.do(self._look)
        self._world = world or self._world
        self._following = self._owned.start(self._follow(), "pins")

    async def _follow(self) -> None:
        """Look for changes until cancelled."""
        seconds = self._pace.blind_seconds
        told = Told(
            f"Pins cannot be read. From {seconds:g} s on nothing is shown that may be quarantined",
            "Pins can be read again",
        )
        following = Following(self._desk, self._look, self._adopt, self._say, told)
        await following.run(self._pace.look_seconds, self._beat)

    async def aclose(self) -> None:
        async with self._turn:
            self._closed = True  # first: whoever has the turn would go on pondering when it is over
        for task in (self._following, self._pondering):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        database, self._database = self._database, None
        if database is not None:
            await self._desk.do(database.close)
        self._desk.close()
        self._study.close()

    def _adopt(self, world: _World | None) -> None:
        if world is None or world.turn <= self._world.turn:
            return
        before, self._world = self._world.known, world
        if world.known != before:
            self.on_change()

    def _beat(self, unseen_seconds: float) -> None:
        blind = unseen_seconds > self._pace.blind_seconds
        if blind != self.blind:
            self.blind = blind
            self.on_change()
        self._try_again()

    def _try_again(self) -> None:
        """What could not be written down is hidden where a rule would hide anything: only until it can."""
        if self._unwritten and time.monotonic() >= self._retry_at:
            self._retry_at = time.monotonic() + self._pace.blind_seconds
            self.on_change()

    # ---- on the desk

    def _look(self) -> _World | None:
        """The pins as they are now; None if nothing was written since."""
        database, before = self._opened(), self._on_desk
        # The mark first: what is written between the two is seen again by the next look.
        mark = database.mark()
        if mark == before.mark:
            return None
        if mark[0] == before.mark[0] and PinStore(database).changes() == before.changes:
            self._on_desk = before._replace(mark=mark)  # somebody wrote something else
            return None
        return self._loaded(mark)

    def _loaded(self, mark: Mark) -> _World:
        store, before = PinStore(self._opened()), self._on_desk
        changes, known = store.changes(), store.known()
        for server, one in known.items():
            if before.known.get(server) == one:
                known[server] = before.known[server]  # the same object, as long as it says the same
        self._on_desk = _World(before.turn + 1, mark, changes, known)
        return self._on_desk

    def _opened(self) -> Database:
        assert self._database is not None, "start() has opened it"
        return self._database

    # ---- first sight

    async def _keep(self, fresh: Mapping[str, Seen]) -> None:
        """Write down what was never seen before."""
        if not fresh:
            return
        database = self._opened()

        def work() -> _World:
            for server, seen in fresh.items():
                PinStore(database).observe(server, seen.version, list(seen.all()), time.time())
            return self._loaded(database.mark())

        try:
            world = await self._desk.do(work)
        except OSError as fault:  # `StateFault`: a full disk, a lock that somebody holds
            if not self._unwritten:
                self._say("error", f"What servers say of their tools cannot be pinned: {fault}")
            self._unwritten = str(fault)
            self._retry_at = time.monotonic() + self._pace.blind_seconds
            return
        self._unwritten = ""
        if world.turn > self._world.turn:
            self._world = world  # whoever asked is about to compile with it

    # ---- in the study

    def _listen(self, offers: Mapping[str, Offer]) -> dict[str, Seen]:
        """Take over what servers say. Returns those that say something that nobody has seen before."""
        self._heard = _read(offers, self._heard)
        return {server: seen for server, seen in self.seen().items() if self._unkept(server, seen)}

    def _unkept(self, server: str, seen: Seen) -> frozenset[str]:
        known = self._world.known.get(server, NOTHING_KNOWN)
        return frozenset(one.fingerprint for one in seen.all() if known.of(one.named, one.fingerprint) is None)

    def _all(self, *, everywhere: bool) -> dict[str, Watched]:
        seen = self.seen()
        scores = self._scores(seen, everywhere=everywhere)
        return {server: self._of(server, one, scores.get(server, {})) for server, one in seen.items()}

    def _of(self, server: str, seen: Seen, scores: Mapping[str, float]) -> Watched:
        """The same object as long as nothing is different: what was compiled with it is good then."""
        known = self._world.known.get(server, NOTHING_KNOWN)
        unkept = self._unkept(server, seen)
        before = self._watched.get(server)
        if before is not None and before.seen is seen and before.known is known:
            same = (before.blind, before.unkept, before.scores) == (self.blind, unkept, scores)
            if same:
                return before
        return Watched(seen, known, scores, self.blind, unkept)

    def _scores(self, seen: Mapping[str, Seen], *, everywhere: bool) -> dict[str, dict[str, float]]:
        """Of what nobody has decided about. Where no rule can ask for it, that is done later, and for the log only."""
        known = self._world.known
        asked = [server for server in seen if everywhere or known.get(server, NOTHING_KNOWN).locked]
        wanted = [one for server in asked for one in self._undecided(server, seen[server])]
        return self._suspecting.scores(wanted, _names(seen)) if wanted else {}

    def _undecided(self, server: str, seen: Seen) -> Iterator[Wanted]:
        known = self._world.known.get(server, NOTHING_KNOWN)
        for one in seen.all():
            if _decided(known, one):
                continue
            yield Wanted(server, one)
            base = known.pinned(one.named)
            if base is not None and not base.approved and base.fingerprint != one.fingerprint:
                yield Wanted(server, base)  # it may be what is shown instead

    # ---- what looks like an attack, and no rule asks

    def _ponder(self) -> None:
        if not self._closed and (self._pondering is None or self._pondering.done()):
            self._pondering = self._owned.start(self._suspect(), "definitions.suspect")

    async def _suspect(self) -> None:
        """Score the rest, and say what looks like an attack although no rule asks. A few at a time: a catalogue that
        is to be published goes first."""
        pondered: dict[str, Watched] | None = None
        while pondered is not self._watched:
            pondered = self._watched
            self._idle_scores = await self._idle(pondered)

    async def _idle(self, watched: Mapping[str, Watched]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        seen = {server: one.seen for server, one in watched.items()}
        idle = [server for server in seen if not watched[server].scores]
        wanted = await self._study.do(lambda: [one for server in idle for one in self._undecided(server, seen[server])])
        names = _names(seen)
        for some in _batched(wanted, definitions_scored_at_once):
            scores = await self._study.do(partial(self._suspecting.scores, some, names))
            for server, one in some:
                score = found.setdefault(server, {})[one.fingerprint] = scores[server][one.fingerprint]
                if score >= poison_score_alarm and self._anew(server, one):
                    self._say("warning", suspicion_of(server, one, score))
        return found

    def _anew(self, server: str, one: Sighting | Pin) -> bool:
        """Whether nobody was told of it yet."""
        if (server, one.fingerprint) in self._told:
            return False
        if len(self._told) >= definition_scores_kept_max:
            self._told.clear()
        self._told.add((server, one.fingerprint))
        return True


def _batched(wanted: Sequence[Wanted], size: int) -> Iterator[Sequence[Wanted]]:
    return (wanted[start : start + size] for start in range(0, len(wanted), size))


def _read(offers: Mapping[str, Offer], before: Mapping[str, _Heard]) -> dict[str, _Heard]:
    """In the study. What says the same as before is not read again."""
    found = {}
    for server, offer in offers.items():
        texts = (offer.tools, offer.prompts, offer.instructions, offer.server_info.get("version"))
        heard = before.get(server)
        found[server] = heard if heard is not None and heard.texts == texts else _Heard(texts, seen_of(offer))
    return found


def _names(seen: Mapping[str, Seen]) -> Names:
    return frozenset((server, one.name) for server, there in seen.items() for one in there.tools if one is not None)


def _decided(known: Known, one: Sighting) -> bool:
    pin = known.of(one.named, one.fingerprint)
    return pin is not None and (pin.approved or pin.state == "rejected")
