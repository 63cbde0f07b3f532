"""The logo of Brightwater Kites, drawn: a kite with two colours on a pale sky, as PNG (RFC 2083).

Knows: how to colour a square of points. Refuses to know: who looks at it.
"""

import struct
import zlib

SIDE = 48
_SKY, _SAIL, _SHADE = (232, 243, 250), (214, 69, 65), (163, 38, 56)


def logo() -> bytes:
    """A PNG of 48 by 48 points."""
    rows = b"".join(b"\x00" + bytes(part for x in range(SIDE) for part in _colour(x, y)) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)  # eight bits each of red, green and blue
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _colour(x: int, y: int) -> tuple[int, int, int]:
    across, down = x - SIDE // 2, y - SIDE // 3
    half = 14 - abs(down) if down < 0 else 14 - down // 2  # the sail is longer below its crossing than above
    if abs(across) > half:
        return _SKY
    return _SAIL if (across < 0) == (down < 0) else _SHADE


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
