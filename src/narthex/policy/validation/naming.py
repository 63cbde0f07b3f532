"""The name or value that may have been meant, and the names whose values are not repeated.

Knows: letters. Refuses to guess: what is alike is offered in a sentence, never taken.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

from narthex.limits import nearest_compared_max, tool_name_chars_max

_SIGNS = str.maketrans("", "", " _-.")
_SECRET = re.compile(
    r"passw|passphrase|passcode|secret|token|credential|authori[sz]ation|api_?-?key|access_?-?key|private_?-?key|"
    r"signing_?-?key|cookie|session_?-?id|\bpin\b|\botp\b|\bcvv\b|\bcvc\b|\bpwd\b",
    re.IGNORECASE,
)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Bounded, because a stranger chooses the word."""
    if not word or len(word) > tool_name_chars_max:
        return None
    wanted = _letters(word)
    likely = (one for one in known if abs(len(one) - len(word)) <= 3 + len(word) // 3)
    alike = {_letters(one): one for one in islice(likely, nearest_compared_max)}
    found = get_close_matches(wanted, alike, 1, cutoff=0.65)
    return alike[found[0]] if found and alike[found[0]] != word else None


def is_secret(name: str) -> bool:
    """Whether what stands under this name is not for other people's eyes."""
    return _SECRET.search(name) is not None


def _letters(text: str) -> str:
    return text.casefold().translate(_SIGNS)
