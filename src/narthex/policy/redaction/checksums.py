"""Check digits: what tells a number that somebody made up from one that was given out.

Knows: the arithmetic. Refuses to know: whose numbers these are. Every function takes ASCII digits as bytes, without
separators, and says whether they check.
"""

from collections.abc import Sequence

_ZERO = 48
_DOUBLED = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_SINGLE = bytes.maketrans(b"0123456789", bytes(range(10)))
_LETTERS = {letter: str(ord(letter) - 55) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_IBAN = str.maketrans(_LETTERS)


def luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1, annex B."""
    values = digits.translate(_SINGLE)
    return (sum(values[::-2]) + sum(digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def mod97(text: str) -> bool:
    """ISO 13616: the four leading signs go to the end, letters count from ten."""
    return int((text[4:] + text[:4]).translate(_IBAN)) % 97 == 1


def weighted(digits: bytes, weights: Sequence[int]) -> int:
    """The sum of digits, each times its weight."""
    return sum((digit - _ZERO) * weight for digit, weight in zip(digits, weights, strict=False))


def mod11_10(digits: bytes) -> bool:
    """ISO/IEC 7064, MOD 11,10."""
    product = 10
    for digit in digits[:-1]:
        product = ((digit - _ZERO + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == digits[-1] - _ZERO


_D = (
    b"0123456789", b"1234067895", b"2340178956", b"3401289567", b"4012395678",
    b"5987604321", b"6598710432", b"7659821043", b"8765932104", b"9876543210",
)  # fmt: skip
_P = (
    b"0123456789", b"1576283094", b"5803796142", b"8916043527",
    b"9453126870", b"4286573901", b"2793806415", b"7046913258",
)  # fmt: skip


def verhoeff(digits: bytes) -> bool:
    """J. Verhoeff, Error Detecting Decimal Codes (1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _D[check][_P[place % 8][digit - _ZERO] - _ZERO] - _ZERO
    return check == 0
