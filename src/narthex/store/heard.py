"""What servers offered when they were last heard, for who looks at the state folder from outside.

Knows: the files that `store/offers.py` wrote. Refuses to know: whether the servers are there now.
"""

from pathlib import Path

import msgspec

from narthex.limits import catalogue_file_bytes_max
from narthex.model.config import Config
from narthex.model.offer import Offer
from narthex.store.offers import FOLDER, FORMAT, Kept, Loaded, load_all


def heard(folder: Path, config: Config | None) -> Loaded:
    """By the configuration, or, without one, every file that can be read."""
    if config is not None:
        return load_all(folder, config)
    offers: dict[str, Offer] = {}
    ignored: list[str] = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        offer = _read(path)
        if offer is None:
            ignored.append(f"{path} is not used: it is damaged, too large, or of another version.")
        else:
            offers[offer.server] = offer
    return Loaded(offers, tuple(ignored))


def _read(path: Path) -> Offer | None:
    try:
        if path.stat().st_size > catalogue_file_bytes_max:
            return None
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        return msgspec.json.decode(kept.offer, type=Offer) if kept.format == FORMAT else None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
