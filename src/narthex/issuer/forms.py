"""Queries, forms and cookies, read strictly.

Knows: the grammar, and that a parameter which comes twice means nothing (RFC 6749, 3.1). Refuses to know: what the
parameters are for.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from narthex.issuer.answer import Asked, Fields, OauthFault
from narthex.limits import sign_in_body_bytes_max, sign_in_cookie_chars_max, sign_in_fields_max

_FORM = b"application/x-www-form-urlencoded"
_COOKIE = re.compile(r"[A-Za-z0-9_.-]{16,2048}")


class Twice(Exception):
    """A parameter came more than once."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def pairs(text: str) -> list[tuple[str, str]]:
    """The parameters of a query or a form, in their order. Raises ValueError."""
    found = parse_qsl(text, keep_blank_values=True, max_num_fields=sign_in_fields_max, errors="strict")
    if any("\0" in value for _, value in found):
        raise ValueError("a parameter holds a zero byte")
    return found


def once(found: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The parameters by name; those without a value do not count. Raises Twice."""
    named: dict[str, str] = {}
    for name, value in found:
        if name in named:
            raise Twice(name)
        named[name] = value
    return {name: value for name, value in named.items() if value}


def form(asked: Asked) -> Mapping[str, str]:
    """The form in a body. Raises OauthFault."""
    kind = (asked.headers.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != _FORM:
        raise OauthFault("invalid_request", "The Content-Type must be application/x-www-form-urlencoded.")
    if len(asked.body) > sign_in_body_bytes_max:
        raise OauthFault("invalid_request", f"The body is over {sign_in_body_bytes_max} bytes.", 413)
    try:
        return once(pairs(asked.body.decode("utf-8")))
    except Twice as twice:
        raise OauthFault("invalid_request", f"The parameter '{twice.name[:64]}' came twice.") from None
    except ValueError:
        raise OauthFault("invalid_request", "The form cannot be read.") from None


def cookie(headers: Fields, name: str) -> str:
    """The value of one cookie, if it is of a form that we give out; "" otherwise."""
    line = headers.get(b"cookie") or b""
    if len(line) > sign_in_cookie_chars_max:
        return ""
    found = ""
    for pair in line.decode("latin-1").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            if found:
                return ""  # somebody set a second one, for another path or domain: neither can be told to be ours
            found = value
    return found if _COOKIE.fullmatch(found) else ""
