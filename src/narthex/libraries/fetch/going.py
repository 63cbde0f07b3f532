"""A request for a page, and where it may go.

Knows: the one order in which a name cannot be swapped between the look and the connection: the name is resolved, its
addresses are looked at, and the connection is made to exactly one of them. Refuses to know: what is in the page.

Redirects go the same way, each anew. No cookie, no credential and no proxy of the environment goes along.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import httpx

from narthex import ToolError
from narthex.libraries.fetch.decoding import is_text, unpacked
from narthex.wire.reachable import refusal

MIB = 1024 * 1024
body_bytes_max = 4 * MIB
seconds_max = 20.0  # for everything, redirects and all
connect_seconds_max = 8.0
redirects_max = 5
fetches_max = 16  # at one time
_REDIRECTS = (301, 302, 303, 307, 308)
_REMEDIES = {
    401: "It wants a login, which this tool does not have.",
    403: "It does not let this tool in.",
    404: "There is nothing at this address. Look for the right one.",
    410: "What was there is gone.",
    429: "It has been asked too often. Try again later.",
}


@dataclass(frozen=True, slots=True)
class Got:
    """`cut`: the page is longer than what is read of it."""

    url: str
    kind: str
    charset: str
    body: bytes
    cut: bool


class Going:
    """`private`: networks of the company may be reached, too. `hosts`: patterns; nothing else is reached."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._private, hosts = settings.get("private", False), settings.get("hosts", ["*"])
        self._agent = settings.get("user_agent", "narthex-fetch/1.0")
        if not isinstance(self._private, bool):
            raise ValueError("the setting `private` is true or false")
        if not isinstance(hosts, list) or not all(isinstance(one, str) for one in hosts):
            raise ValueError("the setting `hosts` is a list of names, like '*.example.com'")
        if not isinstance(self._agent, str) or not re.fullmatch(r"[ -~]{1,200}", self._agent):
            raise ValueError("the setting `user_agent` is a name without signs that no header can carry")
        self._hosts = [one.lower() for one in hosts]
        self._tls = ssl.create_default_context()
        self._room = asyncio.Semaphore(fetches_max)

    async def get(self, address: str) -> Got:
        """Raises ToolError, in words for a model."""
        url = _url(address)
        try:
            async with asyncio.timeout(seconds_max), self._room:
                for _ in range(redirects_max + 1):
                    found = await self._once(url)
                    if isinstance(found, Got):
                        return found
                    url = found
        except TimeoutError:
            raise ToolError(
                f"{_host(url)} did not answer within {seconds_max:g} seconds. Try again, or elsewhere."
            ) from None
        except httpx.InvalidURL:
            raise ToolError(f"{_host(url)} says that the page was moved to something that is no address.") from None
        except httpx.HTTPError as fault:
            raise ToolError(f"{_host(url)} could not be asked: {_words(fault)}.") from None
        raise ToolError(f"The page was moved more than {redirects_max} times, the last time to {_host(url)}.")

    async def _once(self, url: httpx.URL) -> Got | httpx.URL:
        """The page, or where it has moved to."""
        host = _host(url)
        fault: httpx.HTTPError = httpx.ConnectError("it has no address")
        for address in await self._addresses(host, url.port or (443 if url.scheme == "https" else 80)):
            try:
                return await self._ask(url, host, address)
            except (httpx.ConnectError, httpx.ConnectTimeout) as raised:
                fault = raised
        raise fault

    async def _addresses(self, host: str, port: int) -> list[str]:
        if not any(fnmatchcase(host.lower(), pattern) for pattern in self._hosts):
            raise ToolError(f"{host} is not among the hosts that its operator lets this tool reach.")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ToolError(f"There is no host {host}, or it cannot be found now.") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            # One refused address refuses the name: an honest name does not lead outside and inside at once.
            if reason := refusal(address, allow_private=self._private, literal=False):
                raise ToolError(f"{host} leads to a {reason} address. Only pages of the public internet are read.")
        return addresses[:3]

    async def _ask(self, url: httpx.URL, host: str, address: str) -> Got | httpx.URL:
        timeout = httpx.Timeout(seconds_max, connect=connect_seconds_max)
        headers = {"Host": url.netloc.decode("ascii"), "User-Agent": self._agent, "Accept-Encoding": "identity"}
        pinned = url.copy_with(host=address)
        # A client of its own: cookies and connections are kept by address, and two sites may share one.
        async with (
            httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=timeout) as client,
            client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": host}) as answer,
        ):
            location = answer.headers.get("location")
            if answer.status_code in _REDIRECTS and location:
                return _url(location, url)
            if not 200 <= answer.status_code < 300:
                raise ToolError(_refused(host, answer))
            kind, _, _ = answer.headers.get("content-type", "").partition(";")
            kind = kind.strip().lower()
            if not is_text(kind):
                raise ToolError(f"This is {kind[:60]}, and no text. Only pages and other texts can be read.")
            body, cut = await _body(answer)
            return Got(str(url), kind, answer.charset_encoding or "", body, cut)


async def _body(answer: httpx.Response) -> tuple[bytes, bool]:
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > body_bytes_max:
            break
    packed = answer.headers.get("content-encoding", "").strip().lower()
    found = unpacked(bytes(body), packed, body_bytes_max + 1)
    return found[:body_bytes_max], len(found) > body_bytes_max or len(body) > body_bytes_max


def _url(address: str, before: httpx.URL | None = None) -> httpx.URL:
    """Raises ToolError for what is no address of a page."""
    try:
        url = httpx.URL(address.strip()) if before is None else before.join(address)
        if url.scheme not in ("http", "https") or not url.raw_host or url.port == 0:
            raise ToolError("Only addresses that begin with 'https://' or 'http://' can be read.")
        if url.userinfo:
            raise ToolError("An address with a name or password in it is not read.")
        return url.copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise ToolError("This is no address. Write a whole one, like 'https://example.com/page'.") from None


def _host(url: httpx.URL) -> str:
    """As it is looked up: a name in letters that look like others is told as what it is."""
    return url.raw_host.decode("ascii")


def _refused(host: str, answer: httpx.Response) -> str:
    status = answer.status_code
    usual = "It is the server's fault; try again later." if status >= 500 else "Another address may do."
    wait = answer.headers.get("retry-after", "")
    asks = f" It asks to wait {wait} seconds." if wait.isdecimal() and len(wait) < 7 else ""
    return f"{host} answered with status {status}. {_REMEDIES.get(status, usual)}{asks}"


def _words(fault: httpx.HTTPError) -> str:
    if isinstance(fault, httpx.ConnectTimeout):
        return "no connection came about in time"
    if isinstance(fault.__cause__ and fault.__cause__.__cause__, ssl.SSLError) or "CERTIFICATE" in str(fault):
        return "its certificate is not one that is trusted"
    if isinstance(fault, httpx.ConnectError):
        return "no connection came about"
    if isinstance(fault, httpx.TimeoutException):
        return "it fell silent"
    return "it answered with something that is no HTTP"
