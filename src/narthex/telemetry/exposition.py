"""Samples as a Prometheus page. prometheus_client knows the formats and the escaping; this file only feeds it.

Knows: how to hand over many samples without holding the interpreter for long. Refuses to know: where they come from.
"""

import time
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple, cast

from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample as Exposed

from narthex.limits import metric_slice_pause_seconds, metric_slice_samples_max
from narthex.telemetry.families import FAMILIES, SECONDS, Family


class Sample(NamedTuple):
    """One value of one metric: label values in the order of the family; for a histogram `value` is the sum."""

    name: str
    labels: tuple[str, ...]
    value: float
    buckets: tuple[int, ...] = ()


_BOUNDS = (*(str(bound) for bound in SECONDS), "+Inf")


def render(samples: Iterable[Sample], accept: str) -> tuple[bytes, str]:
    """The page, and its content type. Meant for a thread: with 5,000 tools it takes a second."""
    encode, content_type = choose_encoder(accept)
    return encode(_House(samples)), content_type


class _House(Collector):
    """All families that have samples, then the gateway's own process."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples: dict[str, list[Sample]] = {}
        for sample in samples:
            self._samples.setdefault(sample.name, []).append(sample)

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            if found := self._samples.get(family.name):
                yield _metric(family, found)
        yield from ProcessCollector(registry=None).collect()


def _metric(family: Family, samples: list[Sample]) -> Metric:
    make = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}[family.kind]
    metric: Metric = make(family.name, family.help, labels=family.labels)
    metric.samples = cast("list[Exposed]", _Gentle(family, samples))
    return metric


class _Gentle:
    """The samples in the library's form, made one at a time.

    Rendering 80,000 of them holds the interpreter's lock for most of a second, and a loop that wants it back waits up
    to 5 ms each time. So now and then this sleeps: the lock is free, and the loop goes first.
    """

    def __init__(self, family: Family, samples: list[Sample]) -> None:
        self._family, self._samples = family, samples

    def __iter__(self) -> Iterator[Exposed]:
        expand = _histogram if self._family.kind == "histogram" else _single
        since_pause = 0
        for sample in self._samples:
            labels = {name: _utf8(value) for name, value in zip(self._family.labels, sample.labels, strict=True)}
            for exposed in expand(sample, labels):
                yield exposed
                since_pause += 1
            if since_pause >= metric_slice_samples_max:
                since_pause = 0
                time.sleep(metric_slice_pause_seconds)


def _single(sample: Sample, labels: dict[str, str]) -> Iterator[Exposed]:
    yield Exposed(sample.name, labels, sample.value)


def _histogram(sample: Sample, labels: dict[str, str]) -> Iterator[Exposed]:
    counts = list(accumulate(sample.buckets))
    for bound, count in zip(_BOUNDS, counts, strict=True):
        yield Exposed(f"{sample.name}_bucket", {**labels, "le": bound}, count)
    yield Exposed(f"{sample.name}_count", labels, counts[-1])
    yield Exposed(f"{sample.name}_sum", labels, sample.value)


def _utf8(value: str) -> str:
    """Lone surrogates cannot be written; everything else the library escapes."""
    return value.encode("utf-8", "replace").decode("utf-8")
