"""The public keys of one issuer: kept, renewed in the background, and never asked for more often than is decent.

Knows: when a set of keys is fresh, old, or too old, and what a key that is not in it may cost. Refuses to know: how a
set is fetched (it is handed `load`), and what the keys sign.

- Younger than half its life: used. Older: used, and renewed in the background. Older than its life: renewed first.
- A renewal that fails leaves the last good set in force for a day, for the keys it holds.
- A key id that is in no set may be news: it causes one renewal in half a minute, and if it is still not there it is
  remembered as such. A stranger who invents key ids causes no more than that.
- A key that vanished from the set was taken back: whoever remembers what it signed is told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from narthex.identity.signature import Key, Material, key_of
from narthex.limits import (
    issuer_keys_max,
    issuer_keys_seconds_max,
    issuer_keys_stale_seconds_max,
    issuer_retry_seconds_max,
    issuer_retry_seconds_min,
    issuer_unknown_key_seconds,
    issuer_unknown_keys_max,
    issuer_unknown_keys_seconds_max,
    signatures_tried_max,
)
from narthex.telemetry.owned import Owned
from narthex.upstream.fetch import FetchFault

Say = Callable[[str, str], None]  # (level, sentence): a line for the operator
Found = tuple[Key, ...]


class Unreachable(Exception):
    """Nobody can tell now; `retry_after_seconds` says when to ask again."""

    def __init__(self, text: str, retry_after_seconds: int) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class Keyring:
    """The keys of one issuer. `taken_back` is called when one of them is gone."""

    def __init__(
        self,
        issuer: str,
        load: Callable[[], Awaitable[Found]],
        *,
        owned: Owned,
        clock: Callable[[], float],
        say: Say,
        taken_back: Callable[[], None],
    ) -> None:
        self.issuer = issuer
        self.fetches = 0
        self._load, self._owned, self._clock, self._say, self._taken_back = load, owned, clock, say, taken_back
        self._keys: Found | None = None
        self._by_kid: dict[str | None, Found] = {}
        self._loaded_at = 0.0
        self._retry_at = 0.0
        self._failures = 0
        self._asked_unknown_at = -issuer_unknown_key_seconds
        self._absent: dict[str, float] = {}  # key id -> until when it need not be asked for
        self._flight: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Keyring {self.issuer}: {len(self._keys or ())} keys, {self._failures} failures>"

    async def find(self, kid: str | None, algorithm: str) -> Found:
        """The keys that may have made such a signature; none if there is no such key. Raises Unreachable."""
        now = self._clock()
        age = now - self._loaded_at
        if self._keys is None or age >= issuer_keys_seconds_max:
            if now >= self._retry_at:
                await self._renewed()
        elif age >= issuer_keys_seconds_max / 2 and now >= self._retry_at:
            self._renew()
        found = self._fitting(kid, algorithm)
        if found or kid is None:
            return found
        return await self._unknown(kid, algorithm)

    def warm(self) -> None:
        """Fetch the keys before somebody waits for them."""
        if self._keys is None and self._clock() >= self._retry_at:
            self._renew()

    def _fitting(self, kid: str | None, algorithm: str) -> Found:
        keys = self._keys
        if keys is None or self._clock() - self._loaded_at > issuer_keys_stale_seconds_max:
            raise Unreachable(f"The keys of {self.issuer} cannot be fetched.", self._wait())
        if kid is not None:
            keys = self._by_kid.get(kid, ())
        return tuple(key for key in keys if key.serves(algorithm))[:signatures_tried_max]

    async def _unknown(self, kid: str, algorithm: str) -> Found:
        if self._flight is not None:  # somebody is asking already: perhaps this key comes with it
            await self._renewed()
            if found := self._fitting(kid, algorithm):
                return found
        now = self._clock()
        if now < self._absent.get(kid, 0.0):
            return ()
        if now >= self._asked_unknown_at + issuer_unknown_key_seconds:
            self._asked_unknown_at = now
            await self._renewed()
            found = self._fitting(kid, algorithm)
            if found or not self._failures:
                if not found:
                    self._remember_absent(kid)
                return found
        if self._failures:  # the key may be a new one, and nobody can tell
            raise Unreachable(f"The keys of {self.issuer} cannot be fetched.", self._wait())
        return ()

    def _remember_absent(self, kid: str) -> None:
        now = self._clock()
        if len(self._absent) >= issuer_unknown_keys_max:
            self._absent = {one: until for one, until in self._absent.items() if until > now}
        if len(self._absent) >= issuer_unknown_keys_max:
            del self._absent[next(iter(self._absent))]
        self._absent[kid] = now + issuer_unknown_keys_seconds_max

    def _wait(self) -> int:
        return max(1, round(self._retry_at - self._clock()))

    # Renewal: one at a time, whoever asks.

    def _renew(self) -> asyncio.Task[None]:
        if self._flight is None:
            self._flight = self._owned.start(self._fetch(), "keys")
            self._flight.add_done_callback(self._landed)
        return self._flight

    async def _renewed(self) -> None:
        """Wait for a renewal. Who leaves while waiting does not end it for the others."""
        flight = self._renew()
        await asyncio.wait({flight})

    def _landed(self, _: object) -> None:
        self._flight = None

    async def _fetch(self) -> None:
        self.fetches += 1
        try:
            keys = await self._load()
        except FetchFault as fault:
            self._failed(str(fault))
            return
        before, self._keys, self._loaded_at = self._keys, keys, self._clock()
        self._by_kid = _by_kid(keys)
        self._retry_at = 0.0
        for kid in self._by_kid:
            self._absent.pop(kid or "", None)
        if self._failures:
            self._say("info", f"The keys of {self.issuer} can be fetched again")
            self._failures = 0
        if before is not None and _materials(before) - _materials(keys):
            self._taken_back()

    def _failed(self, text: str) -> None:
        self._failures += 1
        wait = min(issuer_retry_seconds_min * 2 ** min(self._failures - 1, 10), issuer_retry_seconds_max)
        self._retry_at = self._clock() + wait
        if self._failures == 1:  # once per outage; whoever is refused because of it is told each time
            held = "the last ones are used" if self._keys is not None else "its tokens are refused until they can be"
            self._say("warning", f"The keys of {self.issuer} cannot be fetched, {held}: {text}")


def keys_of(document: Any, where: str) -> Found:
    """The keys in a JSON Web Key Set (RFC 7517, 5); those of kinds we do not use are left out. Raises FetchFault."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise FetchFault("json", f"{where} holds no set of keys")
    if len(listed) > issuer_keys_max:
        raise FetchFault("too_many", f"{where} holds more than {issuer_keys_max} keys")
    found = tuple(key for jwk in listed if (key := key_of(jwk)) is not None)
    if not found:
        raise FetchFault("no_keys", f"{where} holds no key that could have signed a token")
    return found


def _by_kid(keys: Found) -> dict[str | None, Found]:
    found: dict[str | None, Found] = {}
    for key in keys:
        found[key.kid] = (*found.get(key.kid, ()), key)
    return found


def _materials(keys: Found) -> set[tuple[str | None, Material]]:
    return {(key.kid, key.material) for key in keys}
