"""From what a client names to what it leads to: one look into a table, and a helpful word where nothing is found.

Knows: one endpoint. Refuses to guess: a similar name is offered in the message, never taken.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

from narthex.catalog.uris import private_uri
from narthex.limits import item_uri_chars_max, nearest_compared_max, nearest_names_max, private_name_chars_max
from narthex.model.endpoint import Endpoint
from narthex.wire.faults import INVALID_PARAMS, PeerFault

_SIGNS = str.maketrans("", "", " _-./:")
_SHOWN_CHARS = 128  # of a name that somebody else chose, in our own sentence


def resource(endpoint: Endpoint, uri: str) -> tuple[str, str] | None:
    """The server and its own URI, of a resource or of a resource template. None for one too long to be anybody's."""
    return private_uri(endpoint, uri) if len(uri) <= item_uri_chars_max else None


def unknown_tool(seen: Iterable[str], public: str) -> PeerFault:
    """`seen`: the names that may be offered instead."""
    return _unknown("tool", public, seen)


def unknown_prompt(seen: Iterable[str], public: str) -> PeerFault:
    return _unknown("prompt", public, seen)


def unknown_resource(uri: str, code: int = INVALID_PARAMS) -> PeerFault:
    """Without similar ones: URIs of others tell more than names do. `code`: older revisions have one of their own."""
    data = {"reason": "unknown_resource", "uri": uri[:item_uri_chars_max]}
    return PeerFault(code, f"Unknown resource: {uri[:_SHOWN_CHARS]!r}.", data=data)


def _unknown(kind: str, name: str, names: Iterable[str]) -> PeerFault:
    near = nearest(name, names)
    hint = f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else ""
    data = {"reason": f"unknown_{kind}", **({"nearest": list(near)} if near else {})}
    return PeerFault(INVALID_PARAMS, f"Unknown {kind}: {name[:_SHOWN_CHARS]!r}.{hint}", data=data)


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to three names that may have been meant: the same but for signs, case or prefix; then those alike in letters.

    Bounded, because strangers choose the name: one cheap look at each name, a close comparison with a few.
    """
    wanted, names = _letters(name), list(names)
    if not wanted or not names or len(name) > private_name_chars_max:
        return ()
    # All names at once: a name holds no line break (see `stock`), and one pass in C serves two thousand of them.
    folded = list(zip(_letters("\n".join(names)).split("\n"), names, strict=True))
    found = dict.fromkeys(islice((one for letters, one in folded if _is_tail(wanted, letters)), nearest_names_max))
    if len(found) < nearest_names_max:
        alike = dict(islice((pair for pair in folded if _is_alike(wanted, pair[0])), nearest_compared_max))
        close = get_close_matches(wanted, alike, nearest_names_max)
        found |= dict.fromkeys(alike[letters] for letters in close)
    return tuple(islice(found, nearest_names_max))


def _letters(text: str) -> str:
    return text.lower().translate(_SIGNS)


def _is_tail(wanted: str, letters: str) -> bool:
    return letters.endswith(wanted) or (len(letters) > 2 and wanted.endswith(letters))


def _is_alike(wanted: str, letters: str) -> bool:
    """Worth a close look: about as long and beginning with the same letter, or ending in the same three."""
    if letters[:1] == wanted[:1] and abs(len(letters) - len(wanted)) <= 1 + len(wanted) // 3:
        return True
    return len(wanted) > 3 and letters.endswith(wanted[-3:])
