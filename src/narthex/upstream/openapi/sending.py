"""One request to one API: sent below its base URL, redirects followed there and nowhere else.

Knows: the client of the server and its credentials, which no other origin ever sees. Refuses to know: what is asked,
and what the answer means.
"""

import asyncio
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from narthex.libraries.server import Refusal
from narthex.limits import http_redirects_max
from narthex.model.caller import Caller
from narthex.model.deadline import Deadline
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.origin import parse
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.openapi.request import Request

_REDIRECTS = frozenset((301, 302, 303, 307, 308))


class Sender:
    """For one API. `seconds` is how long a request may take where nobody says it."""

    def __init__(self, client: HttpClient, *, seconds: float, hide: Callable[[str], str] = lambda text: text) -> None:
        self.client, self.hide, self._seconds = client, hide, seconds
        self.base = client.origin.target.decode("ascii")
        self._root = self.base.partition("?")[0].rstrip("/") + "/"

    async def send(self, request: Request, deadline: Deadline | float | None, caller: Caller | None) -> HttpReply:
        """The answer that is no redirect. Raises HttpFault, Refusal."""
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + self._seconds
        for _ in range(http_redirects_max + 1):
            reply = await self.client.request(
                request.method, request.headers, request.body, deadline=deadline, path=request.target, caller=caller
            )
            if reply.status not in _REDIRECTS or b"location" not in reply.headers:
                return reply
            further = self._further(request, reply)
            if further is None:
                return reply
            request = further
        raise Refusal(f"The API redirects more than {http_redirects_max} times in a row.")

    def below(self, address: str, target: str) -> str | None:
        """The target that an address means, seen from the request's own target; None: it leads out of this API."""
        origin = self.client.origin
        try:
            found = parse(urljoin(f"{origin}{target}", address.partition("#")[0]))
        except ValueError:
            return None
        if (found.scheme, found.host, found.port) != (origin.scheme, origin.host, origin.port):
            return None
        path = found.target.decode("ascii").partition("?")[0]
        lowered = path.lower().replace("%2e", ".")
        dotted = any(part in (".", "..") for part in lowered.replace("%2f", "/").replace("%5c", "/").split("/"))
        return None if dotted or not f"{path}/".startswith(self._root) else found.target.decode("ascii")

    def _further(self, request: Request, reply: HttpReply) -> Request | None:
        """The next request. None: what changes something is not sent again where nobody said that it is the same."""
        location = reply.headers[b"location"].decode("latin-1")
        changes = request.method not in ("GET", "OPTIONS")
        if changes and reply.status in (301, 302):
            return None
        target = self.below(location, request.target)
        if target is None:
            host = _host(location)
            where = f"to {ascii(host)[1:-1][:100]}" if host else "out of this API"
            raise Refusal(f"The API redirects {where}, which is not followed: only addresses below its base URL are.")
        if changes and reply.status == 303:
            kept = b"".join(line for line in request.headers.splitlines(keepends=True) if not _about_body(line))
            return Request("GET", target, kept, b"")
        return request._replace(target=target)


def _host(location: str) -> str | None:
    try:
        return urlsplit(location).hostname
    except ValueError:  # brackets that hold no address
        return None


def _about_body(line: bytes) -> bool:
    return line.lower().startswith(b"content-")
