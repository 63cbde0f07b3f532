"""Queries made of names, labels and a choice of sums.

Knows: how PromQL writes them down, so that no name and no value of a label is ever more than that. Refuses to know: who
answers.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from narthex import ToolError

time_range_days_max = 400
points_fetched_max = 2_000  # of one series; Prometheus itself gives 11,000
points_usual = 240
label_chars_max = 200
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,7})([smhd])")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SIGNS = re.compile(r"[\\.+*?()|\[\]{}^$]")  # that mean something in a pattern
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)

Aggregation = Literal[
    "none", "sum", "avg", "min", "max", "count", "rate", "increase", "sum_rate", "p50", "p90", "p95", "p99"
]
Labels = Mapping[str, str | list[str]]


def query(metric: str, labels: Labels, aggregation: Aggregation, by: Sequence[str], window: int) -> str:
    """`window`: the seconds that a rate looks back. Raises ToolError."""
    if by and aggregation in ("none", "rate", "increase"):
        raise ToolError("`by` says which labels are left after series are put together: take 'sum', 'sum_rate' …")
    if aggregation == "none":
        return selector(metric, labels)
    if aggregation in ("rate", "increase"):
        return f"{aggregation}({selector(metric, labels)}[{window}s])"
    if aggregation == "sum_rate":
        return f"sum{_by(by)} (rate({selector(metric, labels)}[{window}s]))"
    if aggregation.startswith("p"):
        buckets = metric if metric.endswith("_bucket") else f"{metric}_bucket"
        inner = f"sum{_by(['le', *by])} (rate({selector(buckets, labels)}[{window}s]))"
        return f"histogram_quantile(0.{aggregation[1:].rstrip('0')}, {inner})"
    return f"{aggregation}{_by(by)} ({selector(metric, labels)})"


def selector(metric: str, labels: Labels) -> str:
    """Series with this name and these labels. The name is a label, too: so it can be anything, and stays a name."""
    if "__name__" in labels:
        raise ToolError("The name of a metric goes into `metric_name`, not into `labels`.")
    matchers = [f"__name__={quoted(metric)}", *(_matcher(name, value) for name, value in labels.items())]
    return "{" + ",".join(matchers) + "}"


def quoted(text: str) -> str:
    """As a string of PromQL. Its escapes are those of Go, and JSON's are among them, but for halves of characters."""
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ToolError("Half a character is in the text: write it anew.")
    return json.dumps(text, ensure_ascii=False)


def seconds_of(span: str) -> int:
    """Of a range like `6h`. Raises ToolError."""
    found = _SPAN.fullmatch(span)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= time_range_days_max * 86_400:
        raise ToolError(f"'{span}' is no range of time between 1m and {time_range_days_max}d. Write '30m', '6h', '7d'.")
    return seconds


def step_of(step: str, seconds: int) -> int:
    """The seconds between two points; empty: what suits the range. Raises ToolError."""
    if not step:
        wanted = seconds / points_usual
        return next((one for one in _STEPS if one >= wanted), -(-seconds // points_usual))
    found = seconds_of(step)
    if seconds / found > points_fetched_max:
        raise ToolError(f"So small a step makes too many points. Take at least {-(-seconds // points_fetched_max)}s.")
    return min(found, seconds)


def _matcher(name: str, value: str | list[str]) -> str:
    label = _label(name)
    if isinstance(value, str):
        return f"{label}={quoted(value)}"
    if not value:
        raise ToolError(f"The label '{name}' has an empty list, which no series could meet. Leave the label out.")
    return f"{label}=~{quoted('|'.join(_SIGNS.sub(_escaped, one) for one in value))}"


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(map(_label, labels))})" if labels else ""


def is_plain(label: str) -> bool:
    """Whether every Prometheus reads this name as it is; version 3 reads all others in quotes."""
    return _NAME.fullmatch(label) is not None


def _label(name: str) -> str:
    if not 0 < len(name) <= label_chars_max:
        raise ToolError(f"The name of a label has 1 to {label_chars_max} characters.")
    return name if is_plain(name) else quoted(name)


def _escaped(sign: re.Match[str]) -> str:
    return "\\" + sign[0]
