"""What tools cost a model that is shown them all.

Knows: that four bytes of JSON are about one token. Refuses to know: any model's own way of counting.
"""

from collections.abc import Iterable
from typing import Any

from narthex.wire.strict import encode

_BYTES_PER_TOKEN = 4


def tokens_of(definition: dict[str, Any]) -> int:
    """About. Name, description and schema are what a model is shown."""
    shown = {name: definition[name] for name in ("name", "description", "inputSchema")}
    return -(-len(encode(shown)) // _BYTES_PER_TOKEN)


def tokens_of_all(definitions: Iterable[dict[str, Any]]) -> int:
    return sum(map(tokens_of, definitions))
