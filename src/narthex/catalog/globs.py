"""The ways to write one glob of URIs, so that it meets the usual form of a URI though it was written in another.

Knows: what stands before the first sign of a glob, and its host. Refuses to know: what the signs stand for.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from narthex.catalog.hosts import authority_host, host_forms
from narthex.catalog.spellings import file_form, straight
from narthex.limits import uri_escapes_max

_SERVER = re.compile(r"([^/:]+/)?(?=[a-z][a-z0-9+.-]*:)", re.IGNORECASE)
_WEB = re.compile(r"(https?|wss?|ftp):[/\\]*([^/\\#]*)", re.IGNORECASE)
_SIX = re.compile(r"\[[0-9a-f:.]*:[0-9a-f:.]*\]", re.IGNORECASE)
_HEAD = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/*?\[]*|\[\[\][0-9a-f:]+\])/", re.IGNORECASE)
_FILE_HOST = re.compile(r"(file:)//[^/*?\[]*", re.IGNORECASE)
_DROPPED = str.maketrans("", "", "\t\r\n")
_DOTS = re.compile(r"[/\\](?:\.|%2e){1,2}(?=[/\\]|\Z)", re.IGNORECASE)
_SIGN = re.compile(r"[*?\[]")
_ESCAPES = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)


def same_host(pattern: str) -> tuple[str, ...]:
    """As it was written, and with the host in its other forms, at the port that was written."""
    return tuple(dict.fromkeys((pattern, *_at(pattern, with_port=True))))


def glob_spellings(pattern: str) -> tuple[str, ...]:
    """Whatever it may mean: a line protects all of it."""
    found = dict.fromkeys((pattern, pattern.translate(_DROPPED).strip().replace("\\", "/")))
    for _ in range(uri_escapes_max):
        found |= {
            _ESCAPES.sub(lambda escapes: _quoted(unquote(escapes[0]).translate(_DROPPED)), text): None for text in found
        }
    found |= {text.replace("\\", "/"): None for text in found}
    found |= {form: None for text in found for form in _at(text, with_port=False)}
    found |= {_straight(text): None for text in found}
    return tuple(found)


def is_lost(pattern: str) -> bool:
    """Whether it has steps that no usual URI has, behind a sign, where nobody can tell what they lead to."""
    sign = _SIGN.search(pattern)
    return sign is not None and _DOTS.search(pattern, sign.start()) is not None


def _at(pattern: str, *, with_port: bool) -> Iterator[str]:
    begun = _SERVER.match(pattern)
    if begun is None:
        return
    server, uri = begun[0], pattern[begun.end() :]
    web = _WEB.match(uri)
    if web is not None:
        authority, rest = web[2], uri[web.end() :]
        port = authority.rpartition("@")[2].removeprefix(authority_host(authority)) if with_port else ""
        for host in _hosts(authority_host(authority), is_sure=with_port):
            yield f"{server}{web[1]}://{host}{port}{rest}"
    elif not with_port:
        local = file_form(uri)
        yield server + local
        yield server + file_form(_FILE_HOST.sub(r"\1//", local))


def _hosts(host: str, *, is_sure: bool) -> Iterator[str]:
    try:
        if _SIX.fullmatch(host) or not _SIGN.search(host):
            yield from map(_quoted, host_forms(host)[: 2 if is_sure else 3])
            return
        labels = [_label(label) for label in host.split(".")]
        yield ".".join(ascii_form for ascii_form, _ in labels)
        yield ".".join(letters for _, letters in labels)
    except ValueError:
        return  # `NoHost`: it is met by what is written like it, and by what nobody can read


def _label(label: str) -> tuple[str, str]:
    """In ASCII, and in letters. One of an address, or with a sign, stays."""
    if _SIGN.search(label) or (label.isascii() and not label.lower().startswith("xn--")):
        return label.lower(), label.lower()
    forms = host_forms(label)
    return (forms[0], forms[min(1, len(forms) - 1)]) if forms else (label, label)


def _straight(pattern: str) -> str:
    """Without `.`, `..` and empty steps before the first sign."""
    begun = _SERVER.match(pattern)
    server, uri = (begun[0], pattern[begun.end() :]) if begun is not None else ("", pattern)
    head = _HEAD.match(uri)
    if head is None:
        return pattern
    sign = _SIGN.search(uri, head.end())
    place = uri.rfind("/", 0, sign.start() if sign is not None else len(uri))
    return f"{server}{straight(uri[:place])}/{uri[place + 1 :]}"


def _quoted(text: str) -> str:
    """Its signs as letters."""
    return _SIGN.sub(lambda sign: f"[{sign[0]}]", text)
