"""How grants of users are kept at rest, as the operator wrote it.

Knows: keys. Refuses to know: what they seal.
"""

from typing import Annotated

import msgspec

from narthex.limits import vault_keys_max

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class VaultConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """32 bytes each, as base64."""

    key: Key  # seals
    old_keys: Annotated[tuple[Key, ...], msgspec.Meta(max_length=vault_keys_max - 2)] = ()  # still open

    def __repr__(self) -> str:
        return f"<VaultConfig {1 + len(self.old_keys)} keys>"
