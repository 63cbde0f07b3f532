"""Where a secret of the configuration is: in it, in a file, or with a helper that is asked.

Knows: how the keys for the three are called. Refuses to know: more than one of them; the checks have seen to it.
"""

from narthex.model.credentials import OAuthClientConfig
from narthex.upstream.credentials.helper import Helper
from narthex.upstream.credentials.secret import FileSecret, Secret
from narthex.upstream.credentials.told_secret import ToldSecret


def secret_of(config: OAuthClientConfig, key: str) -> Secret | None:
    """`key`: `value`, `client_secret` or `private_key`. None: nothing stands there."""
    command: tuple[str, ...] | None = getattr(config, f"{key}_command", None)
    file: str | None = getattr(config, f"{key}_file", None)
    value: str | None = getattr(config, key, None)
    if command is not None:
        helper = Helper(f"{key}_command", command, config.inherit_env, for_header=key == "value")
        return ToldSecret(helper, config.secret_seconds)
    if file is not None:
        return FileSecret(file)
    return Secret(value) if value is not None else None
