"""One JSON document, fetched on somebody's word: an issuer's metadata, its keys, a client's description of itself.

Knows: whom such a word may lead us to, and how large an answer may be. Refuses to know: what the document means.

Whoever names an address chooses where we knock. So: https, addresses of the public internet alone, looked at when the
connection is made (`http/dial.py`), no redirects, and little of everything. What the operator wrote may reach further.
"""

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from narthex.limits import (
    DEFAULTS,
    fetch_seconds_max,
    fetched_bytes_max,
    fetched_depth_max,
    fetched_values_max,
)
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import BlockedAddress, HttpFault
from narthex.upstream.http.origin import Origin, parse
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.tls import Tls
from narthex.wire.faults import PeerFault
from narthex.wire.reachable import refusal
from narthex.wire.strict import decode, encode

BOUNDS = msgspec.structs.replace(
    DEFAULTS,
    result_bytes_max=fetched_bytes_max,
    json_values_max=fetched_values_max,
    json_depth_max=fetched_depth_max,
    json_string_bytes_max=fetched_bytes_max,
)
ACCEPT_JSON = b"accept: application/json\r\n"
_NOT_ALLOWED = "the configuration does not allow it"
FORM = b"content-type: application/x-www-form-urlencoded\r\n"
_JSON = b"content-type: application/json\r\n"


class Reach(Enum):
    """How far an address may lead."""

    PUBLIC = auto()  # https, and the public internet
    LOOPBACK = auto()  # this machine besides, by http too: whoever named the address lives there
    PRIVATE = auto()  # private networks besides, by http too: the operator said so


class Fetched(NamedTuple):
    """An answer with a JSON value; `status` is for the caller to judge where it asked to."""

    status: int
    value: Any


class FetchFault(Exception):
    """There is no document. `reason` is a word for tables; the text names the address without its query.

    `status` is that of an answer which came and was none of success; 0 where none came.
    """

    def __init__(self, reason: str, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.reason = reason
        self.status = status


def reach_of(url: str, *, allow_private: bool) -> Reach:
    """How far the words of one may lead whom the operator named by this URL."""
    if allow_private:
        return Reach.PRIVATE
    return Reach.LOOPBACK if _names_loopback(urlsplit(url).hostname or "") else Reach.PUBLIC


async def fetch(
    url: str,
    reach: Reach,
    *,
    tls: Tls,
    method: str = "GET",
    headers: bytes = ACCEPT_JSON,
    body: bytes = b"",
    seconds: float = fetch_seconds_max,
) -> Fetched:
    """The document at `url`, which must come with a 2xx. Raises FetchFault."""
    client = open_client(url, reach, tls)
    try:
        return await ask(client, method, headers, body, seconds=seconds)
    finally:
        await client.aclose()


def open_client(url: str, reach: Reach, tls: Tls) -> HttpClient:
    """A client for many questions to one address. The caller closes it. Raises FetchFault."""
    try:
        origin = parse(url)
    except ValueError as error:
        raise FetchFault("url", f"{shown(url)} cannot be fetched: {error}") from None
    private = reach is Reach.PRIVATE or (reach is Reach.LOOPBACK and _names_loopback(origin.host))
    if origin.scheme != "https" and not private:
        raise FetchFault("scheme", f"{shown(url)} is not https, and nobody said that it may be otherwise")
    literal = origin.literal
    reason = refusal(literal, allow_private=private, literal=False) if literal is not None else None
    if reason is not None:
        # A private network may be allowed, but nobody who names an address may name the one with a cloud's secrets.
        raise FetchFault(BlockedAddress.reason, f"{_where(origin)} is a {reason} address; {_NOT_ALLOWED}")
    return HttpClient(url, BOUNDS, allow_private=private, tls=tls)


async def ask(
    client: HttpClient,
    method: str = "GET",
    headers: bytes = ACCEPT_JSON,
    body: bytes = b"",
    *,
    seconds: float = fetch_seconds_max,
) -> Fetched:
    """One question, answered with 2xx and JSON. Raises FetchFault."""
    where = _where(client.origin)
    reply = await _exchange(client, method, headers, body, seconds)
    if not 200 <= reply.status < 300:
        raise FetchFault("status", f"{where} answered with status {reply.status}", reply.status)
    return Fetched(reply.status, document(reply, where))


async def post_form(
    url: str,
    reach: Reach,
    fields: Mapping[str, str],
    *,
    tls: Tls,
    headers: bytes = b"",
    seconds: float = fetch_seconds_max,
) -> Fetched:
    """A form, answered with JSON at whatever status: a token endpoint tells its refusals so (RFC 6749, 5.2).

    Raises FetchFault; an answer that is no success and no JSON is one, with its status.
    """
    return await _answered(url, reach, ACCEPT_JSON + FORM + headers, urlencode(fields).encode("ascii"), tls, seconds)


async def post_json(url: str, reach: Reach, value: Any, *, tls: Tls, seconds: float = fetch_seconds_max) -> Fetched:
    """The same with a JSON value: a client registers (RFC 7591, 3)."""
    return await _answered(url, reach, ACCEPT_JSON + _JSON, encode(value), tls, seconds)


async def tell_form(
    url: str, reach: Reach, fields: Mapping[str, str], *, tls: Tls, headers: bytes, seconds: float = fetch_seconds_max
) -> None:
    """A form, answered with a status alone (RFC 7009, 2.2). Raises FetchFault for any but 2xx."""
    client = open_client(url, reach, tls)
    try:
        reply = await _exchange(client, "POST", FORM + headers, urlencode(fields).encode("ascii"), seconds)
    finally:
        await client.aclose()
    if not 200 <= reply.status < 300:
        raise FetchFault("status", f"{_where(client.origin)} answered with status {reply.status}", reply.status)


async def _answered(url: str, reach: Reach, headers: bytes, body: bytes, tls: Tls, seconds: float) -> Fetched:
    client = open_client(url, reach, tls)
    where = _where(client.origin)
    try:
        reply = await _exchange(client, "POST", headers, body, seconds)
        if reply.status >= 400 and not _is_json(reply.content_type):
            raise FetchFault("status", f"{where} answered with status {reply.status}", reply.status)
        return Fetched(reply.status, document(reply, where))
    finally:
        await client.aclose()


async def _exchange(client: HttpClient, method: str, headers: bytes, body: bytes, seconds: float) -> HttpReply:
    deadline = asyncio.get_running_loop().time() + seconds
    where = _where(client.origin)
    try:
        reply = await client.request(method, headers, body, deadline=deadline)
    except BlockedAddress as fault:
        raise FetchFault(fault.reason, f"{fault}; {_NOT_ALLOWED}") from None
    except HttpFault as fault:
        raise FetchFault(fault.reason, f"{where}: {fault}") from None
    if 300 <= reply.status < 400:
        raise FetchFault("status", f"{where} answered with a redirect, which is not followed", reply.status)
    return reply


def document(reply: HttpReply, where: str) -> Any:
    """The JSON value of an answer. Raises FetchFault."""
    if not _is_json(reply.content_type):
        kind = reply.content_type.decode("ascii", "replace")[:64] or "nothing"
        raise FetchFault("content_type", f"{where} answered with {kind} instead of JSON", reply.status)
    try:
        return decode(reply.body, BOUNDS)
    except PeerFault as fault:
        raise FetchFault("json", f"{where} answered with JSON that is not accepted: {fault}", reply.status) from None


def shown(url: str) -> str:
    """A URL as it may be told: without user, query and fragment, and not at any length."""
    address = url.partition("?")[0].partition("#")[0][:256]
    scheme, mark, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return ascii(scheme + mark + host.rpartition("@")[2] + slash + path)[1:-1]


def _where(origin: Origin) -> str:
    return shown(f"{origin}{origin.target.decode('ascii')}")


def _is_json(content_type: bytes) -> bool:
    return content_type == b"application/json" or (
        content_type.startswith(b"application/") and content_type.endswith(b"+json")
    )


def _names_loopback(host: str) -> bool:
    """Whether a host is this machine by its very spelling. What a name resolves to proves nothing."""
    return host in ("127.0.0.1", "::1", "localhost")
