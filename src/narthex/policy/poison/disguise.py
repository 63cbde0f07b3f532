"""Texts that only who decodes them reads: base64 and 32, hexadecimal, bits, escapes of URLs, letters apart, rot13, …

Knows: what is cheap to undo. Refuses to guess on: a cipher with a key, a picture, or two disguises on top of a third.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from narthex.limits import poison_decoded_bytes_max, poison_disguises_max
from narthex.policy.redaction.automaton import Search, Several

_NOT_LETTERS = re.compile(rb"[ ._*-]")
_HEX_NOISE = re.compile(rb"\\x|%|0x|[ :,]")
_GAP = re.compile(rb"[ ._*-]{2,}")
_APART = rb"\b(?:[A-Za-z][ ._*-]{1,2}){5,}[A-Za-z]\b"
_BITS = re.compile(rb"[01]{8}")
_DIGITS = bytes.maketrans(b"0134578@$", b"oieastbas")
_DIGITS_TOO = bytes.maketrans(b"0134578@$", b"oleastbas")

# What "ignore", "instructions", "previous", "system" look like in each.
_ROT13, _BACKWARDS, _DIGITS_FOR = (
    rb"(?i)vafgehpgvba|vtaber (?:nyy|lbhe|cerivbhf)|flfgrz cebzcg",
    rb"(?i)snoitcurtsni|suoiverp|tpmorp metsys|tpmorp|erongi",
    rb"(?i)1gn[o0]r[e3]|ign0r|ignor3|1nstruct|instruct1|instruc7|in5truct|pr3v1?ious|previ0us|prev1ous|syst3m|5ystem|sy5tem|pr0mpt|d1sreg|f0rget",
)


def undone(text: bytes) -> Iterator[tuple[int, bytes, str]]:
    """(where it stood, what it says, how it was written) of every stretch that could be a text in disguise."""
    left = poison_disguises_max
    for place in _gates.occur(text):
        if place >= len(_STRETCHES):
            yield from _whole(text, place - len(_STRETCHES))
            continue
        _, decode, how = _STRETCHES[place]
        for start, end in _places(text, _searches[place]):
            if left <= 0:
                return
            left -= 1
            decoded = decode(text[start : min(end, start + poison_decoded_bytes_max)])
            if decoded:
                yield start, decoded, how


def _whole(text: bytes, way: int) -> Iterator[tuple[int, bytes, str]]:
    """What is undone all over a text at once, because the words around belong to it."""
    if _WAYS[way] is _ROT13:
        yield 0, codecs.encode(text.decode("latin-1"), "rot13").encode("latin-1"), "in rot13"
    elif _WAYS[way] is _BACKWARDS:
        yield 0, text[::-1], "backwards"
    elif _WAYS[way] is _DIGITS_FOR:
        for letters in (_DIGITS, _DIGITS_TOO):
            yield 0, text.translate(letters), "with digits for letters"
    else:
        yield 0, _closed(text), "with its letters apart"


def _closed(text: bytes) -> bytes:
    parts, position = [], 0
    for start, end in _places(text, _apart):
        words = (_NOT_LETTERS.sub(b"", word) for word in _GAP.split(text[start:end]))
        parts += [text[position:start], b" ".join(words)]
        position = end
    return b"".join([*parts, text[position:]])


def _places(text: bytes, search: Search) -> Iterator[tuple[int, int]]:
    position = 0
    while True:
        start, end = search.next(text, position)
        if start < 0:
            return
        yield start, end
        position = end


def _of_base64(written: bytes) -> bytes:
    bare = written.rstrip(b"=").translate(_URL_SAFE)
    bare = bare[: len(bare) // 4 * 4] if len(bare) % 4 == 1 else bare
    try:
        return _sayable(base64.b64decode(bare + b"=" * (-len(bare) % 4)))
    except binascii.Error:
        return b""


def _of_base32(written: bytes) -> bytes:
    bare = written.rstrip(b"=")
    try:
        return _sayable(base64.b32decode(bare[: len(bare) // 8 * 8]))
    except binascii.Error:
        return b""


def _of_hex(written: bytes) -> bytes:
    digits = _HEX_NOISE.sub(b"", written)
    try:
        return _sayable(binascii.unhexlify(digits[: len(digits) & ~1]))
    except binascii.Error:
        return b""


def _of_bits(written: bytes) -> bytes:
    return _sayable(bytes(int(byte, 2) for byte in _BITS.findall(written)))


def _of_escapes(written: bytes) -> bytes:
    return _sayable(unquote_to_bytes(written)) if written.count(b"%") > 1 else b""


def _sayable(decoded: bytes) -> bytes:
    """What could be a text: printable, with a space in it."""
    if b" " not in decoded or not all(32 <= byte < 127 or byte in b"\n\t\r" for byte in decoded):
        return b""
    return decoded


_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_STRETCHES: tuple[tuple[bytes, Callable[[bytes], bytes], str], ...] = (
    (rb"[A-Za-z0-9+/_-]{24,}={0,2}", _of_base64, "in base64"),
    (rb"[A-Z2-7]{32,}={0,6}", _of_base32, "in base32"),
    (rb"(?:(?:\\x|%|0x)?[0-9a-fA-F]{2}[ :,]?){16,}", _of_hex, "in hexadecimal"),
    (rb"(?:[01]{8} ?){8,}", _of_bits, "in bits"),
    (rb"(?:[\w.,;:!?/-]*%[0-9a-fA-F]{2}){3,}[\w.,;:!?/-]*", _of_escapes, "in escapes of URLs"),
)
_WAYS = (_ROT13, _BACKWARDS, _DIGITS_FOR, _APART)
_gates = Several([*(pattern for pattern, _, _ in _STRETCHES), *_WAYS])
_searches = [Search(pattern) for pattern, _, _ in _STRETCHES]
_apart = Search(_APART)
