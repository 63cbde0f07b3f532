"""API keys, as a running gateway knows them: all of them in memory, at most a moment old.

Knows: which key is whose, and how fresh that knowledge is. Refuses to know: HTTP, and what a caller may do.

No request waits for the disk. One task looks at the state database (`PRAGMA data_version`, some microseconds, in a
thread of our own) and reads the keys anew when any process has made, replaced or revoked one. If it cannot look, no
key is good any more after `api_key_blind_seconds_max`: one of them may have been revoked meanwhile.
"""

import time
from collections.abc import Callable, Mapping
from hmac import compare_digest
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from narthex.identity.key_uses import KeyUses
from narthex.limits import api_key_blind_seconds_max, api_key_look_seconds, api_key_use_seconds
from narthex.model.identity import Principal, Refusal
from narthex.store.api_keys import KeyRecord, KeyStore
from narthex.store.database import Database, Mark
from narthex.store.desk import Desk
from narthex.store.following import Following, Told
from narthex.wire.api_key import MARK, digest_of, looks_like_key, prefix_of

_BROKEN = Refusal(401, "invalid_token", "This API key is damaged: it was cut, mistyped or made up. Send it whole.")
_UNKNOWN = Refusal(401, "invalid_token", "This API key is not known here. Ask who runs this gateway for one.")
_BLIND = Refusal(
    503, "", "API keys cannot be checked now: the gateway cannot read its state folder.", retry_after_seconds=5
)
_NOBODY = digest_of("")  # compared where there is no such key, so that both ways take as long

Found = tuple[KeyRecord, Principal]


class Pace(NamedTuple):
    """How often, and how long: what no operator sets, and a test may hurry."""

    look_seconds: float = api_key_look_seconds
    blind_seconds: float = api_key_blind_seconds_max
    use_seconds: float = api_key_use_seconds


class _World(NamedTuple):
    """What one look has found."""

    mark: Mark = (0, 0)
    changes: int = -1
    keys: Mapping[str, Found] = MappingProxyType({})  # by prefix


class ApiKeys:
    """The keys of one state folder. `on_change` is called when what is known of keys may not hold any more."""

    def __init__(
        self,
        folder: Path,
        *,
        on_change: Callable[[], None] = lambda: None,
        say: Callable[[str, str], None] = lambda _level, _sentence: None,
        pace: Pace = Pace(),
    ) -> None:
        self.on_change = on_change
        self._folder, self._say, self._pace = folder, say, pace
        self._desk = Desk("keys")  # another one than that of the uses: who reads never stands behind who writes
        self._database: Database | None = None
        self._world = _World()
        self._blind = True  # until somebody has looked
        self.looks = 0  # good ones
        self._uses = KeyUses(folder, say, pace.use_seconds)

    def __len__(self) -> int:
        return len(self._world.keys)

    def __repr__(self) -> str:
        return f"<ApiKeys {len(self)} keys{', blind' if self._blind else ''}>"

    # Asking

    def known(self, token: str, now: float) -> Principal | Refusal | None:
        """Whose key it is, without waiting. None: this is no API key. `now`: seconds since the epoch."""
        if not looks_like_key(token):
            return None
        if self._blind:
            return _BLIND
        prefix = prefix_of(token)
        if prefix is None:
            return _BROKEN
        found = self._world.keys.get(prefix)
        is_it = compare_digest(digest_of(token), found[0].digest if found else _NOBODY)
        if found is None or not is_it:
            return _UNKNOWN
        record, who = found
        if record.is_good(now):
            self._uses.note(prefix, now)
            return who
        return _void(record, now)  # whoever holds the whole key may know its fate

    def of_prefix(self, prefix: str, now: float) -> Principal | Refusal | None:
        """Whose key begins so, for an operator who asks; None: there is no such key."""
        if self._blind:
            return _BLIND
        found = self._world.keys.get(prefix)
        if found is None:
            return None
        return found[1] if found[0].is_good(now) else _void(found[0], now)

    async def find(self, token: str, now: float) -> Principal | Refusal | None:
        """The same as `known`: everything is in memory."""
        return self.known(token, now)

    def stands(self, who: Principal, now: float) -> bool:
        """Whether the key of this caller is good, as far as can be known now."""
        found = self._world.keys.get(_prefix(who))
        return found is not None and not self._blind and found[0].is_good(now)

    def touch(self, who: Principal, now: float) -> None:
        """This caller's key was used, although nobody asked us: what it is good for had been remembered."""
        prefix = _prefix(who)
        if prefix in self._world.keys:
            self._uses.note(prefix, now)

    def records(self) -> list[KeyRecord]:
        """Every key, the oldest first, with what is not written yet of its use."""
        return [_with_use(record, self._uses.last(prefix)) for prefix, (record, _) in self._world.keys.items()]

    # Living

    async def start(self) -> None:
        """Open the database and read the keys. Raises `StateFault`."""
        self._database = await self._desk.do(lambda: Database(self._folder))
        self._adopt(await self._desk.do(self._look))
        self._become(blind=False)

    async def follow(self) -> None:
        """Look for changes until cancelled. Whoever starts this awaits its end; from then on no key is good."""
        seconds = self._pace.blind_seconds
        told = Told(f"API keys cannot be read, and are refused from {seconds:g} s on", "API keys can be read again")
        try:
            await Following(self._desk, self._look, self._looked, self._say, told).run(
                self._pace.look_seconds, self._beat
            )
        finally:
            self._become(blind=True)

    def _beat(self, unseen_seconds: float) -> None:
        self._become(blind=unseen_seconds > self._pace.blind_seconds)
        self._uses.tick(time.monotonic())

    async def aclose(self) -> None:
        """Write down what is left, and close. `follow` has ended by now."""
        self._become(blind=True)
        await self._uses.aclose()
        database, self._database = self._database, None
        if database is not None:
            await self._desk.do(database.close)
        self._desk.close()

    def _looked(self, world: "_World | None") -> None:
        self._adopt(world)
        self.looks += 1

    def _adopt(self, world: "_World | None") -> None:
        if world is None:
            return
        is_news = world.keys is not self._world.keys
        self._world = world
        if is_news:
            self.on_change()

    def _become(self, *, blind: bool) -> None:
        if blind == self._blind:
            return
        self._blind = blind
        self.on_change()

    def _look(self) -> "_World | None":
        """On the desk: the keys as they are now; None if nothing was written since."""
        database, before = self._database, self._world
        assert database is not None, "start() has opened it"
        # The mark first: what is written between the two is seen again by the next look.
        mark, store = database.mark(), KeyStore(database)
        if mark == before.mark:
            return None
        changes = store.changes()
        if mark[0] == before.mark[0] and changes == before.changes:
            return _World(mark, changes, before.keys)  # somebody wrote something else
        keys = {record.prefix: _found(record, before.keys.get(record.prefix)) for record in store.records()}
        return _World(mark, changes, keys)


def _found(record: KeyRecord, before: Found | None) -> Found:
    """One object per key, as long as the key means the same."""
    who = _principal(record)
    if before is not None and _same(before[1], who):
        who = before[1]
    return record, who


def _prefix(who: Principal) -> str:
    """Of the key by which this caller is known; a token that claims to have one has none."""
    return str(who.claims.get("key", "")).removeprefix(MARK) if who.how == "key" else ""


def _principal(record: KeyRecord) -> Principal:
    return Principal(
        subject=record.name,
        tenant=record.tenant,
        scopes=frozenset(record.scopes),
        claims={"key": f"{MARK}{record.prefix}"},
        how="key",
        endpoints=None if record.endpoints is None else frozenset(record.endpoints),
        expires=record.expires,
    )


def _same(one: Principal, other: Principal) -> bool:
    return (one.key, one.scopes, one.endpoints, one.expires) == (
        other.key,
        other.scopes,
        other.endpoints,
        other.expires,
    )


def _void(record: KeyRecord, now: float) -> Refusal:
    replaced = f", and was replaced by {MARK}{record.replaced_by}" if record.replaced_by else ""
    if record.state(now) == "revoked":
        what = f"The API key {MARK}{record.prefix} was revoked on {_day(record.revoked or now)}{replaced}."
    else:
        what = f"The API key {MARK}{record.prefix} expired on {_day(record.expires)}{replaced}."
    return Refusal(401, "invalid_token", f"{what} Ask who runs this gateway for a new one.")


def _with_use(record: KeyRecord, used: float | None) -> KeyRecord:
    if used is None or used <= (record.used or 0.0):
        return record
    return msgspec.structs.replace(record, used=used)


def is_guess(refusal: Refusal) -> bool:
    """Whether whoever sent this has never held a key of ours. One that is expired or revoked is no guess."""
    return refusal is _BROKEN or refusal is _UNKNOWN


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
