"""The secrets of one server's configuration are not shown in what it says: in its stderr, its errors, its messages.

Knows: the values that were configured, as they are and as they are often written. Refuses to know: secrets that the
server got elsewhere; those have only the net of `telemetry.scrub`, which goes by the look of the text.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from narthex.limits import secret_chars_min, secret_line_chars_min
from narthex.model.config import ServerConfig
from narthex.ports import Notices
from narthex.telemetry.scrub import MASK
from narthex.telemetry.secrets import looks_secret

# Long enough, with a digit, and neither a path, a URL, a number, nor words: nobody writes a setting like that.
_OPAQUE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[^\s/\\]{8,}")


class Mask:
    """`mask(text)` is the text without these values. `cut`: it goes on, perhaps in the middle of one."""

    __slots__ = ("_also", "_found", "_values")

    def __init__(self, values: Iterable[str] = (), also: Callable[[str], str] | None = None) -> None:
        """`also` takes away besides what changes while we run: tokens."""
        self._also = also
        self._values = sorted({form for value in values for form in _written(value)}, key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, self._values))) if self._values else None

    def __call__(self, text: str, *, cut: bool = False) -> str:
        if self._also is not None:
            text = self._also(text)
        if self._found is None:
            return text
        text = self._found.sub(MASK, text)
        return self._without_beginning(text) if cut else text

    def _without_beginning(self, text: str) -> str:
        """Without the beginning of a value at its very end."""
        for value in self._values:
            for length in range(min(len(value) - 1, len(text)), 2, -1):
                if text.endswith(value[:length]):
                    return text[:-length] + MASK
        return text


class Discreet:
    """`Notices` that pass on everything about one server, masked."""

    def __init__(self, notices: Notices, mask: Mask) -> None:
        self._notices, self._mask = notices, mask

    def updated(self, server: str, uri: str, whose: str | None = None) -> None:
        self._notices.updated(server, uri, whose)

    def say(self, server: str, level: str, sentence: str) -> None:
        self._notices.say(server, level, self._mask(sentence))


def mask_of(config: ServerConfig, also: Callable[[str], str] | None = None) -> Mask:
    """Everything in it that is, or may well be, a secret."""
    found = [*of_variables(config.env), *of_variables(config.headers), *of_words(config.command or ())]
    found += config.secrets.values()
    found += [*_of_url(config.sql or ""), config.database.password or ""]
    found += [value.partition(" ")[2] for value in found]  # "Bearer …": also without the word
    if config.address is not None:
        found += _of_url(config.address)
    shown = config.credentials
    if shown is not None:
        found += [secret for secret in (shown.value, shown.client_secret) if secret is not None]
        found += [shown.idp.client_secret] if shown.idp is not None and shown.idp.client_secret else []
        for one in (shown, shown.idp):
            for words in (one.client_secret_command, one.private_key_command) if one is not None else ():
                found += of_words(words or ())
        found += of_words(shown.value_command or ())
    return Mask(found, also)


def of_variables(variables: Mapping[str, str], *, opaque: bool = True) -> Iterator[str]:
    """The values that have the name of a secret, or (`opaque`) the look of one."""
    for name, value in variables.items():
        if looks_secret(name) or (opaque and _OPAQUE.fullmatch(value)):
            yield value
        elif "://" in value:
            yield from _of_url(value)


def of_words(words: Iterable[str]) -> Iterator[str]:
    """The values of options: `--token=…`, `--token …`."""
    before = ""
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            yield from of_variables({name: value})
        elif before.startswith("-"):
            yield from of_variables({before: word})
        elif "://" in word:
            yield from _of_url(word)
        before = word


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    yield parts.password or ""
    yield from of_variables(dict(parse_qsl(parts.query)))


def _written(value: str) -> Iterator[str]:
    """The forms in which a value may be met. Of several lines each is one: they are printed one by one."""
    lines = [line.strip() for line in value.splitlines()]
    for line in lines:
        if len(line) >= (secret_chars_min if len(lines) == 1 else secret_line_chars_min):
            yield line
            yield quote(line, safe="")
            yield json.dumps(line)[1:-1]
