"""Text that may be shown: one line, without anything a terminal or a log reader would obey.

Knows: which characters act instead of being read. Refuses to know: where the text came from.
"""

import re
from functools import lru_cache

from narthex.limits import log_name_chars_max, log_value_chars_max

# C0 and C1 controls and DEL move the cursor or end the line; U+2028/9 end lines for some readers; the bidirectional
# controls show a line in another order than it has (CVE-2021-42574); lone surrogates cannot be written as UTF-8.
_ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}


def plain(text: str, chars_max: int = log_value_chars_max) -> str:
    """`text` on one line, controls escaped, cut at `chars_max` with the number of characters left out."""
    if len(text) > chars_max:
        text = f"{text[:chars_max]}… ({len(text) - chars_max} more)"
    if text.isprintable() and text.isascii():
        return text
    return _ACTS.sub(_escaped, text)


@lru_cache(1_024)  # the same few names come again and again, with every call
def plain_name(text: str) -> str:
    """`plain`, for what should be short: names of tools, methods, people."""
    return plain(text, log_name_chars_max)


def _escaped(found: re.Match[str]) -> str:
    letter = found.group()
    return _SHORT.get(letter) or (f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}")
