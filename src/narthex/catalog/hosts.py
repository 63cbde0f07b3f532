"""The one form of a host that all its spellings share, as browsers and Node read it (WHATWG URL, UTS 46).

Knows: escapes, letters that are written like others, `xn--`, addresses in octal, hexadecimal and in one number. Refuses
to know: whether there is such a host.
"""

import ipaddress
import re
import unicodedata
from urllib.parse import unquote

_WEB = re.compile(r"(https?|wss?|ftp):[/\\]*([^/\\?#]*)", re.IGNORECASE)
_PORT = re.compile(r":[^:\]]*\Z")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f#/:<>?@\[\\\]^|%]")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_IGNORED = re.compile("[\u00ad\u034f\u180b-\u180f\u200b-\u200f\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")
_XN = "xn--"


class NoHost(ValueError):
    """Nobody can tell which host this is."""


def web_forms(uri: str) -> tuple[str, ...]:
    """An address of the web with its host in each of its forms, whoever asks, at whatever port, and however many
    slashes stand before it. Nothing: it is none. Raises `NoHost`."""
    head = _WEB.match(uri)
    if head is None:
        return ()
    rest = uri[head.end() :]
    if rest.startswith(("?", "#")):
        rest = f"/{rest}"
    return tuple(f"{head[1]}://{host}{rest}" for host in host_forms(authority_host(head[2])))


def authority_host(authority: str) -> str:
    """Without whoever is said to ask, and without the port."""
    return _PORT.sub("", authority.rpartition("@")[2])


def host_forms(host: str) -> tuple[str, ...]:
    """In ASCII, in letters, and as older libraries read it (IDNA 2003: `ß` is `ss`). Raises `NoHost`."""
    if not host:
        return ()
    if host.startswith("["):
        return (_address_6(host),)
    letters = _letters(unquote(host, errors="strict") if "%" in host else host)
    if not letters:
        raise NoHost(host)
    if _NUMBER.fullmatch(letters.rpartition(".")[2]):
        return (_address_4(letters),)
    older = _mapped(letters.casefold())
    return tuple(dict.fromkeys((in_ascii(letters), letters, in_ascii(older))))


def in_ascii(host: str) -> str:
    """Each label that is not in ASCII as `xn--`."""
    return ".".join(label if label.isascii() else _XN + label.encode("punycode").decode() for label in host.split("."))


def _letters(host: str) -> str:
    host = _mapped(host).rstrip(".")
    if _FORBIDDEN.search(host):
        raise NoHost(host)
    return ".".join(_mapped(_label(label)) for label in host.split("."))


def _mapped(text: str) -> str:
    """What UTS 46 makes of letters, nearly: it keeps `ß`, and every full stop is one."""
    text = _IGNORED.sub("", text).replace("ẞ", "ß")
    for _ in range(2):  # some letters become others that become others
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    return _IGNORED.sub("", text).replace("\u3002", ".")


def _label(label: str) -> str:
    if not label.startswith(_XN):
        return label
    try:
        return label[len(_XN) :].encode("ascii").decode("punycode")
    except UnicodeError:
        raise NoHost(label) from None


def _address_6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host[1:].removesuffix("]"))
    except ValueError:
        raise NoHost(host) from None
    if address.ipv4_mapped is not None:  # which Pythons write in two ways
        low = int(address.ipv4_mapped)
        return f"[::ffff:{low >> 16:x}:{low & 0xFFFF:x}]"
    return f"[{address.compressed}]"


def _address_4(host: str) -> str:
    """As `inet_aton` reads it: one to four numbers, the last of which fills what is left."""
    try:
        *first, last = map(_number, host.split("."))
        value = last + sum(number << 8 * (3 - place) for place, number in enumerate(first))
        if len(first) > 3 or max(first, default=0) > 255 or last >= 256 ** (4 - len(first)):
            raise NoHost(host)
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise NoHost(host) from None


def _number(text: str) -> int:
    if not (text.isascii() and _NUMBER.fullmatch(text)):
        raise NoHost(text)
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)
