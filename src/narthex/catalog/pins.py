"""The definitions of one server by their fingerprints: what is pinned, and what must never change unseen.

Knows: what belongs to a definition. Refuses to know: what was approved, and what follows from a change.

All that a server sends for a tool or a prompt belongs to it, also members that nobody here knows: a member that is left
out of the fingerprint is a member in which a change goes unseen. Two things do not: the order and the spelling of the
JSON, which say nothing, and the members of its `_meta` by which the protocol speaks of the single message.
"""

from typing import Any

import msgspec

from narthex.limits import item_depth_max, item_values_max, private_name_chars_max
from narthex.model.offer import Offer
from narthex.model.pin import Kind, Seen, Sighting
from narthex.wire.canonical_json import canonical, fingerprint
from narthex.wire.revisions import META_SERVER_INFO, META_SUBSCRIPTION_ID, PER_REQUEST_META
from narthex.wire.strict import deeper_than, more_values_than

_OF_MESSAGE = PER_REQUEST_META | {META_SERVER_INFO, META_SUBSCRIPTION_ID}
_read = msgspec.json.Decoder().decode


def sightings(offer: Offer) -> tuple[Sighting, ...]:
    """Every definition that can be read, also a second one under the same name. What cannot is shown to nobody."""
    return tuple(seen_of(offer).all())


def seen_of(offer: Offer) -> Seen:
    """Every definition of an offer, at its place."""
    return Seen(
        tools=tuple(_item("tool", text) for text in offer.tools),
        prompts=tuple(_item("prompt", text) for text in offer.prompts),
        instructions=sighting("instructions", "", offer.instructions) if offer.instructions else None,
        version=version_of(offer),
    )


def version_of(offer: Offer) -> str:
    """What the server calls its version, for people."""
    said = offer.server_info.get("version")
    return said[:private_name_chars_max] if type(said) is str else ""


def sighting(kind: Kind, name: str, definition: Any) -> Sighting:
    """One decoded definition. Raises `ValueError` for what JSON does not hold."""
    counted = _counted(definition)
    return Sighting(kind=kind, name=name, fingerprint=fingerprint(counted), definition=canonical(counted))


def _item(kind: Kind, text: msgspec.Raw) -> Sighting | None:
    raw = bytes(text)
    if deeper_than(raw, item_depth_max) or (len(raw) > item_values_max and more_values_than(raw, item_values_max)):
        return None
    try:
        definition = _read(raw)
        name = definition.get("name") if type(definition) is dict else None
        if type(name) is not str or not 0 < len(name) <= private_name_chars_max:
            return None
        return sighting(kind, name, definition)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        return None


def _counted(definition: Any) -> Any:
    meta = definition.get("_meta") if type(definition) is dict else None
    if type(meta) is not dict:
        return definition
    kept = {name: meta[name] for name in meta if name not in _OF_MESSAGE}
    if kept or not meta:
        return {**definition, "_meta": kept}
    return {name: value for name, value in definition.items() if name != "_meta"}
