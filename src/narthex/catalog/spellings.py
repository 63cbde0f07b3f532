"""The ways to write one URI that a server may take for the same.

Knows: escapes, dots, slashes, hosts, and what stands behind `?` and `#`. Refuses to know: which of them a server really
takes for the same. What protects a URI has to protect all of these; what opens one has to open each of them.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from narthex.catalog.hosts import web_forms
from narthex.catalog.uris import normal
from narthex.limits import uri_escapes_max, uri_spellings_max

_HEAD = re.compile(r"([a-z][a-z0-9+.-]*:)(?://([^/]*))?", re.IGNORECASE)
_FILE = re.compile(r"file:(/*)", re.IGNORECASE)
_DRIVE = re.compile(r"\A/([a-z])[:|](?=/|\Z)", re.IGNORECASE)
_UNSEEN = re.compile(r";[^/]*|::?\$[^/]*|(?<=[^/. ])[. ]+(?=/|;|:|\Z)|(?<=\.) +(?=/|;|:|\Z)")
_DROPPED = str.maketrans("", "", "\t\r\n")  # by browsers' way to read a URI
_AROUND = "".join(map(chr, range(0x21)))


def plain(uri: str) -> tuple[str, ...]:
    """As it was written, without escapes, and without what leads nowhere. Nothing: in too many ways to tell."""
    found = dict.fromkeys(_unescaped(uri))
    for ways in _WAYS:
        try:
            found |= {form: None for text in found for form in ways(text)}
        except ValueError:  # `NoHost`, or escapes that are no text: it may be at any host
            return ()
        if len(found) >= uri_spellings_max:
            return ()
    return tuple({uri: None, **found})


def spellings(uri: str) -> tuple[str, ...]:
    """Those, and each as URI libraries write it. Nothing: in too many ways to tell."""
    found = plain(uri)
    return tuple(dict.fromkeys((*found, *map(normal, found))))


def _unescaped(uri: str) -> Iterator[str]:
    """What each of those sees who unescape one after the other."""
    for _ in range(uri_escapes_max + 1):
        uri = uri.translate(_DROPPED)  # first: what is left may be an escape
        yield from (uri, uri.strip(_AROUND))
        plainer = unquote(uri)
        if plainer == uri:
            return
        uri = plainer


def _slashed(uri: str) -> Iterator[str]:
    """A backslash is a step, or a sign like others."""
    yield uri.replace("\\", "/")


def _cut(sign: str) -> Callable[[str], Iterator[str]]:
    def ways(uri: str) -> Iterator[str]:
        yield uri.partition(sign)[0]

    return ways


def _begun(uri: str) -> Iterator[str]:
    """With a host where browsers see one (`https:/h`, `https:h`), and a file without one (`file:a`)."""
    yield from web_forms(uri)
    yield file_form(uri)


def file_form(uri: str) -> str:
    """`file:a`, `file:/a`, `file://c:/a` and `file:///c|/a`, in the usual form."""
    head = _FILE.match(uri)
    if head is None:
        return uri
    rest = _DRIVE.sub(r"/\1:", "/" + uri[head.end() :].lstrip("/"))
    slashes = len(head[1])
    return f"file://{rest}" if slashes != 2 or _DRIVE.match(rest) else uri


def _bare(uri: str) -> Iterator[str]:
    """Without what Windows and servlets do not see in a step."""
    path, sign, query = uri.partition("?")
    head = _HEAD.match(path)
    place = head.end() if head is not None else 0
    yield path[:place] + _UNSEEN.sub("", path[place:]) + sign + query


def _straightened(uri: str) -> Iterator[str]:
    path, sign, query = uri.partition("?")
    for way in (straight, _straight_of_browsers):
        yield way(path) + sign + query
        yield way(uri)


def straight(uri: str) -> str:
    """Without `.`, `..`, empty steps and a slash at the end; `file:` in one form (RFC 8089)."""
    return _walked(uri, lambda steps: [step for step in steps if step])


def _straight_of_browsers(uri: str) -> str:
    """The same, where `..` takes back an empty step too, and never the letter of a drive."""
    return _walked(uri, lambda steps: steps[1:] if not steps[0] else steps, is_file=_FILE.match(uri) is not None)


def _walked(uri: str, chosen: Callable[[list[str]], list[str]], *, is_file: bool = False) -> str:
    head = _HEAD.match(uri)
    start, rest = (head[0], uri[head.end() :]) if head is not None else ("", uri)
    if head is not None and head[1].lower() == "file:":
        start = f"file://{head[2] or ''}"
    steps: list[str] = []
    for step in chosen(rest.split("/")):
        if step == "..":
            if not (is_file and len(steps) == 1 and _DRIVE.fullmatch(f"/{steps[0]}")):
                del steps[-1:]
        elif step != ".":
            steps.append(step)
    steps = [step for step in steps if step]
    if is_file and steps:
        steps[0] = _DRIVE.sub(r"/\1:", f"/{steps[0]}")[1:]
    return start + ("/" if rest.startswith("/") and steps else "") + "/".join(steps)


def _at_host(uri: str) -> Iterator[str]:
    """At its host alone, whoever is said to ask and at whatever port; a file is nobody else's."""
    head = _HEAD.match(uri)
    if head is None or not head[2]:
        return
    host = head[2].rpartition("@")[2]
    host = "" if head[1].lower() == "file:" else re.sub(r"\.?(:\d*)?$", "", host)
    yield f"{head[1]}//{host}{uri[head.end() :]}"


_WAYS = (_slashed, *map(_cut, "\0#?"), _bare, _begun, _straightened, _at_host)
