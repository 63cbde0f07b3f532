"""All targets by name. One that needs something running provides it for as long as it is used."""

from collections.abc import Iterator
from contextlib import contextmanager

from fuzz import (
    answers,
    configurations,
    documents,
    envelopes,
    http_requests,
    json_texts,
    ladders,
    lines,
    schemas,
    tokens,
)
from fuzz.target import Target

SILENT = {
    one.TARGET.name: one.TARGET
    for one in (
        json_texts,
        ladders,
        answers,
        lines,
        schemas,
        tokens,
        configurations,
        documents,
        http_requests,
    )
}
NAMES = (*SILENT, "envelopes")


@contextmanager
def named(name: str) -> Iterator[Target]:
    if name == "envelopes":
        with envelopes.target() as target:
            yield target
    else:
        yield SILENT[name]
