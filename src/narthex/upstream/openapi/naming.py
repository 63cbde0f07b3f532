"""The names of tools: of operationIds, or of method and path; legal, within the length, each once, always the same.

Knows: that a document that grows must not rename what was there. Refuses to know: what operations do.
"""

from collections import Counter
from collections.abc import Sequence

from narthex.catalog.names import tag
from narthex.upstream.openapi.outline import Found
from narthex.upstream.openapi.words import short, words_of

_TAG_CHARS = 9


def named(operations: Sequence[Found], most: int) -> list[str]:
    """One name for each."""
    wanted = [short(_words(found), most, found.title) for found in operations]
    several = {name for name, number in Counter(wanted).items() if number > 1}
    out: list[str] = []
    taken: set[str] = set()
    for found, name in zip(operations, wanted, strict=True):
        if name in several:  # all of them: which came first says nothing
            name = f"{name[: most - _TAG_CHARS].rstrip('_')}_{tag(found.title)}"
        while name in taken:
            name = f"{name[: most - _TAG_CHARS].rstrip('_')}_{tag(name)}"
        taken.add(name)
        out.append(name)
    return out


def _words(found: Found) -> list[str]:
    words = words_of(found.operation_id)
    if words:
        return words
    return words_of(f"{found.method.lower()} {found.path}") or [found.method.lower(), tag(found.path)]
