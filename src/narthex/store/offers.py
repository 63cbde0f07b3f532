"""The catalogue of each server on disk, so that a restart, or a server that is down, never shows an empty list.

Knows: one JSON file per server, replaced whole. Refuses to trust one: a file that is damaged, of another version, or of
a server that has since become another is passed over, with the reason.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from narthex.limits import catalogue_file_bytes_max
from narthex.model.config import Config, ServerConfig
from narthex.model.offer import Offer
from narthex.store.definition import digest_of
from narthex.store.folder import replace_file

FORMAT = 1
FOLDER = "catalogue"


class Kept(msgspec.Struct, frozen=True):
    """What a file says. The first three are read, and judged, before the offer."""

    format: int
    server: str
    definition: str
    offer: msgspec.Raw


class Loaded(NamedTuple):
    offers: dict[str, Offer]  # each marked degraded, until its server has been asked
    ignored: tuple[str, ...]  # one sentence for each file that was passed over


class Unusable(Exception):
    """This file says nothing about this server. The text is the reason."""


def load_all(folder: Path, config: Config) -> Loaded:
    """What every enabled server offered when it was last heard."""
    offers: dict[str, Offer] = {}
    ignored: list[str] = []
    for server in config.servers:
        path = _path(folder, server.name)
        if not server.enabled or not path.exists():
            continue
        try:
            offers[server.name] = _load(path, server)
        except Unusable as reason:
            ignored.append(f"server '{server.name}': its catalogue in {path} is not used: {reason}.")
    return Loaded(offers, tuple(ignored))


def save(folder: Path, server: ServerConfig, offer: Offer) -> None:
    """Keep what a server offers now. Waits for the disk: call it beside the event loop. May raise `OSError`."""
    kept = Kept(FORMAT, server.name, digest_of(server), msgspec.Raw(msgspec.json.encode(offer)))
    path = _path(folder, server.name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(path, msgspec.json.encode(kept))


def _load(path: Path, server: ServerConfig) -> Offer:
    try:
        size = path.stat().st_size
        if size > catalogue_file_bytes_max:
            raise Unusable(f"it has {size} bytes, and {catalogue_file_bytes_max} are allowed")
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        if kept.format != FORMAT:
            raise Unusable(f"it has format {kept.format}, and this version reads {FORMAT}")
        if kept.server != server.name:
            raise Unusable("it belongs to another server")
        if kept.definition != digest_of(server):
            raise Unusable("the server's address or command has changed since")
        offer = msgspec.json.decode(kept.offer, type=Offer)
    except OSError as error:
        raise Unusable(f"it cannot be read ({error.strerror})") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unusable("it is damaged") from None
    if offer.server != server.name:
        raise Unusable("it belongs to another server")
    return msgspec.structs.replace(offer, degraded=True)


def _path(folder: Path, server: str) -> Path:
    # Some file systems take "CRM" and "crm" for one name.
    low = server.lower()
    mark = "" if low == server else f"-{hashlib.blake2b(server.encode(), digest_size=4).hexdigest()}"
    return folder / FOLDER / f"{low}{mark}.json"
