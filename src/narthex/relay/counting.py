"""The tallies of this process: which of them a call is held against, and whether they can answer without waiting.

Knows: whom each limit counts apart, and for how long a tally is worth keeping. Refuses to decide (that is
`policy/rate`), and to know how leases are got (`relay/lending`).
"""

import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from time import perf_counter

from narthex.limits import (
    calendar_look_seconds,
    session_slots_max,
    tallies_looked_at_max,
    tallies_max,
    tally_idle_seconds,
)
from narthex.model.call import Call
from narthex.model.endpoint import Tool
from narthex.model.identity import Principal
from narthex.model.limit import MILLI, ONE_UNIT, TICKS_PER_SECOND, Limit, Window
from narthex.policy import rate
from narthex.policy.cost import beyond_the_call
from narthex.policy.tally import UNKNOWN, Bucket, Places, Purse, Tally
from narthex.relay.calendar import Span, span_of
from narthex.relay.lending import Leased, Lender
from narthex.relay.session_slots import SessionSlots

_KINDS: dict[str, type[Bucket] | type[Purse] | type[Places]] = {"rate": Bucket, "quota": Purse, "concurrent": Places}
_SURE = int(calendar_look_seconds * TICKS_PER_SECOND)
_IDLE = int(tally_idle_seconds * TICKS_PER_SECOND)
_OVERFLOW = "\x01"  # no caller is called so: where those count together for whom there is no room


class Book:
    """The tallies of one limit."""

    __slots__ = ("known", "tallies")

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}  # by whom they count apart
        self.known: dict[object, Tally] = {}  # the same by what a call has at hand; may be emptied at any time


class Counting:
    """One for the gateway."""

    def __init__(self, lender: Lender, tallies_max: int = tallies_max) -> None:
        self.lender = lender
        self._max = tallies_max
        self._books: dict[str, Book] = {}
        self._count = 0
        self._slots = SessionSlots()
        self._spans: dict[tuple[Window, str], Span] = {}
        self._walk: Iterator[tuple[Book, str]] = iter(())
        self._hands: dict[tuple[Principal, int, str], tuple[Tool, tuple[Tally, ...]]] = {}  # see `_at_hand`
        self._world = 0  # that they are of

    def __len__(self) -> int:
        return self._count

    # ---- a call --------------------------------------------------------------------------------------------------

    def ready(self, call: Call, seconds: float) -> bool:
        """Find the call's tallies; whether they can say yes or no. What they lack is asked for."""
        now = call.ticks = int(seconds * TICKS_PER_SECOND)
        cost = call.cost = call.settled.tariff.call
        tallies = call.tallies = self._at_hand(call)
        for tally in tallies:  # as it mostly is, nobody has to look closer
            if type(tally) is Bucket:
                room = tally.end - tally.low
                if tally.next < room and now + tally.limit.interval < room:
                    continue
            elif type(tally) is Purse:
                if now < tally.sure_until and tally.held > tally.low and tally.held >= cost and tally.held >= MILLI:
                    continue
            else:
                continue
            return self._look_closer(call, tallies, now, cost)
        return True

    def _look_closer(self, call: Call, tallies: Sequence[Tally], now: int, cost: int) -> bool:
        lacking: list[Leased] = []
        refused = False
        for tally in tallies:
            if isinstance(tally, Places):
                continue
            wait = self._low(tally, now) if isinstance(tally, Bucket) else self._look(tally, now, cost)
            if wait == UNKNOWN:
                lacking.append(tally)
            elif wait and not tally.limit.warns:
                refused = True
        return not lacking or refused or self._settled_alone(call, lacking, now)

    def _at_hand(self, call: Call) -> Sequence[Tally]:
        """The call's tallies, remembered for its caller and its tool as long as the same holds for both."""
        if call.world != self._world:
            if call.world < self._world:
                return self._gather(call)
            self._hands.clear()  # what held in another world keeps nothing alive
            self._world = call.world
        tool = call.tool
        place = call.principal, id(tool), call.endpoint.name
        found = self._hands.get(place)
        if found is not None and found[0] is tool:
            return found[1]
        tallies = self._gather(call)
        if tool is not None and not any(limit.per == "session" for limit in call.settled.limits):
            if len(self._hands) >= self._max:
                self._hands.clear()
            self._hands[place] = tool, tallies
        return tallies

    def _gather(self, call: Call) -> tuple[Tally, ...]:
        tallies: list[Tally] = []
        for limit in call.settled.limits:
            book = self._books.get(limit.identity)
            who: object = call.principal if limit.per == "principal" else self._apart(limit, call)
            tally = book.known.get(who) if book is not None else None
            if tally is None or tally.limit is not limit:
                tally = self._find(limit, who, call)
            tallies.append(tally)
        return tuple(tallies)

    async def fetch(self, call: Call) -> None:
        """Until the call's tallies can say yes or no: no longer than whoever keeps the counts may take to answer."""
        if not call.settled.limits or call.counted:
            return
        while not self.ready(call, perf_counter()):
            lacking = [tally for tally in call.tallies if not isinstance(tally, Places)]
            unknown = [tally for tally in lacking if tally.look(call.ticks, call.cost) == UNKNOWN]
            await self.lender.answers(unknown)

    def _low(self, bucket: Bucket, now: int) -> int:
        wait = bucket.look(now, 1)
        if wait == 0 and bucket.end - bucket.next <= bucket.low and bucket.blocked <= now and not bucket.later:
            self.lender.ask(bucket, 1)
        return wait

    def _look(self, purse: Purse, now: int, cost: int) -> int:
        limit, wall = purse.limit, time.time()
        span = self._spans.get((limit.window, limit.zone))
        if span is None or not span.begins <= wall < span.ends:
            span = self._spans[limit.window, limit.zone] = span_of(limit.window, limit.zone, wall)
        if purse.window != span.label:
            purse.begin(span.label)
        purse.ends = now + int((span.ends - wall) * TICKS_PER_SECOND)
        purse.sure_until = min(purse.ends, now + _SURE)  # somebody may set the clock
        wait = purse.look(now, cost)
        if wait == 0 and purse.held <= purse.low and not purse.blocked:
            self.lender.ask(purse, purse.need(cost))
        return wait

    def _settled_alone(self, call: Call, lacking: list[Leased], now: int) -> bool:
        """Leases are on their way; or, where nobody can give any, it is decided without them."""
        if not self.lender.lost:
            for tally in lacking:
                self.lender.ask(tally, tally.need(call.cost))
            return False
        if self.lender.lets_pass:
            call.tallies = [tally for tally in call.tallies if tally not in lacking]
        else:
            for tally in lacking:
                self.lender.alone(tally, tally.need(call.cost), now)
        return True

    def ended(self, call: Call) -> None:
        """The call is over, however it ended: its places are free, and what it cost is known."""
        if not call.spent:
            return
        tariff = call.settled.tariff
        extra = beyond_the_call(tariff, call.bytes_out, call.rows) if tariff is not ONE_UNIT else 0
        if extra:
            call.cost += extra
            for tally in call.spent:
                if type(tally) is Purse and tally.limit.costs:
                    tally.charge(extra)
        rate.leave(call)

    def look(self, call: Call) -> None:
        """The same tallies as they stand, for a call that is not made: nothing is spent, asked for, or remembered."""
        call.trial = True
        call.ticks, call.cost = int(perf_counter() * TICKS_PER_SECOND), call.settled.tariff.call
        call.tallies = [self._seen(limit, call) for limit in call.settled.limits]
        for tally in call.tallies:
            if type(tally) is Purse and tally.window:
                self._look_only(tally, call.ticks)

    def _seen(self, limit: Limit, call: Call) -> Tally:
        book = self._books.get(limit.identity)
        partition = self._partition(limit, call.principal if limit.per == "principal" else self._apart(limit, call))
        tally = book.tallies.get(partition) if book is not None else None
        return _KINDS[limit.kind](limit, b"") if tally is None else tally

    def _look_only(self, purse: Purse, now: int) -> None:
        span = span_of(purse.limit.window, purse.limit.zone, time.time())
        purse.ends = now + int((span.ends - time.time()) * TICKS_PER_SECOND)

    # ---- whom it counts apart ------------------------------------------------------------------------------------

    def _apart(self, limit: Limit, call: Call) -> str:
        per = limit.per
        if per == "server":
            return call.server
        if per == "tool":
            return f"{call.server}/{call.tool.private if call.tool is not None else call.method}"
        if per == "tenant":
            return call.principal.tenant
        if per == "endpoint":
            return call.endpoint.name
        caller = call.principal.key
        return f"{caller}\x00{self._slots.slot(caller, call.sitting.key if call.sitting is not None else '')}"

    def _partition(self, limit: Limit, who: object) -> str:
        return who if isinstance(who, str) else who.key  # type: ignore[attr-defined]

    def _find(self, limit: Limit, who: object, call: Call) -> Tally:
        book = self._books.get(limit.identity)
        if book is None:
            book = self._books[limit.identity] = Book()
        partition = self._partition(limit, who)
        tally = book.tallies.get(partition) or self._made(limit, partition, book)
        if tally.limit != limit and not isinstance(tally, Places):
            tally.blocked = 0  # another configuration may say more of the same limit
        tally.limit = limit
        if len(book.known) >= self._max:
            book.known.clear()
        book.known[who] = tally
        return tally

    def _made(self, limit: Limit, partition: str, book: Book) -> Tally:
        if self._count >= self._max and not self._make_room():
            partition = _OVERFLOW
            if partition in book.tallies:
                return book.tallies[partition]
        key = blake2b(f"{limit.identity}\x00{partition}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        tally = _KINDS[limit.kind](limit, key)
        if not isinstance(tally, Places):
            tally.era = self.lender.era
        if limit.per == "session" and isinstance(tally, Bucket):
            self._inherit(tally, partition, book)
        book.tallies[partition] = tally
        self._count += 1
        return tally

    def _inherit(self, bucket: Bucket, partition: str, book: Book) -> None:
        """A session nobody saw before owes what the most indebted one of the same caller owes."""
        caller, _, _ = partition.rpartition("\x00")
        others = (book.tallies.get(f"{caller}\x00{slot}") for slot in range(session_slots_max))
        bucket.full = max((other.full for other in others if isinstance(other, Bucket)), default=0)
        bucket.era = -1  # so that whoever keeps the counts is told

    # ---- forgetting ----------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Now and then: let go of some that nobody has asked for a long time."""
        now = int(perf_counter() * TICKS_PER_SECOND)
        looked = list(islice(self._walk, tallies_looked_at_max))
        if not looked:
            self._walk = iter([(book, partition) for book in self._books.values() for partition in book.tallies])
            for identity in [identity for identity, book in self._books.items() if not book.tallies]:
                del self._books[identity]
        for book, partition in looked:
            tally = book.tallies.get(partition)
            if tally is None:
                continue
            if type(tally) is Purse and tally.charged and not self.lender.lost:
                self.lender.ask(tally, 0)
            if self._may_go(tally, now) and _idle_since(tally) + _IDLE < now:
                self._forget(book, partition, now)

    def _make_room(self) -> bool:
        """Whether one could go that owes nothing, or whose debt is on record elsewhere."""
        now = int(perf_counter() * TICKS_PER_SECOND)
        for book in list(islice(self._books.values(), tallies_looked_at_max)):
            for partition in list(islice(book.tallies, tallies_looked_at_max)):
                if self._may_go(book.tallies[partition], now):
                    self._forget(book, partition, now)
                    return True
        return False

    def _may_go(self, tally: Tally, now: int) -> bool:
        if isinstance(tally, Places):
            return not tally.taken
        if tally.asked:
            return False
        if isinstance(tally, Bucket):  # without whoever keeps the counts, what it owes is known only here
            return tally.full <= now or (not self.lender.lost and tally.era == self.lender.era)
        return not tally.charged and not self.lender.lost

    def _forget(self, book: Book, partition: str, now: int) -> None:
        tally = book.tallies.pop(partition)
        book.known.clear()
        self._hands.clear()
        self._count -= 1
        if not isinstance(tally, Places):
            self.lender.give_back(tally, now)

    async def aclose(self) -> None:
        """A clean end: what was not spent is given back."""
        now = int(perf_counter() * TICKS_PER_SECOND)
        for book in self._books.values():
            for tally in book.tallies.values():
                if not isinstance(tally, Places):
                    self.lender.give_back(tally, now)
        await self.lender.aclose()


def _idle_since(tally: Tally) -> int:
    if isinstance(tally, Bucket):
        return max(tally.full, tally.end, tally.blocked)
    return 0 if isinstance(tally, Places) else tally.used_at
