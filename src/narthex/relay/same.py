"""Whether a server is still the same one after its configuration has changed.

Knows: which keys are the server's own business, and which are only about who may do what with it. Refuses to know:
what becomes of one that is another.
"""

import msgspec

from narthex.model.config import KINDS, Config, ServerConfig

# Laid down about calls, and compiled into the catalogue: a change of them restarts nothing.
_ABOUT_CALLS = ("rate_limit", "quota", "cost", "redaction", "approval", "definitions", "validation", "result", "cache")


def same(one: ServerConfig, other: ServerConfig | None) -> bool:
    """Whether the server itself is the same: who may do what with it is no business of its own."""
    return other is not None and _itself(one) == _itself(other)


def same_place(one: ServerConfig, other: ServerConfig) -> bool:
    """What was known of the one is worth something for the other."""
    return all(getattr(one, kind) == getattr(other, kind) for kind in KINDS)


def connecting(config: Config) -> frozenset[str]:
    """Servers that want a grant of somebody, given in a browser."""
    found = (one for one in config.servers if one.enabled and one.credentials is not None and one.credentials.connects)
    return frozenset(one.name for one in found)


def _itself(config: ServerConfig) -> ServerConfig:
    return msgspec.structs.replace(
        config,
        required_scopes=None,
        scopes={},
        prompt_scopes={},
        resource_scopes={},
        challenge_scopes={},
        scopes_by_annotation=None,
        trusted=False,
        declared_scopes=None,
        concealed=False,
        rules={},
        **dict.fromkeys(_ABOUT_CALLS),
    )
