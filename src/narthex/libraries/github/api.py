"""Requests to GitHub: below one address, with the caller's token, within its limits.

Knows: headers, redirects, conditional requests, sizes and times. Refuses to know: what an answer holds, and to go
anywhere but below the address it was given.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import httpx
import msgspec

from narthex import Context, ToolError
from narthex.libraries.github import bounds
from narthex.libraries.github.given import Given, read
from narthex.libraries.github.kept import Keeper, Key, Reply
from narthex.libraries.github.pace import CORE, SEARCH, Pace
from narthex.libraries.github.refusals import limited, refusal, words_of
from narthex.libraries.surroundings import Surroundings

T = TypeVar("T")
JSON = "application/vnd.github+json"
OBJECT = "application/vnd.github.object+json"
_VERSION = "2022-11-28"  # of the API: GitHub Enterprise Servers of every age know it
_NEXT = re.compile(r'<[^<>]{1,2000}>\s*;\s*rel="next"')
_MOVED = (301, 302, 307, 308)


class GitHub:
    """One for all calls: what is known of limits, and what is kept of answers."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.pace, self.keeper = Pace(), Keeper()
        self.places, self.large = asyncio.Semaphore(bounds.requests_max), asyncio.Semaphore(bounds.large_files_max)


@asynccontextmanager
async def lifespan(surroundings: Surroundings) -> AsyncIterator[GitHub]:
    yield GitHub(read(surroundings))


class Asker:
    """GitHub as the caller of one tool sees it."""

    def __init__(self, context: Context) -> None:
        self._github: GitHub = context.state
        self.large = self._github.large  # held while a large file is fetched
        self._http: httpx.AsyncClient = context.http
        self._token = self._github.given.token_of(context.principal)
        self._who = hashlib.sha256(self._token.encode()).hexdigest() if self._token else ""

    async def get(
        self, where: str, kind: type[T], /, *, form: str = JSON, most: int = bounds.answer_bytes_max, **query: Any
    ) -> tuple[T, Reply]:
        """What is there, and the reply it came in. Raises ToolError, in words for the model."""
        url = self._url(where, query)
        key: Key = (self._who, url, form)
        kept = self._github.keeper.find(key)
        conditions = {"if-none-match": kept.etag} if kept is not None else {}
        status, reply = await self._answered("GET", url, {"accept": form, **conditions}, most)
        if status == 304 and kept is not None:
            return await _decoded(kept, kind), kept
        found = await _decoded(reply, kind)
        self._github.keeper.keep(key, reply)
        return found, reply

    async def post(self, where: str, body: Any, kind: type[T]) -> T:
        """Make something. One after the other, with a pause in between, as GitHub asks."""
        await asyncio.sleep(self._github.pace.turn(self._who))
        headers, text = {"accept": JSON, "content-type": "application/json"}, msgspec.json.encode(body)
        _, reply = await self._answered("POST", self._url(where, {}), headers, bounds.answer_bytes_max, text)
        return await _decoded(reply, kind)

    def _url(self, where: str, query: Mapping[str, Any]) -> str:
        given = {name: str(value) for name, value in query.items() if value is not None}
        text = urlencode(given, errors="replace")
        return f"{self._github.given.base}{where}{'?' if text else ''}{text}"

    async def _answered(
        self, method: str, url: str, headers: dict[str, str], most: int, body: bytes | None = None
    ) -> tuple[int, Reply]:
        """The status, which is one of success, and what came with it. Raises ToolError."""
        github = self._github
        resource = SEARCH if url.startswith(f"{github.given.base}/search/") else CORE
        if wait := github.pace.wait(self._who, resource):
            raise limited(resource, wait, asked=False)
        try:
            async with github.places, asyncio.timeout(github.given.seconds):
                status, heard, reply = await self._sent(method, url, headers, most, body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as fault:
            raise self._unheard(method, fault) from None
        said = words_of(reply.body) if status >= 400 else ""
        wait_told = github.pace.heard(self._who, resource, status, heard, said)
        if wait_told is not None:
            raise limited(resource, wait_told, asked=True)
        if status >= 300 and status != 304:
            raise refusal(status, said, heard, self._token)
        if reply.cut:
            raise ToolError(f"GitHub's answer is larger than {most // bounds.MIB} MiB. Ask for less at once.")
        return status, reply

    async def _sent(
        self, method: str, url: str, headers: dict[str, str], most: int, body: bytes | None
    ) -> tuple[int, httpx.Headers, Reply]:
        for _ in range(bounds.redirects_max + 1):
            said = {**headers, **self._own()}
            request = self._http.build_request(
                method, url, headers=said, content=body, timeout=self._github.given.seconds
            )
            request.headers.pop("cookie", None)  # the client is shared: what one was given is not another's
            response = await self._http.send(request, stream=True, auth=None, follow_redirects=False)
            try:
                if response.status_code not in _MOVED:
                    return response.status_code, response.headers, await _reply(response, most, self._token)
            finally:
                await response.aclose()
            if method != "GET" and response.status_code not in (307, 308):
                break
            try:
                url = urljoin(url, response.headers.get("location", ""))
                if not self._is_below(url):
                    break
            except ValueError:  # it is no address at all
                break
        raise ToolError("GitHub sends this request elsewhere, which is not followed. The repository may have moved.")

    def _own(self) -> dict[str, str]:
        own = {"user-agent": "narthex-github", "x-github-api-version": _VERSION, "accept-encoding": "identity"}
        return {**own, "authorization": f"Bearer {self._token}"} if self._token else own

    def _is_below(self, url: str) -> bool:
        """The same origin, below the same path, and no way up out of it. Raises ValueError."""
        base, parts = urlsplit(self._github.given.base), urlsplit(url)
        steps = unquote(unquote(parts.path)).replace("\\", "/").split("/")
        inside = parts.path.startswith(base.path + "/") and not {".", ".."} & {*steps}
        return inside and _origin(base) == _origin(parts) and "@" not in parts.netloc

    def _unheard(self, method: str, fault: Exception) -> ToolError:
        late = isinstance(fault, TimeoutError | httpx.TimeoutException)
        what = "did not answer in time" if late else f"cannot be reached ({type(fault).__name__})"
        unsent = isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        if method == "GET" or unsent:
            return ToolError(f"GitHub {what}. Try again later.")
        return ToolError(f"GitHub {what}. It may have done this all the same: look before you try again.")


def next_page(reply: Reply, page: int) -> int | None:
    """The page after this one, if the reply's `Link` says that there is one."""
    return page + 1 if _NEXT.search(reply.link) and page < bounds.pages_max else None


async def _reply(response: httpx.Response, most: int, token: str) -> Reply:
    """`token`: never a part of it, should it be said back."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ToolError("GitHub's answer is compressed, which was not asked for. Whoever runs this can look into it.")
    body, cut = bytearray(), False
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > most:
            cut = True
            break
    etag, link = response.headers.get("etag", ""), response.headers.get("link", "")
    usable = len(etag) <= bounds.etag_chars_max and etag.isascii() and etag.isprintable()
    said = bytes(body[:most])
    said = said.replace(token.encode(), b"***") if token else said
    return Reply(said, link[:8_000], etag if usable else "", cut)


async def _decoded(reply: Reply, kind: type[T]) -> T:
    try:
        if len(reply.body) > bounds.decoded_at_once_bytes_max:
            return await asyncio.to_thread(msgspec.json.decode, reply.body, type=kind)
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ToolError("GitHub's answer has a form that is not known here. Try again later.") from None


def _origin(parts: Any) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
