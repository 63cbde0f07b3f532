"""Failed credentials, counted by the address they come from.

Knows: how many wrong ones each address has shown lately. Refuses to keep anybody out: it is asked after a credential
was found wrong, so a right one always passes, whoever else stands behind the same address.

What it is good for: a guess costs one of 2^256 anyway, but whoever guesses learns to wait, and neither the log nor
the processor is theirs. Only guesses count. A token that has expired, or a request without any credential, is how a
client finds out that it has to ask for a new one, and a hundred of them may share an address.
"""

from collections.abc import Callable
from math import ceil

from narthex.limits import failed_credentials_addresses_max
from narthex.model.identity import Refusal
from narthex.wire.addresses import address_key


class Attempts:
    """`per_minute` is read at each failure, so that a changed limit counts at once."""

    __slots__ = ("_addresses_max", "_left", "_per_minute")

    def __init__(self, per_minute: Callable[[], int], addresses_max: int = failed_credentials_addresses_max) -> None:
        self._per_minute, self._addresses_max = per_minute, addresses_max
        self._left: dict[str, tuple[float, float]] = {}  # address -> (failures it may still make, when that was so)

    def __len__(self) -> int:
        return len(self._left)

    def failed(self, peer: str, refusal: Refusal, now: float) -> Refusal:
        """Count a guess: the refusal as it is, or 429 with the seconds to wait. `now` may be any clock."""
        address, most = address_key(peer), max(1, self._per_minute())
        left, at = self._left.pop(address, (float(most), now))
        left = min(float(most), left + max(0.0, now - at) * most / 60)
        if left < 1:
            self._keep(address, left, now)
            wait = ceil((1 - left) * 60 / most)
            return Refusal(
                429,
                refusal.error,
                f"Too many wrong credentials from this address. Check yours, and try again in {wait} seconds.",
                retry_after_seconds=wait,
            )
        self._keep(address, left - 1, now)
        return refusal

    def _keep(self, address: str, left: float, now: float) -> None:
        """The latest at the end. Where all places are taken, who was silent longest is forgotten."""
        if len(self._left) >= self._addresses_max:
            del self._left[next(iter(self._left))]
        self._left[address] = (left, now)
