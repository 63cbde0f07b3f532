"""The keys of the vault: the operator's, and one in the state folder.

Knows: how they are written down. Refuses to seal, and to print a key.
"""

import os
from base64 import b64decode
from binascii import Error
from pathlib import Path

from narthex.model.vault import VaultConfig
from narthex.store.keys import load_keys
from narthex.wire.ring import KEY_BYTES

FILE = "vault-key.json"


class BadVaultKey(ValueError):
    """The text says what is wrong with it, without it."""

    def __init__(self) -> None:
        super().__init__(f"it has to be {KEY_BYTES} bytes, written as base64")


def key_of(text: str) -> bytes:
    """Raises BadVaultKey."""
    try:
        plain = text.strip().translate(str.maketrans("-_", "+/")).rstrip("=")
        key = b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (Error, ValueError):
        raise BadVaultKey from None
    if len(key) != KEY_BYTES:
        raise BadVaultKey
    return key


def vault_keys(folder: Path, config: VaultConfig | None) -> tuple[bytes, ...]:
    """The one that seals first. Raises `StateFault`, BadVaultKey.

    The folder's own is made where the operator gives none; where it was made before, it goes on opening what it sealed.
    """
    if config is None:
        return load_keys(folder, FILE)
    given = tuple(key_of(one) for one in (config.key, *config.old_keys))
    return (*given, *load_keys(folder, FILE)) if os.path.lexists(folder / FILE) else given
