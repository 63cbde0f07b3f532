"""Clients that are the URL of a document about them (OAuth Client ID Metadata Document).

Knows: which URLs are taken, that a document must speak of its own address, and how long it is believed. Refuses to
know: how an address is reached safely (`upstream/fetch.py`), and what a client is let in for.

The URL comes from anybody with a browser. So it is fetched under the strictest reach, a few at a time, in little time,
and what came is kept: also that nothing came.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from narthex.issuer.client import BadClient, Client, described
from narthex.issuer.throttle import Throttle
from narthex.limits import (
    client_document_bad_seconds,
    client_document_fetch_seconds_max,
    client_document_fetches_max,
    client_document_seconds,
    client_documents_max,
    client_documents_per_address_max,
    client_documents_per_address_seconds,
    client_id_chars_max,
)
from narthex.upstream.fetch import FetchFault, Reach, fetch
from narthex.upstream.http import Tls
from narthex.wire.addresses import address_key

_BUSY = "Too many apps are being looked up. Try again in a minute."


class _Kept(NamedTuple):
    client: Client | BadClient
    until: float


class Documents:
    """`find` waits for at most one fetch; whoever asks for the same one meanwhile waits for that."""

    def __init__(self, reach: Reach, tls: Tls, clock: Callable[[], float], say: Callable[[str, str], None]) -> None:
        self.fetches = 0
        self._waiting = 0
        self._reach, self._tls, self._clock, self._say = reach, tls, clock, say
        self._kept: dict[str, _Kept] = {}
        self._flights: dict[str, asyncio.Future[None]] = {}
        self._throttle = Throttle(client_documents_per_address_max, client_documents_per_address_seconds)

    async def find(self, url: str, peer: str, further_schemes: tuple[str, ...]) -> Client:
        """The client of this URL. Raises BadClient, whose text says nothing about what is reachable from here."""
        check_url(url)
        while (flight := self._flights.get(url)) is not None:
            await self._wait(flight)
        kept = self._kept.get(url)
        if kept is None or kept.until <= self._clock():
            self._make_way(peer)
            kept = await self._fly(url, further_schemes)
        if isinstance(kept.client, BadClient):
            raise BadClient(kept.client.error, str(kept.client))
        return kept.client

    def forget(self) -> None:
        """What is allowed has changed."""
        self._kept.clear()

    async def _wait(self, flight: "asyncio.Future[None]") -> None:
        """For somebody else's fetch; not for long enough, and not so many, that nobody else gets through."""
        if self._waiting >= client_document_fetches_max:
            raise BadClient("temporarily_unavailable", _BUSY)
        self._waiting += 1
        try:
            await asyncio.wait({flight})
        finally:
            self._waiting -= 1

    def _make_way(self, peer: str) -> None:
        if len(self._flights) >= client_document_fetches_max or self._throttle.take(address_key(peer), self._clock()):
            raise BadClient("temporarily_unavailable", _BUSY)

    async def _fly(self, url: str, further_schemes: tuple[str, ...]) -> _Kept:
        flight = self._flights[url] = asyncio.get_running_loop().create_future()
        try:
            client = await self._fetch(url, further_schemes)
            seconds = client_document_seconds if isinstance(client, Client) else client_document_bad_seconds
            return self._keep(url, _Kept(client, self._clock() + seconds))
        finally:
            del self._flights[url]
            flight.set_result(None)

    async def _fetch(self, url: str, further_schemes: tuple[str, ...]) -> Client | BadClient:
        self.fetches += 1
        try:
            found = await fetch(url, self._reach, tls=self._tls, seconds=client_document_fetch_seconds_max)
            return read(url, found.value, further_schemes)
        except FetchFault as fault:
            self._say("info", f"The document of a client cannot be fetched: {fault}")
            # One sentence for all of it: which address answers how is nobody's business outside.
            return BadClient("invalid_client", "The document that this client names could not be fetched.")
        except BadClient as bad:
            return bad

    def _keep(self, url: str, kept: _Kept) -> _Kept:
        self._kept.pop(url, None)
        if len(self._kept) >= client_documents_max:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = kept
        return kept


def is_url(client_id: str) -> bool:
    return client_id.startswith("https://")


def check_url(url: str) -> None:
    """Raises BadClient for what cannot be the name of a client."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or len(url) > client_id_chars_max:
        raise BadClient("invalid_client", "The client's URL is too long, or holds signs that no URL has.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadClient("invalid_client", "The client's URL is none.") from None
    path = unquote(parts.path)
    if parts.scheme != "https" or not parts.hostname or path in ("", "/"):
        raise BadClient("invalid_client", "The client's URL must be https, with a path.")
    if "@" in parts.netloc or "#" in url or any(part in (".", "..") for part in path.split("/")):
        raise BadClient("invalid_client", "The client's URL names a user, a fragment or a way up.")


def read(url: str, tree: object, further_schemes: tuple[str, ...]) -> Client:
    """The client that the document at `url` describes. Raises BadClient."""
    if not isinstance(tree, dict) or tree.get("client_id") != url:
        raise BadClient("invalid_client", "The document that this client names speaks of another client.")
    if "client_secret" in tree:
        raise BadClient("invalid_client", "A document that anybody can read holds no secret.")
    said = described(tree, further_schemes, default_method="none")
    if said.method != "none":
        raise BadClient("invalid_client", "A client with a document is public: 'token_endpoint_auth_method' is 'none'.")
    return Client(
        id=url,
        name=said.name,
        kind="document",
        redirect_uris=said.redirect_uris,
        grant_types=frozenset(said.grant_types),
        method="none",
    )
