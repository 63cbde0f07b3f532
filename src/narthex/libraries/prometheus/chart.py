"""Lines over time as a picture (PNG, RFC 2083).

Knows: how to draw lines, a grid, and the few signs that numbers have. Refuses to know: what the lines mean.
"""

import math
import struct
import zlib
from datetime import UTC, datetime

from narthex.libraries.prometheus.series import Grid, Line

WIDTH, HEIGHT = 720, 360
COLOURS = ("blue", "orange", "green", "red", "violet", "brown", "pink", "grey")
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 10, 10, 22
_WHITE, _RULE, _INK, _FIRST = 0, 1, 2, 3
_PALETTE = bytes.fromhex(
    "ffffff e4e7eb 374151 1f77b4 ff7f0e 2ca02c d62728 9467bd 8c564b e377c2 7f7f7f".replace(" ", "")
)
_SIGN_SIZE, _SCALE = (3, 5), 2
# Five rows of three points, from the top; each row is one octal digit.
_SIGNS = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711", "5": "74717", "6": "74757", "7": "71111",
    "8": "75757", "9": "75717", ".": "00002", "-": "00700", ":": "02020", "k": "45655", "M": "57755", "G": "74557",
    "T": "72222", "m": "07555", "u": "05557", "n": "06555", "e": "75747", "+": "02720",
}  # fmt: skip
_SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"))


def drawn(lines: list[Line], grid: Grid) -> bytes:
    """The picture of at most as many lines as there are colours."""
    picture = _Picture()
    known = [value for line in lines for value in line.values if value is not None]
    ticks = _ticks(min(known, default=0.0), max(known, default=1.0))
    low, high = ticks[0], ticks[-1]

    def across(index: float) -> int:
        return _LEFT + round(index * (WIDTH - _LEFT - _RIGHT) / max(grid.count - 1, 1))

    def down(value: float) -> int:
        return HEIGHT - _BOTTOM - round((value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM))

    for tick in ticks:
        picture.line((_LEFT, down(tick)), (WIDTH - _RIGHT, down(tick)), _RULE)
        picture.words(_number(tick), _LEFT - 6, down(tick) - 5, right=True)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = across(share * (grid.count - 1))
        picture.line((x, _TOP), (x, HEIGHT - _BOTTOM), _RULE)
        picture.words(_clock(grid, share), min(x - 18, WIDTH - 46), HEIGHT - _BOTTOM + 8)
    for number, line in enumerate(lines[: len(COLOURS)]):
        _curve(picture, [(across(at), down(v)) if v is not None else None for at, v in enumerate(line.values)], number)
    return picture.png()


def _curve(picture: "_Picture", points: list[tuple[int, int] | None], number: int) -> None:
    before: tuple[int, int] | None = None
    for point in points:
        if point is not None:
            picture.line(before or point, point, _FIRST + number, thick=True)
        before = point


class _Picture:
    """A square of points, each a number of the palette."""

    def __init__(self) -> None:
        self._rows = [bytearray(WIDTH) for _ in range(HEIGHT)]

    def line(self, start: tuple[int, int], end: tuple[int, int], colour: int, *, thick: bool = False) -> None:
        (x, y), (to_x, to_y) = start, end
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        for step in range(steps + 1):
            at_x, at_y = x + round((to_x - x) * step / steps), y + round((to_y - y) * step / steps)
            self._rows[at_y][at_x] = colour
            if thick and at_y + 1 < HEIGHT:
                self._rows[at_y + 1][at_x] = colour

    def words(self, said: str, x: int, y: int, *, right: bool = False) -> None:
        """`right`: they end at `x`."""
        wide = (_SIGN_SIZE[0] + 1) * _SCALE
        begins = max(x - wide * len(said), 0) if right else x
        for number, sign in enumerate(said):
            for row, octal in enumerate(_SIGNS.get(sign, "00000")):
                for column in range(_SIGN_SIZE[0]):
                    if int(octal) >> (2 - column) & 1:
                        self._dot(begins + number * wide + column * _SCALE, y + row * _SCALE)

    def _dot(self, x: int, y: int) -> None:
        for row in self._rows[max(y, 0) : y + _SCALE]:
            row[x : x + _SCALE] = bytes([_INK]) * len(row[x : x + _SCALE])

    def png(self) -> bytes:
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)  # a byte for each point, and a palette
        points = zlib.compress(b"".join(b"\0" + row for row in self._rows), 9)
        chunks = ((b"IHDR", header), (b"PLTE", _PALETTE), (b"IDAT", points), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers around all values."""
    if low > 0 and low < high / 2:
        low = 0.0
    if high - low <= abs(high) * 1e-9:
        low, high = low - (abs(low) / 2 or 1.0), high + (abs(high) / 2 or 1.0)
    size = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(size * times for times in (1, 2, 5, 10) if size * times * 4 >= high - low)
    begins = math.floor(low / step)
    return [(begins + number) * step for number in range(math.ceil(high / step) - begins + 1)]


def _number(value: float) -> str:
    if value == 0:
        return "0"
    size, sign = next(((size, sign) for size, sign in _SIZES if abs(value) >= size * 0.9999), (0.0, ""))
    if not size or abs(value) >= 1e15:
        return f"{value:.1e}"
    return f"{value / size:.4g}{sign}"


def _clock(grid: Grid, share: float) -> str:
    found = datetime.fromtimestamp(grid.start + share * (grid.end - grid.start), UTC)
    return found.strftime("%m-%d" if grid.end - grid.start > 172_800 else "%H:%M")
