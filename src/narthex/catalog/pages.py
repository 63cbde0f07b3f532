"""One page of a list, and the cursor to the next (H5; 2026-07-28, server/utilities/pagination).

Knows: items encoded beforehand, and sealed keyset cursors. Keeps nothing between two pages: any process can serve the
next one, and the list may change in between. Refuses to know: the time (it is passed), and who may see what.
"""

import hashlib
from bisect import bisect_left

from narthex.limits import cursor_seconds_max, page_bytes_max, page_items_max
from narthex.model.endpoint import Items
from narthex.wire.faults import INVALID_PARAMS, PeerFault
from narthex.wire.revisions import is_modern
from narthex.wire.seal import CURSOR, Sealer, Unsealed


def page(
    items: Items,
    method: str,
    cursor: str | None,
    *,
    endpoint: str,
    revision: str,
    sealer: Sealer,
    now: float,
    holder: str = "",
) -> tuple[bytes, str | None]:
    """The JSON array of one page, and the cursor to the next or None.

    `holder` is whose cursor it is (`Principal.key`). A cursor that is forged, expired, somebody else's, or of another
    list is a `PeerFault` -32602.
    """
    bound: list[str | bytes] = [method, endpoint, hashlib.blake2b(holder.encode(), digest_size=8).digest()]
    first = 0 if cursor is None else _after(items.keys, _last_key(cursor, bound, sealer, now))
    encoded = items.modern if is_modern(revision) else items.legacy[revision]
    last = _end(encoded, first)
    array = _array(encoded[first:last])
    if last >= len(encoded):
        return array, None
    return array, sealer.seal(CURSOR, [*bound, items.keys[last - 1]], now + cursor_seconds_max)


def _array(parts: tuple[bytes, ...]) -> bytes:
    # The brackets go onto the outer items: a page has a megabyte, and this way it is copied once.
    if len(parts) < 2:
        return b"[" + b"".join(parts) + b"]"
    return b",".join((b"[" + parts[0], *parts[1:-1], parts[-1] + b"]"))


def _end(encoded: tuple[bytes, ...], first: int) -> int:
    last = min(len(encoded), first + page_items_max)
    if sum(map(len, encoded[first:last])) <= page_bytes_max:
        return last
    size, end = 0, first
    while end < last and size + len(encoded[end]) <= page_bytes_max:
        size += len(encoded[end])
        end += 1
    return max(end, first + 1)  # an item too large for any page is a page of its own


def _last_key(cursor: str, bound: list[str | bytes], sealer: Sealer, now: float) -> str:
    try:
        claims = sealer.open(CURSOR, cursor, now)
    except Unsealed:
        claims = None
    if type(claims) is list and claims[:-1] == bound:
        return str(claims[-1])
    message = "The cursor is not valid for this list, or no longer. Start again without a cursor."
    raise PeerFault(INVALID_PARAMS, message, data={"reason": "cursor"})


def _after(keys: tuple[str, ...], key: str) -> int:
    """Where to go on: after the same item if it is still there, wherever it moved; else at the place it had."""
    place, _, mark = key.partition(".")
    same = bisect_left(keys, key)
    if same < len(keys) and keys[same] == key:
        return same + 1
    moved = (index + 1 for index, other in enumerate(keys) if other.endswith(mark))
    return next(moved, bisect_left(keys, place))
