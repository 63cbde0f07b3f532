"""Addresses of machines.

Knows: IPv4, IPv6, MAC. Refuses to know: what is there. The machine's own and the unspecified address tell nothing.
"""

import ipaddress

from narthex.policy.redaction.kind import Kind

_BETWEEN = b"\"': =.\x01\x02"
_VERSION_WORDS = (b"version", b"ver", b"release", b"rev", b"build", b"firmware")
_TELLS_NOTHING = frozenset({b"0.0.0.0", b"127.0.0.1", b"255.255.255.255"})


def _v4(text: bytes, start: int, end: int) -> int:
    found = text[start:end]
    parts = found.split(b".")
    if len(parts) != 4 or found in _TELLS_NOTHING:
        return 0
    if any(len(part) > 2 and (part > b"255" or part[:1] == b"0") for part in parts):
        return 0
    before = text[max(0, start - 16) : start]
    if before[-1:] in (b".", b"-", b"_") or text[end : end + 1] == b"-":
        return 0
    return 0 if before and _is_version(before) else end


def _is_version(before: bytes) -> bool:
    """Whether what stands before says that four numbers are a version: `v1.2.3.4`, `Chrome/1.2.3.4`, `version: …`."""
    if before[-1:] == b"/":
        return before[-2:-1].isalpha()
    word = before.rstrip(_BETWEEN).lower()
    return word.endswith(_VERSION_WORDS) or (word[-1:] == b"v" and not word[-2:-1].isalnum())


def _v6(text: bytes, start: int, end: int) -> int:
    found = text[start:end]
    if found.count(b":") < 2 or (b"::" not in found and found.count(b":") < 7):
        return 0
    if text[start - 1 : start].isalnum() or text[end : end + 1].isalnum() or text[end : end + 1] == b":":
        return 0
    try:
        address = ipaddress.IPv6Address(found.decode("latin-1"))
    except ValueError:
        return 0
    told = len(found) - found.count(b":") - found.count(b".")
    return 0 if address.is_loopback or address.is_unspecified or told < 4 else end


KINDS = (
    Kind(
        "ip",
        "network",
        rb"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        rb"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:\.[0-9]+)*\b",
        _v4,
        again=False,
    ),
    Kind(
        "ip",
        "network",
        rb"(?i)[0-9a-f]::|::[0-9a-f]|:[0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}:",
        rb"(?i)(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,7}(?::[0-9a-f]{1,4}){1,7}(?:\.[0-9]{1,3}){0,3}|"
        rb"(?:[0-9a-f]{1,4}:){2,7}:|::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4}(?:\.[0-9]{1,3}){0,3}",
        _v6,
        weight=2,
        again=False,
    ),
    Kind(
        "mac",
        "network",
        rb"(?i)[:\-][0-9a-f]{2}[:\-][0-9a-f]{2}[:\-][0-9a-f]{2}",
        rb"(?i)\b[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})\b",
    ),
)
