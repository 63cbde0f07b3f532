"""What a call cost, once its answer is there.

Knows: the tariff of its tool, bytes and rows. Refuses to know: who pays.
"""

from typing import Any

from narthex.model.limit import ONE_UNIT, Tariff


def beyond_the_call(tariff: Tariff, bytes_out: int, rows: int) -> int:
    """What is added to the price of the call itself, in thousandths of a unit."""
    return tariff.kilobyte * bytes_out // 1_000 + tariff.row * rows


def units_of(tariff: Tariff, bytes_out: int, rows: int) -> float:
    """All of it, in units."""
    if tariff is ONE_UNIT:
        return 1.0
    return (tariff.call + beyond_the_call(tariff, bytes_out, rows)) / 1_000


def rows_of(structured: Any, content: Any) -> int:
    """The entries of a result: of the lists in its structured content, or else the parts of its content."""
    if isinstance(structured, list):
        return len(structured)
    if isinstance(structured, dict):
        return sum(len(value) for value in structured.values() if isinstance(value, list))
    return len(content) if isinstance(content, list) else 0
