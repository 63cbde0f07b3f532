"""Where several gateways keep what they must know of each other, as the operator writes it.

Knows: an address and a choice. Refuses to know: the protocol spoken there (that is `store`).
"""

from typing import Annotated, Literal

import msgspec

WhenLost = Literal["scale", "refuse", "allow"]


class SharedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A Redis or Valkey server."""

    url: Annotated[str, msgspec.Meta(min_length=1)]  # redis://, rediss://, valkey://, valkeys://, unix://
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 50  # for one answer; then it counts as lost
    when_lost: WhenLost = "scale"  # what becomes of limited calls while it is

    def __repr__(self) -> str:  # the address may hold a password
        return f"<SharedConfig {self.url.partition('://')[0]} when_lost={self.when_lost}>"
