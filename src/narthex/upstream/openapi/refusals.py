"""What a model is told when an API says no, or nothing: what happened, in the API's own words, and what to do about it.

Knows: statuses, and that secrets are taken out before a text is cut, perhaps in the middle of one. Refuses to know:
which they are.
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import msgspec

from narthex.limits import http_error_chars_max
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.openapi.answers import ABSENT, decoded, excerpt, is_json
from narthex.wire.strict import encode

_ADVICE = {
    400: "Check the arguments against what it says.",
    401: "The gateway's credentials for this API were not taken; calling again does not help. Tell the operator.",
    402: "The API wants to be paid first. Tell the operator.",
    403: "The gateway may not do this there. Another object, or less, may be allowed; otherwise tell the operator.",
    404: "Check the identifiers in the arguments; look them up first with a list or search tool.",
    405: "The API does not offer this any more. Use another tool.",
    406: "The API cannot answer in a form that is read here.",
    409: "It conflicts with the present state: read that first, then decide anew.",
    410: "It is gone for good. Look for what replaced it.",
    412: "The state has changed meanwhile: read it again, then decide anew.",
    413: "Send less at once.",
    415: "The API does not take a body of this kind.",
    422: "Check the arguments against what it says.",
    429: "Too many calls.",
    501: "The API does not offer this.",
}
_SENT = "It may have been carried out all the same: look before you do it again."
_FAULTS = {
    "connect_failed": "no connection to it",
    "connect_timeout": "it did not accept a connection in time",
    "tls_failed": "the TLS handshake with it failed",
    "blocked_address": "its address is not one that may be reached",
    "pool_full": "too many requests to it are open",
    "timeout": "it did not answer in time",
    "lost": "the connection was lost before an answer",
    "truncated": "the connection was lost in the middle of the answer",
    "malformed": "its answer breaks the rules of HTTP, or is compressed although that was not asked for",
    "too_large": "its answer is over the limit; ask for less, by page or by filter",
}
_READ_AGAIN = frozenset(("connect_failed", "connect_timeout", "pool_full", "timeout", "lost", "truncated"))


def said_no(reply: HttpReply, title: str, now: float, hide: Callable[[str], str] = lambda text: text) -> str:
    """`GET /pets/7 answered 404 Not Found: {"message":"no such pet"}. Check …`"""
    status = reply.status
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    about = _about(reply, hide)
    parts = [f"{title} answered {status}{phrase}{': ' + about if about else ''}"]
    parts[0] += "" if parts[0].endswith((".", "!", "?", "}", "]", "…")) else "."
    parts.append(_ADVICE.get(status, _of_family(status)))
    if status in (429, 503) and (wait := seconds_to_wait(reply, now)) is not None:
        parts.append(f"Retry in {wait} seconds.")
    return " ".join(part for part in parts if part)


def broke_off(fault: HttpFault, title: str, *, reads: bool) -> str:
    """There was no answer."""
    text = f"{title} brought no answer: {_FAULTS.get(fault.reason, 'the connection failed')}."
    if fault.sent and not reads:
        return f"{text} {_SENT}"
    return f"{text} Try again later." if fault.reason in _READ_AGAIN else text


def seconds_to_wait(reply: HttpReply, now: float) -> int | None:
    """`Retry-After`, as seconds or as a date (RFC 9110, 10.2.3); GitHub and others say the moment instead."""
    said = reply.headers.get(b"retry-after", b"").decode("ascii", "replace").strip()
    if said.isascii() and said.isdigit() and len(said) < 7:
        return int(said)
    if said:
        try:
            return max(0, round(parsedate_to_datetime(said).timestamp() - now))
        except (ValueError, TypeError, OverflowError):
            return None
    moment = reply.headers.get(b"x-ratelimit-reset", b"")
    if moment.isdigit() and len(moment) == 10:
        return max(0, int(moment) - int(now))
    return None


def _of_family(status: int) -> str:
    if 500 <= status < 600:
        return "The fault is the API's. Try again later."
    return "" if status >= 400 else "Such an answer is not followed here."


def _about(reply: HttpReply, hide: Callable[[str], str]) -> str:
    """The body's own words: of JSON the JSON, of a page of HTML nothing."""
    if not reply.body:
        return ""
    kind = reply.content_type.decode("ascii", "replace")
    said = decoded(reply)
    if is_json(kind):
        value: Any = ABSENT
        try:
            value = msgspec.json.decode(said.encode("utf-8", "replace"))
        except (msgspec.DecodeError, RecursionError):
            value = ABSENT
        if value is not ABSENT:
            said = encode(value).decode()
    elif kind in ("text/html", "application/xhtml+xml") or (not kind.startswith("text/") and "\0" in said[:1000]):
        return ""
    return excerpt(hide(said), http_error_chars_max)
