"""Questions to a Prometheus, and what its answers are worth to a model.

Knows: its HTTP API, and whose fault each kind of error is. Refuses to know: what is asked for.
"""

import asyncio
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from narthex import Context, ToolError

MIB = 1024 * 1024
answer_bytes_max = 8 * MIB
query_seconds_max = 15  # told to Prometheus, which then ends it
seconds_max = 20.0  # for the answer to be here
said_chars_max = 500  # of what Prometheus says of an error
_OPERATOR = "Nothing in the call can mend that, only its operator."
_NARROW = "Ask for less: a shorter time_range, a larger step, more labels, or 'sum' with `by`."


T = TypeVar("T")


class Sampled(msgspec.Struct):
    """One series: `values` over time, or one `value`; native histograms have neither."""

    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Queried(msgspec.Struct, rename="camel"):
    result_type: Literal["matrix", "vector", "scalar", "string"]
    result: msgspec.Raw


class _Answer(msgspec.Struct, rename="camel"):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error_type: str = ""
    error: str = ""
    warnings: list[str] | None = None


class Prometheus:
    """`warnings`: what it said besides, in the answers so far."""

    def __init__(self, context: Context) -> None:
        url = context.settings.get("url", "http://127.0.0.1:9090")
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("the setting `url` is the address of Prometheus, like http://prometheus:9090")
        self._http, self._url, self.warnings = context.http, url.rstrip("/"), list[str]()
        self._how: dict[str, Any] = {"headers": {"Accept": "application/json"}}
        secrets = context.secrets
        if "TOKEN" in secrets:
            self._how["headers"]["Authorization"] = f"Bearer {secrets['TOKEN']}"
        elif "USER" in secrets:
            self._how["auth"] = (secrets["USER"], secrets.get("PASSWORD", ""))

    async def query(self, query: str, at: float) -> list[Sampled]:
        """What is so at one moment."""
        return await self._query("query", query=query, time=at)

    async def query_range(self, query: str, start: float, end: float, step: int) -> list[Sampled]:
        return await self._query("query_range", query=query, start=start, end=end, step=step)

    async def get(self, kind: type[T], path: str, **params: str | float) -> T:
        """`match` is sent as `match[]`. Where there is nothing, an empty one of its kind."""
        named = {"match[]" if name == "match" else name: value for name, value in params.items()}
        data = await self._ask("GET", path, params=named)
        return kind() if bytes(data) == b"null" else _read(data, kind)

    async def _query(self, path: str, **form: str | float) -> list[Sampled]:
        found = _read(await self._ask("POST", path, data={**form, "timeout": query_seconds_max}), _Queried)
        if found.result_type in ("matrix", "vector"):
            return _read(found.result, list[Sampled])
        return [Sampled(value=_read(found.result, tuple[float, str]))]

    async def _ask(self, method: str, path: str, **what: Any) -> msgspec.Raw:
        """The data of the answer. Raises ToolError, in words for a model."""
        try:
            async with asyncio.timeout(seconds_max):
                status, body = await self._answer(method, f"{self._url}/api/v1/{path}", **what)
        except TimeoutError:
            raise ToolError(f"Prometheus did not answer within {seconds_max:g} seconds. {_NARROW}") from None
        except httpx.TimeoutException:
            raise ToolError("Prometheus cannot be reached at the moment. Try again later.") from None
        except httpx.HTTPError:
            raise ToolError("Prometheus cannot be reached at the moment. Try again later.") from None
        answer = _answered(status, body)
        if answer.status != "success":
            raise ToolError(_refused(answer.error_type, answer.error[:said_chars_max]))
        self.warnings += [one[:said_chars_max] for one in answer.warnings or ()]
        return answer.data

    async def _answer(self, method: str, url: str, **what: Any) -> tuple[int, bytes]:
        body = bytearray()
        async with self._http.stream(method, url, **what, **self._how) as answer:
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > answer_bytes_max:
                    raise ToolError(f"The answer is larger than {answer_bytes_max // MIB} MiB. {_NARROW}")
            return answer.status_code, bytes(body)


def _answered(status: int, body: bytes) -> _Answer:
    if status in (401, 403):
        raise ToolError(f"Prometheus does not let this tool in (status {status}). {_OPERATOR}")
    return _read(body, _Answer, status)


def _read(data: bytes | msgspec.Raw, kind: type[T], status: int = 200) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError):
        if status >= 500 or status == 429:
            raise ToolError(f"Prometheus answered with status {status}. Try again later.") from None
        raise ToolError(f"What answered (status {status}) is no Prometheus. {_OPERATOR}") from None


def _refused(kind: str, said: str) -> str:
    if kind in ("timeout", "canceled"):
        return f"The query took longer than {query_seconds_max} seconds, so Prometheus ended it. {_NARROW}"
    if "too many samples" in said or "maximum resolution" in said:
        return f"The query looks at too much: {said}. {_NARROW}"
    if kind in ("bad_data", "execution"):
        return f"Prometheus does not take this: {said}. Mend it, and ask again."
    return f"Prometheus has a trouble of its own ({kind}): {said}. Try again later."
