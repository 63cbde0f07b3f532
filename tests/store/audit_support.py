"""What the tests of the audit log share: a log in a folder of its own, records, and a look at what was said."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from narthex.model.audit import AuditRecord
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.file import Opener, open_new
from narthex.store.audit.key import load_public_keys
from narthex.store.audit.lines import Link
from narthex.store.audit.log import AuditLog
from narthex.store.audit.names import chains
from narthex.store.audit.reading import Reading
from narthex.store.audit.report import Report
from narthex.store.audit.verify import verify

SECONDS_MAX = 20.0


class Heard(list[tuple[str, str]]):
    """Where an audit log says what an operator must know."""

    def __call__(self, level: str, sentence: str) -> None:
        self.append((level, sentence))

    def has(self, words: str) -> bool:
        return any(words in sentence for _level, sentence in self)


def end(call: int, **fields: object) -> AuditRecord:
    usual = {"method": "tools/call", "tool": "crm__find_contact", "server": "crm", "principal": "ana@acme"}
    return AuditRecord(kind="end", call=call, **{"decision": "allow", "outcome": "ok", **usual, **fields})  # type: ignore[arg-type]


def start(call: int) -> AuditRecord:
    return AuditRecord(kind="start", call=call, method="tools/call", tool="crm__delete", principal="ana@acme")


@contextmanager
def audit_log(
    state: Path, config: AuditConfig = AuditConfig(), say: Heard | None = None, opener: Opener = open_new
) -> Iterator[AuditLog]:
    log = AuditLog.open(state, config, say if say is not None else Heard(), opener)
    try:
        yield log
    finally:
        log.close()


def proof(state: Path, anchors: tuple[Link, ...] = ()) -> Report:
    return verify(state / "audit", load_public_keys(state), anchors)


def lines(state: Path, chain: str | None = None) -> list[dict[str, object]]:
    """Every line of every chain, or of one, in order."""
    return [
        msgspec.json.decode(line)
        for name, segments in chains(state / "audit").items()
        if chain in (None, name)
        for segment in segments
        for line in Reading(segment)
    ]


def until(condition: Callable[[], object], seconds: float = SECONDS_MAX) -> None:
    """Wait until it holds."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it never came to be"
        time.sleep(0.01)
