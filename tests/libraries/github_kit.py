"""A client of the library `github`, in front of a GitHub of our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from narthex import Principal
from narthex.libraries.github import library
from narthex.testing import Client, connect
from process_kit import Far

KITES = {"owner": "acme", "repo": "kites"}


@asynccontextmanager
async def github(
    far: Far, token: str = "ghp_house", *, who: Principal | None = None, users: str = "", **settings: Any
) -> AsyncIterator[Client]:
    """`settings` of the library besides its address."""
    secrets = {"GITHUB_TOKEN": token, "USER_TOKENS": users}
    given = {"base_url": far.origin, **settings}
    async with connect(library, settings=given, secrets=secrets, principal=who) as client:
        yield client


def asked(far: Far) -> list[str]:
    """Method and path of every request, in order."""
    return [f"{one['method']} {one['path']}" for one in far.seen]


def headers(far: Far, number: int = -1) -> dict[str, str]:
    return {name.lower(): value for name, value in far.seen[number]["headers"].items()}
