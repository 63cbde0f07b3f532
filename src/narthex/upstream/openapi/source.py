"""Where a document is: a file, or an address that is asked once.

Knows: how large a document may be, and that an address which is not the API's is shown none of its credentials.
Refuses to know: what stands in it.
"""

import asyncio
from pathlib import Path

import msgspec

from narthex.limits import DEFAULTS, openapi_document_bytes_max, openapi_fetch_seconds_max
from narthex.model.http_api import is_address
from narthex.upstream.fetch import shown
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.origin import Origin, parse
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.openapi.document import BadDocument
from narthex.wire.reachable import refusal

_BOUNDS = msgspec.structs.replace(DEFAULTS, result_bytes_max=openapi_document_bytes_max)
_ACCEPT = b"accept: application/json, application/yaml;q=0.9, */*;q=0.5\r\n"


async def text_of(place: str, api: HttpClient | None = None) -> bytes:
    """The text of a document. `api`: the client of the API, which asks where the document is its own.

    Raises BadDocument.
    """
    if not is_address(place):
        return await asyncio.to_thread(_of_file, place)
    try:
        origin = parse(place)
    except ValueError as fault:
        raise BadDocument(f"{shown(place)} is no address: {fault}") from None
    if origin.literal is not None and (reason := refusal(origin.literal, allow_private=True, literal=False)):
        raise BadDocument(f"{shown(place)} is a {reason} address, where no document is")
    if api is not None and same(api.origin, origin):
        return await _asked(api, place, origin)
    client = HttpClient(place, _BOUNDS, allow_private=True)  # the operator wrote it
    try:
        return await _asked(client, place, origin)
    finally:
        await client.aclose()


def same(one: Origin, other: Origin) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _of_file(place: str) -> bytes:
    try:
        with Path(place).open("rb") as file:
            text = file.read(openapi_document_bytes_max + 1)
    except OSError as fault:
        raise BadDocument(f"{place} cannot be read: {fault.strerror or 'it is no file'}") from None
    if len(text) > openapi_document_bytes_max:
        raise BadDocument(f"{place} has more than {openapi_document_bytes_max} bytes")
    return text


async def _asked(client: HttpClient, place: str, origin: Origin) -> bytes:
    deadline = asyncio.get_running_loop().time() + openapi_fetch_seconds_max
    try:
        reply: HttpReply = await client.request("GET", _ACCEPT, deadline=deadline, path=origin.target.decode("ascii"))
    except HttpFault as fault:
        raise BadDocument(f"{shown(place)} cannot be fetched: {fault}") from None
    if not 200 <= reply.status < 300:
        also = "; redirects are not followed: write where it is" if 300 <= reply.status < 400 else ""
        raise BadDocument(f"{shown(place)} answered with status {reply.status}{also}")
    return reply.body
