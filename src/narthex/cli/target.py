"""Whom to ask: a running gateway at a URL, or one started from a file for the occasion.

Knows: how a URL and an endpoint become one address, how a list is read to its end. Refuses to know: what is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from narthex.cli.client import DEFAULT_URL, Gateway, HttpGateway, Refused, Tree, Unreachable
from narthex.cli.options import KEY_VARIABLE
from narthex.cli.pipe import PipeGateway
from narthex.cli.say import NO, WRONG, fail, refuse, shown
from narthex.limits import DEFAULTS
from narthex.wire.faults import UNAUTHENTICATED


@contextmanager
def gateway(url: str | None, file: Path | None, endpoint: str | None, key: str | None = None) -> Iterator[Gateway]:
    """The gateway that is meant; the command ends, with a sentence, when it cannot be reached or says no.

    `key` goes to a URL only: a gateway that is started for the occasion talks to us alone.
    """
    try:
        opened: Gateway = _from_file(file, endpoint) if file is not None else HttpGateway(address(url, endpoint), key)
    except Unreachable as error:
        fail(str(error), NO)
    try:
        yield opened
    except Unreachable as error:
        fail(str(error), NO)
    except Refused as error:
        _say_refusal(error, has_key=key is not None)
    finally:
        opened.close()


def address(url: str | None, endpoint: str | None) -> str:
    """`http://host:8080` and `support` as `http://host:8080/mcp/support`."""
    base = (url or DEFAULT_URL).rstrip("/")
    _, mark, rest = base.partition("://")
    if mark and "/" not in rest:
        base += "/mcp"
    if endpoint is None:
        return base
    if not base.endswith("/mcp"):
        fail(
            f"With --endpoint the address is the gateway's own, like {DEFAULT_URL}; '{base}' already says more.", WRONG
        )
    return f"{base}/{endpoint}"


def list_all(asked: Gateway, method: str, key: str) -> list[Tree]:
    """Every item of a list, page after page."""
    items: list[Tree] = []
    params: Tree = {}
    for _ in range(DEFAULTS.list_pages_max):
        page = asked.request(method, params)
        items += [item for item in page.get(key, ()) if isinstance(item, dict)]
        cursor = page.get("nextCursor")
        if not isinstance(cursor, str):
            break
        params = {"cursor": cursor}
    return items


def _from_file(file: Path, endpoint: str | None) -> PipeGateway:
    import os

    from narthex.control.load import load
    from narthex.control.problem import ConfigError

    try:
        loaded = load(file, os.environ)
        loaded.require_ready()
    except ConfigError as error:
        refuse(error)
    if endpoint is not None and endpoint not in loaded.config.endpoints:
        known = ", ".join(sorted(loaded.config.endpoints)) or "none"
        fail(f"{file} has no endpoint '{endpoint}'. Its endpoints: {known}.", WRONG)
    return PipeGateway(file, endpoint)


def _say_refusal(error: Refused, *, has_key: bool) -> NoReturn:
    """Whoever has shown a key is told by the gateway what is wrong with it."""
    asks = error.code == UNAUTHENTICATED and not has_key
    hint = f"\nGive a key or token with --key, or in {KEY_VARIABLE}." if asks else ""
    fail(f"{shown(error.message)} (code {error.code}){hint}", NO)
