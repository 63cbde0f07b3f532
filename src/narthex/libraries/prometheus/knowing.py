"""Which metrics there are, what they mean, and why a query found nothing.

Knows: names, types, labels and their values. Refuses to know: numbers.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import msgspec

from narthex import ToolError
from narthex.libraries.prometheus import promql
from narthex.libraries.prometheus.asking import Prometheus

known_seconds = 86_400  # a metric that was not there for longer is not named
labels_max = 20
values_max = 10
suggestions_max = 5
help_chars_max = 300
_PARTS = ("_bucket", "_sum", "_count", "_total", "_created", "_info")  # of one metric, which has one description


@dataclass(frozen=True, slots=True)
class Metric:
    """`labels` are told with some of their values, and `series` is counted, only of a metric that was asked for."""

    name: str
    type: str
    help: str
    unit: str = ""
    series: int | None = None
    labels: dict[str, list[str]] = field(default_factory=dict)


class _Said(msgspec.Struct):
    type: str = "unknown"
    help: str = ""
    unit: str = ""


Metadata = dict[str, list[_Said]]


async def names(prometheus: Prometheus) -> list[str]:
    return await _strings(prometheus, "label/__name__/values", start=time.time() - known_seconds, end=time.time())


async def known(prometheus: Prometheus) -> list[Metric]:
    """All metrics, without their labels."""
    found, said = await asyncio.gather(names(prometheus), prometheus.get(Metadata, "metadata"))
    return [_described(name, said) for name in found]


async def named(prometheus: Prometheus, name: str) -> Metric:
    """One metric with its labels. Raises ToolError where there is none."""
    selector, now = promql.selector(name, {}), time.time()
    counted, said, labels = await asyncio.gather(
        prometheus.query(f"count({selector})", now),
        _metadata(prometheus, name),
        _strings(prometheus, "labels", match=selector, start=now - known_seconds, end=now),
    )
    own = [label for label in labels if label != "__name__"][:labels_max]
    if not own and not counted:
        raise ToolError(_no_metric(name, await names(prometheus)))
    values = await asyncio.gather(*(_values(prometheus, selector, label, now) for label in own))
    metric = _described(name, said)
    series = int(counted[0].value[1]) if counted and counted[0].value else 0
    return Metric(name, metric.type, metric.help, metric.unit, series, dict(zip(own, values, strict=True)))


async def nothing(prometheus: Prometheus, name: str, labels: promql.Labels, time_range: str, aggregation: str) -> str:
    """Why no series came, as far as can be told."""
    buckets = aggregation.startswith("p") and not name.endswith("_bucket")
    name = f"{name}_bucket" if buckets else name
    try:
        metric = await named(prometheus, name)
    except ToolError as fault:
        hint = " Quantiles need a histogram." if buckets else ""
        return f"{fault}{hint}"
    said = [f"No series of '{name}' was there in the last {time_range}"]
    if labels:
        said.append(f" with the labels {', '.join(labels)} as given")
    told = "; ".join(f"{label}: {', '.join(values)}" for label, values in metric.labels.items())
    return f"{''.join(said)}. {f'Its labels are {told}.' if told else 'It has no labels.'}"


async def _metadata(prometheus: Prometheus, name: str) -> Mapping[str, list[_Said]]:
    """Of the metric, or of the one that it is a part of."""
    for metric in dict.fromkeys((name, _family(name))):
        if found := await prometheus.get(Metadata, "metadata", metric=metric):
            return found
    return {}


async def _strings(prometheus: Prometheus, path: str, **params: str | float) -> list[str]:
    return await prometheus.get(list[str], path, **params)


async def _values(prometheus: Prometheus, selector: str, label: str, now: float) -> list[str]:
    if not promql.is_plain(label):
        return []  # its path is written in another way by each version
    found = await _strings(prometheus, f"label/{label}/values", match=selector, start=now - known_seconds, end=now)
    more = [f"… ({len(found) - values_max} more)"] if len(found) > values_max else []
    return [*found[:values_max], *more]


def _described(name: str, said: Mapping[str, list[_Said]]) -> Metric:
    first = next(iter(said.get(name) or said.get(_family(name)) or [_Said()]))
    return Metric(name, first.type, first.help[:help_chars_max], first.unit)


def _family(name: str) -> str:
    return next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), name)


def _no_metric(name: str, existing: list[str]) -> str:
    near = get_close_matches(name, existing, suggestions_max, 0.5)
    near += [one for one in existing if name in one and one not in near][: suggestions_max - len(near)]
    remedy = f"Perhaps {', '.join(near)}?" if near else "list_metrics says which there are."
    return f"There is no metric '{name}'. {remedy}"
