"""The access tokens for one server: got once for all who wait, kept until shortly before their end, in memory alone.

Knows: for whom a token is good, and when another is needed. Refuses to know: how one is got (that is a grant).

A token got on behalf of a caller is found only with the very token that caller showed: neither another caller, nor
the same one with other rights, can be given it.
"""

import asyncio
import time
from collections.abc import Callable
from math import inf

from narthex.limits import (
    access_token_told_seconds,
    access_token_wait_seconds_max,
    access_tokens_looked_at_max,
    access_tokens_per_server_max,
    step_ups_max,
)
from narthex.model.caller import Caller, Known
from narthex.telemetry.owned import Owned
from narthex.telemetry.scrub import MASK
from narthex.upstream.credentials.challenge import challenge_of
from narthex.upstream.credentials.entry import Entry
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.grants import Grant
from narthex.upstream.http.passes import NO_PASS, Pass
from narthex.upstream.http.reply import HttpReply

Say = Callable[[str, str], None]  # (level, sentence) for the operator
_OWN = b""


class Tokens:
    """`own`: how the gateway gets a token where nobody calls; None: it shows nothing then.
    `behalf`: how it gets one on behalf of a caller; None: callers are shown the gateway's own.
    `borrows`: where nobody calls, it asks as one of its callers, and as the same one as long as that is possible."""

    def __init__(self, own: Grant | None, behalf: Grant | None, owned: Owned, say: Say, *, borrows: bool) -> None:
        self._own, self._behalf, self._borrows = own, behalf, borrows
        self._lender: Known | None = None
        self._owned, self._say = owned, say
        self._entries: dict[
            bytes, Entry
        ] = {}  # by digest of the caller's token; in the order in which they were asked for
        self._loop = asyncio.get_running_loop()
        self._said: dict[str, float] = {}  # to the operator, and when
        self._closed = False

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def personal(self) -> bool:
        return self._behalf is not None

    @property
    def borrows(self) -> bool:
        return self._borrows

    def lend(self, caller: Caller) -> bool:
        voucher, before = caller.principal.voucher, self._lender
        if not self._borrows or voucher is None:
            return False
        if before is not None and before.principal.voucher is not None and before.principal.expires > time.time():
            entry = self._entries.get(before.principal.voucher.digest)
            if entry is None or entry.trouble is None or before.principal.voucher.digest == voucher.digest:
                return False
        self._lender = Known(caller.principal)
        return True

    def ready(self, caller: Caller | None) -> Pass | None:
        caller = self._asking(caller)
        if self._is_own(caller):
            if self._own is None:
                return NO_PASS
            entry = self._entries.get(_OWN)
        else:
            voucher = caller.principal.voucher if caller is not None else None
            entry = self._entries.get(voucher.digest) if voucher is not None else None
        if entry is None:
            return None
        now = self._loop.time()
        shown = entry.good(now)
        if shown is not None and now >= entry.refresh_at:
            self._fetch(entry)
        return shown

    async def get(self, caller: Caller | None, at: float) -> Pass:
        caller = self._asking(caller)
        shown = self.ready(caller)
        return shown if shown is not None else await self._wait(self._entry(caller), at)

    async def refused(self, shown: Pass, caller: Caller | None, reply: HttpReply, at: float) -> Pass | None:
        caller = self._asking(caller)
        if self._own is None and self._is_own(caller):
            return None
        entry = self._entry(caller)
        if entry.token is not shown.token:
            return await self.get(caller, at)  # another request has seen to it already
        entry.challenge = challenge_of(reply)
        if reply.status == 403:
            return await self._stepped_up(entry, at)
        if entry.dropped:
            return await self._wait(entry, at)
        if not entry.scopes and not self._grant(entry).scopes:
            entry.scopes = entry.challenge.scopes
        if not entry.drop(self._loop.time()):
            raise CredentialFault(
                "it refused our credentials (HTTP 401)",
                "it refuses a fresh token as well (HTTP 401): check that it trusts this issuer, and that tokens for "
                "it are issued with its address as audience (`resource`, `audience`)",
            )
        return await self._wait(entry, at)

    def hide(self, text: str) -> str:
        for entry in self._entries.values():
            if entry.token is not None and entry.token.value in text:
                text = text.replace(entry.token.value, MASK)
        for grant in (self._own, self._behalf):
            text = grant.hide(text) if grant is not None else text
        return text

    async def aclose(self) -> None:
        self._closed = True
        flights = []
        for entry in self._entries.values():
            if entry.timer is not None:
                entry.timer.cancel()
            if entry.flight is not None:
                entry.flight.cancel()
                flights.append(entry.flight)
        self._entries.clear()
        if flights:
            await asyncio.wait(flights)

    # ---- one token ---------------------------------------------------------------------------------------------

    async def _wait(self, entry: Entry, at: float) -> Pass:
        """The token, as soon as somebody has got it. Raises CredentialFault."""
        now = self._loop.time()
        if entry.trouble is not None and now < entry.trouble.until:
            raise self._told(entry, now)
        await self._flown(self._fetch(entry), at)
        now = self._loop.time()
        shown = entry.good(now)
        if shown is not None:
            return shown
        if entry.trouble is None:
            raise CredentialFault("no access token for it could be had in time", retry_seconds=1.0)
        raise self._told(entry, now)

    def _told(self, entry: Entry, now: float) -> CredentialFault:
        trouble = entry.trouble
        assert trouble is not None
        return CredentialFault(trouble.text, trouble.note, retry_seconds=max(1.0, trouble.until - now))

    def _fetch(self, entry: Entry) -> "asyncio.Task[None]":
        if entry.flight is None:
            entry.flight = self._owned.start(self._fly(entry), "access-token")
        return entry.flight

    async def _fly(self, entry: Entry) -> None:
        grant = self._grant(entry)
        try:
            async with asyncio.timeout(access_token_wait_seconds_max):
                token = await grant.obtain(entry.voucher, entry.scopes, entry.challenge)
            if entry.voucher is not None and token.value == entry.voucher.reveal():
                raise CredentialFault(
                    "no access token for it could be had",
                    "the issuer gave the caller's own token back, which no server is ever shown",
                )
            entry.got(token, self._loop.time())
            self._good_again(entry)
        except TimeoutError:
            self._bad(entry, CredentialFault("no access token for it could be had in time", retry_seconds=1.0))
        except CredentialFault as fault:
            self._bad(entry, fault)
        finally:
            entry.flight = None
            self._arm(entry)

    def _arm(self, entry: Entry) -> None:
        """Our own token is kept fresh also while nobody asks for it; a caller's dies with the caller's interest."""
        if entry.voucher is None and not self._closed:
            if entry.timer is not None:
                entry.timer.cancel()
            entry.timer = self._loop.call_at(entry.refresh_at, self._fetch, entry)

    # ---- more scopes -------------------------------------------------------------------------------------------

    async def _stepped_up(self, entry: Entry, at: float) -> Pass | None:
        """A token with what the server asks for besides (C-AUTH-08): the union, and a few times at most."""
        wanted = entry.challenge.scopes
        if entry.challenge.error != "insufficient_scope":
            return None
        before, had = entry.scopes, entry.token
        missing = wanted - before - self._grant(entry).scopes
        if missing and entry.step_ups < step_ups_max:
            entry.scopes |= missing
            entry.step_ups += 1
            await self._flown(entry.flight, at)  # that one asks for less
        elif entry.flight is None or missing:
            raise _lacking(wanted)
        await self._flown(self._fetch(entry), at)
        token, shown = entry.token, entry.good(self._loop.time())
        if token is had:
            entry.scopes = before
        elif shown is not None and token is not None and (token.scopes is None or wanted <= token.scopes):
            return shown
        raise _lacking(wanted)

    async def _flown(self, flight: "asyncio.Task[None] | None", at: float) -> None:
        """One waiter leaving must not end it for the others."""
        if flight is not None:
            await asyncio.wait({flight}, timeout=max(0.0, at - self._loop.time()))

    # ---- whose -------------------------------------------------------------------------------------------------

    def _grant(self, entry: Entry) -> Grant:
        grant = self._own if entry.voucher is None else self._behalf
        assert grant is not None, "an entry is made only where there is a grant"
        return grant

    def _asking(self, caller: Caller | None) -> Caller | None:
        return self._lender if caller is None and self._borrows else caller

    def _is_own(self, caller: Caller | None) -> bool:
        return self._behalf is None or (caller is None and not self._borrows)

    def _entry(self, caller: Caller | None) -> Entry:
        """Raises CredentialFault for a caller on whose behalf nothing can be asked for."""
        if self._is_own(caller):
            voucher, key = None, _OWN
        else:
            if caller is None:
                raise CredentialFault("it shows its lists to callers only, and none has come yet")
            voucher = caller.principal.voucher
            if voucher is None:
                raise CredentialFault(
                    "it is reached on behalf of its callers, and your credential is none that can be exchanged: "
                    "log in with a token of the company's issuer",
                    "it is reached on behalf of callers, and a caller came without a token (an API key, a "
                    "certificate, a proxy's word)",
                )
            key = voucher.digest
        entry = self._entries.pop(key, None)
        if entry is None:
            self._make_room()
            entry = Entry(voucher)
        self._entries[key] = entry
        return entry

    def _make_room(self) -> None:
        """Those that are over go; and where all places are taken, the oldest."""
        now = self._loop.time()
        oldest = [key for key, _ in zip(self._entries, range(access_tokens_looked_at_max), strict=False)]
        for key in oldest:
            if key != _OWN and self._entries[key].over(now):
                del self._entries[key]
        if len(self._entries) >= access_tokens_per_server_max:
            del self._entries[next(key for key in self._entries if key != _OWN)]

    # ---- the operator ------------------------------------------------------------------------------------------

    def _bad(self, entry: Entry, fault: CredentialFault) -> None:
        now = self._loop.time()
        entry.failed(fault, now)
        if now < self._said.get(fault.note, -inf) + access_token_told_seconds:
            return
        self._said = {note: at for note, at in self._said.items() if now < at + access_token_told_seconds}
        self._said[fault.note] = now
        self._say("warning", f"credentials: {fault.note}")

    def _good_again(self, entry: Entry) -> None:
        if self._said and entry.voucher is None:
            self._said.clear()
            self._say("info", "credentials: tokens can be had again")


def _lacking(scopes: frozenset[str]) -> CredentialFault:
    listed = " ".join(sorted(scopes)) or "more scopes"
    return CredentialFault(
        f"it requires the scopes '{listed}', which could not be had for this call",
        f"it requires the scopes '{listed}', and the issuer does not grant them: allow them there to this client",
    )
