"""How often something may fail, by whoever fails: a bucket for each that fills slowly.

Knows: counts and times. Refuses to know: what fails.
"""

from math import ceil

from narthex.limits import sign_in_counted_max


class Throttle:
    """`most` at once, and one more every `seconds`. `now` may be any clock that does not go back."""

    __slots__ = ("_keys_max", "_left", "_most", "_seconds")

    def __init__(self, most: int, seconds: float, keys_max: int = sign_in_counted_max) -> None:
        self._most, self._seconds, self._keys_max = most, seconds, keys_max
        self._left: dict[str, tuple[float, float]] = {}  # key -> (how many are left, when that was so)

    def __len__(self) -> int:
        return len(self._left)

    def take(self, key: str, now: float) -> int:
        """0, and one is taken; or the seconds until there is one."""
        left, at = self._left.pop(key, (float(self._most), now))
        left = min(float(self._most), left + max(0.0, now - at) / self._seconds)
        wait = 0 if left >= 1 else max(1, ceil((1 - left) * self._seconds))
        if len(self._left) >= self._keys_max:
            del self._left[next(iter(self._left))]  # who was silent longest is forgotten
        self._left[key] = (left if wait else left - 1, now)
        return wait

    def give_back(self, key: str) -> None:
        """It did not fail after all."""
        found = self._left.get(key)
        if found is not None:
            self._left[key] = (min(float(self._most), found[0] + 1), found[1])
