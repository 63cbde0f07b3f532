"""Which segments were removed because of their age: signed, so that nobody else can remove some and say so.

Knows: one file of the audit folder. Refuses to know: why something is old enough.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from narthex.limits import audit_retired_max
from narthex.store.audit.key import PublicKey, Signer
from narthex.store.audit.lines import to_sign
from narthex.store.folder import replace_file

FILE = "retired.json"
_CONTEXT = b"retired\n"


class Removed(msgspec.Struct, frozen=True):
    """The last removed segment of a chain, and its last line. All before it are gone as well."""

    hash: str
    segment: int
    seq: int


class Retired(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What the file says."""

    chains: dict[str, Removed] = {}
    key: str = ""
    sig: str = ""


class BadRetired(ValueError):
    """The file is not what this house signed. The text says why."""


def read_retired(folder: Path) -> Retired:
    """Unproven. Raises BadRetired, OSError."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Retired)
    except FileNotFoundError:
        return Retired()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadRetired("it is damaged") from None


def proven_retired(folder: Path, keys: Mapping[str, PublicKey]) -> dict[str, Removed]:
    """What was removed by the house. Raises BadRetired, OSError."""
    retired = read_retired(folder)
    if not retired.chains:
        return {}
    key = keys.get(retired.key)
    if key is None:
        raise BadRetired(f"it is signed with the key {retired.key or '(none)'}, which is not known here")
    if not key.made(retired.sig, _text(retired)):
        raise BadRetired("its signature is not good")
    return retired.chains


def add_retired(folder: Path, removed: dict[str, Removed], signer: Signer) -> None:
    """Written before anything is removed: what is on record and still there harms nobody. Raises OSError."""
    try:
        chains = proven_retired(folder, {signer.public.id: signer.public})
    except BadRetired:
        chains = {}  # what somebody changed is not signed by us; `verify` misses what it should have said
    chains.update(removed)
    newest = dict(sorted(chains.items())[-audit_retired_max:])
    retired = Retired(chains=newest, key=signer.public.id)
    retired.sig = signer.sign(_text(retired))
    replace_file(folder / FILE, msgspec.json.encode(retired))


def _text(retired: Retired) -> bytes:
    bare = msgspec.structs.replace(retired, sig="")
    return to_sign(_CONTEXT + msgspec.json.encode(bare, order="sorted"))
