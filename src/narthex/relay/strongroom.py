"""What the tokens stand for that callers were given instead of values.

Knows: whose a token is, where and until when it is good. Refuses to decide what becomes a token, and for whom one is
opened again (`policy/redact`, `policy/reveal`).

A token is short because what it stands for stays here: in memory, and sealed in the state folder behind it, so that
other processes and the next start know it too (docs/decisions/0021). An answer waits until its new tokens are there.
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from narthex.limits import redaction_tokens_in_memory_max
from narthex.model.call import Call
from narthex.policy import reveal
from narthex.policy.redaction.writing import Minted, Pseudonyms
from narthex.store.desk import Desk
from narthex.store.folder import StateFault
from narthex.store.values import Kept, Values
from narthex.wire.seal import VALUE, Sealer, Unsealed

T = TypeVar("T")


class _Known(NamedTuple):
    value: str
    expires: float  # wall clock


class Strongroom:
    """One for the gateway. Opens its file with the first token."""

    def __init__(self, folder: Path, sealer: Sealer, say: Callable[[str, str], None]) -> None:
        self.pseudonyms = Pseudonyms(sealer.pseudonym_key)
        self._folder, self._sealer, self._say = folder, sealer, say
        self._known: dict[bytes, _Known] = {}  # the one not seen for longest first
        self._desk: Desk | None = None
        self._values: Values | None = None

    async def keep(self, call: Call) -> None:
        """The tokens that the answer to this call gives out are good from now on."""
        if not call.minted:
            return
        now = time.time()
        fresh: list[Kept] = []
        holder = _holder(call)
        for minted in call.minted.values():
            digest, expires = _digest(call, minted.name), now + minted.seconds
            before = self._known.get(digest)
            self._remember(digest, _Known(minted.value, expires))
            if before is None or before.expires < now + minted.seconds / 2:  # else it is good for long enough there
                fresh.append(Kept(digest, holder, self._seal(call, minted, expires), expires))
        if fresh:
            await self._at_desk(lambda values: values.keep(fresh, now))

    async def fetch(self, call: Call) -> None:
        """The tokens in the arguments that are good for this caller here."""
        asked = reveal.asked(call)
        if not asked:
            return
        now = time.time()
        digests = {_digest(call, name): name for name in asked}
        found = {digest: known for digest in digests if (known := self._known.get(digest)) and known.expires > now}
        missing = [digest for digest in digests if digest not in found]
        if missing:
            stored = await self._at_desk(lambda values: values.find(missing, now)) or {}
            for digest, (sealed, expires) in stored.items():
                value = self._open(call, digests[digest], sealed, now)
                if value is not None:
                    found[digest] = _Known(value, expires)
        for digest, known in found.items():
            self._remember(digest, known)
        call.tokens = {digests[digest]: known.value for digest, known in found.items()}

    async def aclose(self) -> None:
        if self._desk is not None:
            await self._desk.do(lambda: self._values.close() if self._values is not None else None)
            self._desk.close()

    # ---- helpers

    def _remember(self, digest: bytes, known: _Known) -> None:
        self._known.pop(digest, None)
        self._known[digest] = known
        if len(self._known) > redaction_tokens_in_memory_max:
            del self._known[next(iter(self._known))]

    def _seal(self, call: Call, minted: Minted, expires: float) -> str:
        return self._sealer.seal(VALUE, [call.principal.key, call.endpoint.name, minted.name, minted.value], expires)

    def _open(self, call: Call, name: str, sealed: str, now: float) -> str | None:
        """Sealed to caller and endpoint: a row that somebody moved opens for nobody."""
        try:
            holder, endpoint, sealed_name, value = self._sealer.open(VALUE, sealed, now)
        except (Unsealed, ValueError, TypeError):
            return None
        ours = holder == call.principal.key and endpoint == call.endpoint.name and sealed_name == name
        return value if ours and type(value) is str else None

    async def _at_desk(self, work: Callable[[Values], T]) -> T | None:
        """None: the disk failed. Tokens are then good in this process, until it ends."""
        if self._desk is None:
            self._desk = Desk("tokens")
        try:
            return await self._desk.do(lambda: work(self._opened()))
        except StateFault as fault:
            self._say("warning", f"Tokens are not kept, and are lost when this process ends: {fault}")
            return None

    def _opened(self) -> Values:
        if self._values is None:
            self._values = Values(self._folder)
        return self._values


def _holder(call: Call) -> bytes:
    return hashlib.blake2b(call.principal.key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _digest(call: Call, name: str) -> bytes:
    text = f"{call.principal.key}\x00{call.endpoint.name}\x00{name}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
