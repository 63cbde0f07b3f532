"""How each MCP client is told of an API key: by the name of a variable it fills in itself, or by the key.

Knows: the clients' ways to write both. Refuses to know: files, and whether a key is good.
"""

from dataclasses import dataclass, field

from narthex.cli.clients import Client, Entry
from narthex.cli.options import KEY_VARIABLE


class NoWay(Exception):
    """This client cannot be told so; the text says what can be done instead."""


@dataclass(frozen=True, slots=True)
class Key:
    """Either the name of a variable that will hold the key, or the key itself."""

    variable: str = ""
    text: str = field(default="", repr=False)


def with_key(client: Client, entry: Entry, key: Key) -> Entry:
    """The entry of a client's file, with what the client shows to the gateway, or hands to `narthex stdio`."""
    if "command" in entry:
        return {**entry, **_handed(client, key)}
    return {**entry, **_header(client, key)}


def _header(client: Client, key: Key) -> Entry:
    if client.is_toml:  # Codex
        if key.variable:
            return {"bearer_token_env_var": key.variable}
        return {"http_headers": {"Authorization": f"Bearer {key.text}"}}
    return {"headers": {"Authorization": f"Bearer {_value(client, key)}"}}


def _handed(client: Client, key: Key) -> Entry:
    """`narthex stdio` takes its key from its environment, where no other program sees it."""
    if client.is_toml and key.variable:
        if key.variable != KEY_VARIABLE:
            raise NoWay(f"{client.label} hands on variables under their own names: call this one {KEY_VARIABLE}")
        return {"env_vars": [KEY_VARIABLE]}
    return {"env": {KEY_VARIABLE: _value(client, key)}}


def _value(client: Client, key: Key) -> str:
    if not key.variable:
        return key.text
    if client.variable is None:
        raise NoWay(f"{client.label} fills in no variables: the key itself has to stand in its file, by '--key -'")
    return client.variable.replace("NAME", key.variable)
