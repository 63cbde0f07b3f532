"""The text of an API key: `nx_`, a prefix that may be shown, a secret that may not, and a checksum.

Knows: its parts, and how it is made out of random bytes. Refuses to know: which keys exist, and where they are kept.

    nx_k3v9x2mp_0fHq…43 characters of secret…Zt1a9XcB
       prefix   |                             checksum (6)

The checksum keeps typing errors and guesses away from every look-up; anybody can compute it, so it proves nothing.
The secret has 256 random bits. That is why a plain SHA-256 is enough to keep a key by: there is no list of likely
secrets to try, and a slow or keyed hash would add its cost to every call, or a second thing that can be lost, and no
safety. (A password is another matter.)
"""

import hashlib
import re
from zlib import crc32

import msgspec

MARK = "nx_"
RANDOM_BYTES = 37  # 5 for the prefix, 32 for the secret
_PREFIX_BYTES = 5
_PREFIX_CHARS, _SECRET_CHARS, _CHECK_CHARS = 8, 43, 6
# Without i, l, o and u: a prefix is read aloud.
_PREFIX_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WHOLE = re.compile(
    rf"{MARK}([{_PREFIX_LETTERS}]{{{_PREFIX_CHARS}}})_[0-9A-Za-z]{{{_SECRET_CHARS}}}([0-9A-Za-z]{{{_CHECK_CHARS}}})"
)
_BEGINNING = re.compile(rf"(?:{MARK})?([{_PREFIX_LETTERS}]{{{_PREFIX_CHARS}}})(?:_[0-9A-Za-z]*)?")


class ApiKey(msgspec.Struct, frozen=True):
    """A new key, whole. The only object that holds one; it is never kept, and its `repr` does not show it."""

    prefix: str
    token: str

    def __repr__(self) -> str:
        return f"<ApiKey {MARK}{self.prefix}>"


def compose(random: bytes) -> ApiKey:
    """The key that these `RANDOM_BYTES` random bytes make."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} random bytes")
    prefix = _text(random[:_PREFIX_BYTES], _PREFIX_LETTERS, _PREFIX_CHARS)
    body = f"{MARK}{prefix}_{_text(random[_PREFIX_BYTES:], _LETTERS, _SECRET_CHARS)}"
    return ApiKey(prefix, body + _checksum(body))


def looks_like_key(token: str) -> bool:
    """Whether whoever sent this meant an API key, sound or not."""
    return token.startswith(MARK)


def prefix_of(token: str) -> str | None:
    """The prefix of a whole and sound key; None: it was cut, mistyped or made up."""
    parts = _WHOLE.fullmatch(token)
    if parts is None or _checksum(token[:-_CHECK_CHARS]) != parts[2]:
        return None
    return parts[1]


def named_prefix(text: str) -> str | None:
    """The prefix an operator means: as it is listed, with or without `nx_`, or a whole key that was found somewhere."""
    parts = _BEGINNING.fullmatch(text.strip())
    return parts[1] if parts else None


def digest_of(token: str) -> bytes:
    """What is kept instead of the key."""
    return hashlib.sha256(token.encode()).digest()


def _checksum(body: str) -> str:
    return _text(crc32(body.encode()).to_bytes(4, "big"), _LETTERS, _CHECK_CHARS)


def _text(data: bytes, letters: str, length: int) -> str:
    """The bytes as one number, in the digits that `letters` are."""
    number, out = int.from_bytes(data, "big"), []
    for _ in range(length):
        number, digit = divmod(number, len(letters))
        out.append(letters[digit])
    return "".join(reversed(out))
