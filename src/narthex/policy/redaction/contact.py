"""E-mail addresses, and telephone numbers as many countries write them.

Knows: the spellings. Refuses to know: whether anybody answers there.
"""

import re

from narthex.policy.redaction.kind import Kind, digits_of
from narthex.policy.redaction.writing import CLOSING

_FILES = frozenset(b"png jpg jpeg gif svg webp ico css js mjs map woff woff2 mp4 pdf".split())
_VERSION = re.compile(rb"[0-9]+\.[0-9]+\.")
_DATE = re.compile(rb"[0-9]{1,2}([./\-])[0-9]{1,2}\1(?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}([./\-])[0-9]{2}\2[0-9]{2}")
_AMOUNT = re.compile(rb"\+[0-9]+\.[0-9]{1,3}|\+[0-9]{1,3}\.[0-9]{4,8}")  # money, degrees
_ZERO = 48
_CLOSING = CLOSING.encode()
_DIGITS_MIN, _DIGITS_MAX = 7, 15  # E.164, 6.2

# ITU-T E.164: the codes that were given out, by their first digits.
_CODES = frozenset(
    b"1 20 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 "
    b"242 243 244 245 246 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 27 290 "
    b"291 297 298 299 30 31 32 33 34 350 351 352 353 354 355 356 357 358 359 36 370 371 372 373 374 375 376 377 378 "
    b"379 380 381 382 383 385 386 387 389 39 40 41 420 421 423 43 44 45 46 47 48 49 500 501 502 503 504 505 506 507 "
    b"508 509 51 52 53 54 55 56 57 58 590 591 592 593 594 595 596 597 598 599 60 61 62 63 64 65 66 670 672 673 674 "
    b"675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 7 800 808 81 82 84 850 852 853 855 856 86 "
    b"870 878 880 881 882 883 886 888 90 91 92 93 94 95 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 "
    b"976 977 979 98 992 993 994 995 996 998".split()
)


def _email(text: bytes, start: int, end: int) -> int:
    if text[text.rfind(b".", start, end) + 1 : end].lower() in _FILES:
        return 0
    at = text.find(b"@", start, end)
    if at >= 0 and text[at + 1] in b"0123456789" and _VERSION.match(text, at + 1):
        return 0
    # A repository, as secure shells name it.
    return 0 if text[end : end + 1] == b":" and text.startswith(b"git@", start) else end


def _coded(text: bytes, start: int, end: int) -> int:
    if start and text[start - 1] in b"0123456789.-":  # the second half of coordinates, the end of a fraction
        return 0
    if text[start] == _ZERO and _in_row(text, start):
        return 0
    digits = digits_of(text, start, end).lstrip(b"0")
    if not 8 <= len(digits) <= _DIGITS_MAX or _AMOUNT.fullmatch(text, start, end):
        return 0
    if digits[:1] in (b"1", b"7"):
        return end if len(digits) == 11 else 0
    return end if digits[:2] in _CODES or digits[:3] in _CODES else 0


def _american(text: bytes, start: int, end: int) -> int:
    digits = digits_of(text, start, end)[-10:]
    if digits[1:3] == b"11" or digits[4:6] == b"11" or digits == digits[:1] * 10:
        return 0
    return end if text[end : end + 1] not in (b"-", b".") or not text[end + 1 : end + 2].isdigit() else 0


def _in_row(text: bytes, start: int) -> bool:
    """Whether digits stand before it, as in the middle of a long number in groups."""
    return start > 1 and text[start - 1] in b" -" and text[start - 2] in b"0123456789"


def _national(text: bytes, start: int, end: int) -> int:
    if (
        (text[start] == _ZERO and _in_row(text, start))
        or not 9 <= len(digits_of(text, start, end)) <= 12
        or _DATE.search(text, start, end)
    ):
        return 0
    after = text[end : end + 2]
    before = text[start - 1 : start] if start else b""
    if before in (b"-", b"/", b".", b",", b":", b"_") or (
        len(after) == 2 and after[0] in b".,:-/" and after[1:].isdigit()
    ):
        return 0
    return end


def _named(text: bytes, start: int, end: int) -> int:
    if text.startswith(_CLOSING, end):  # a token of ours
        return 0
    return end if _DIGITS_MIN <= len(digits_of(text, start, end)) <= _DIGITS_MAX and not _DATE.match(text, start) else 0


_PHONE_WORDS = (
    rb"phone|mobile|mobil|cell|tel|telefon[eo]?|tel\xc3\xa9fono|t\xc3\xa9l(?:\xc3\xa9phone)?|telefax|fax|handy|whatsapp|gsm|portable|"
    rb"celular|m\xc3\xb3vil|movil|msisdn|rufnummer|cellulare|puhelin|telefoon"
)

# Nine digits at least, which no date and no time of day has.
_ZONE, _MORE = rb"\b0[1-9]", rb"[ /\-.]{1,3}(?:[0-9][ /\-.]?)"

KINDS = (
    Kind(
        "email",
        "contact",
        rb"[A-Za-z0-9._%+'\-\x80-\xff](?:@|%40|&#64;)[A-Za-z0-9\x80-\xff]",
        rb"[A-Za-z0-9\x80-\xff][A-Za-z0-9._%+'\-\x80-\xff]{0,63}(?:@|%40|&#64;)"
        rb"(?:[A-Za-z0-9\x80-\xff][A-Za-z0-9\-\x80-\xff]{0,62}\.){1,8}(?:[A-Za-z\x80-\xff]{2,24}|xn--[A-Za-z0-9\-]{2,59})",
        _email,
        again=False,
    ),
    Kind(
        "phone",
        "contact",
        rb"\+[1-9][0-9 .\-/(]",
        rb"\+[1-9][0-9]{0,3}(?:[ .\-/]{0,2}(?:\(0?[0-9]{1,5}\)|[0-9]{1,15})){1,7}",
        _coded,
    ),
    Kind(
        "phone",
        "contact",
        rb"\b00[1-9][0-9 .\-/]",
        rb"\b00[1-9][0-9]{0,3}[ .\-/]?(?:[0-9]{1,12}[ .\-/]?){1,6}[0-9]\b",
        _coded,
    ),
    Kind(
        "phone",
        "contact",
        rb"[2-9][0-9]{2}\)?[ .\-]?[2-9][0-9]{2}[ .\-][0-9]{4}\b",
        rb"(?:\b1[ .\-]?)?(?:\([2-9][0-9]{2}\)[ \-]?|\b[2-9][0-9]{2}[ .\-])[2-9][0-9]{2}[ .\-][0-9]{4}\b",
        _american,
    ),
    Kind(
        "phone",
        "contact",
        _ZONE
        + rb"(?:"
        + _MORE
        + rb"{7}|[0-9]"
        + _MORE
        + rb"{6}|[0-9]{2}"
        + _MORE
        + rb"{5}|[0-9]{3,4}"
        + _MORE
        + rb"{3})",
        rb"\b0[1-9][0-9]{0,4}(?: ?/ ?|[ \-.])(?:[0-9]{1,8}[ /\-.]?){1,5}[0-9]\b",
        _national,
    ),
    Kind(
        "phone",
        "contact",
        rb"\(0[1-9][0-9]{0,4}\)",
        rb"\(0[1-9][0-9]{0,4}\)[ /\-]?(?:[0-9]{1,8}[ /\-]?){1,4}[0-9]\b",
        _national,
    ),
    Kind(
        "phone",
        "contact",
        rb"\([1-9][0-9]{1,4}\)[ \-]?[0-9]",
        rb"\([1-9][0-9]{1,4}\)[ \-]?[0-9]{2,5}[ \-][0-9]{2,4}(?:[ \-][0-9]{2,4})?\b",
        _national,
    ),
    Kind(
        "phone",
        "contact",
        rb"(?i)\b(?:" + _PHONE_WORDS + rb")",
        rb"(?i)\b(?:"
        + _PHONE_WORDS
        + rb")(?:[_\- ]?(?:no|nr|num|number|nummer|home|work|mobile|office|private))?[^0-9A-Za-z+(]{1,6}"
        rb"(?:(?:is|no|nr|number|nummer|value)[^0-9A-Za-z+(]{1,6}){0,2}"
        # Those with a plus or a zone before them are found without their name.
        rb"([1-9](?:[ ().\-/]{0,2}[0-9]){5,14}|0[0-9]{6,14}|\([0-9](?:[ ().\-/]{0,2}[0-9]){5,14})",
        _named,
        inner=True,
        weight=2,
    ),
)
