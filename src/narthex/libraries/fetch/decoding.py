"""From bytes to text, by what the answer, the page and the bytes themselves say.

Knows: how text of the web is written down. Refuses to know: what it says.
"""

import codecs
import re
import zlib

from narthex import ToolError

declared_within_bytes = 1_024  # of a page, as browsers look
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Python knows more than the web does, and some of it (UTF-7, Punycode) is dear or a trick.
_KNOWN = re.compile(
    r"utf-?(8|16(le|be)?)|iso[-_]?8859-?\d{1,2}|windows-(125\d|874)|cp125\d|koi8-[ru]|shift[-_]jis|euc-(jp|kr)|"
    r"iso-2022-jp|gb(2312|k|18030)|big5|macintosh",
    re.IGNORECASE,
)
_LATIN = re.compile(r"(us-)?ascii|iso[-_]?8859-?1|latin-?1", re.IGNORECASE)  # which the web writes, and does not mean
_DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
_TEXT = re.compile(r"text/.*|application/(.*\+)?(json|xml|yaml|javascript|x-ndjson|x-yaml|toml|rtf)|image/svg\+xml")


def is_text(kind: str) -> bool:
    return kind == "" or _TEXT.fullmatch(kind) is not None


def is_page(kind: str, text: str) -> bool:
    return kind in ("text/html", "application/xhtml+xml") or (kind == "" and text.lstrip()[:1] == "<")


def unpacked(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """What a server has packed although nobody asked it to. Raises ToolError."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ToolError("The page is packed in a way that was not asked for, so it cannot be read.")
    try:
        return zlib.decompressobj(47).decompress(body, bytes_max)  # 47: gzip or zlib, whichever it is
    except zlib.error:
        raise ToolError("The page says that it is packed, and it is not, so it cannot be read.") from None


def decoded(body: bytes, said: str) -> str:
    """The text. `said`: the character set of the answer. What is no character becomes a mark."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    declared = _DECLARED.search(body[:declared_within_bytes])
    name = said or (declared[1].decode("ascii") if declared else "")
    if _LATIN.fullmatch(name):
        return body.decode("cp1252", "replace")
    if not _KNOWN.fullmatch(name):
        name = "utf-8"
    try:
        return body.decode(name, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
