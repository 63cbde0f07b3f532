"""What an operator does at the command line goes on record, as what the gateway does.

Knows: the audit log of a state folder, and who is at the terminal. Refuses to know: what is done.

Each command that does something writes a chain of its own; a gateway that runs on the folder is not asked.
"""

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from narthex.cli.say import NO, fail
from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.audit_config import AuditConfig
from narthex.model.config import Config
from narthex.store.audit.log import AuditLog
from narthex.store.folder import StateFault

Act = Callable[..., None]  # action (`key.created`), target, note


@contextmanager
def acting(state: Path, config: Config | None, *, needed: bool = True) -> Iterator[Act]:
    """`act` writes down what was done. `needed`: what cannot be written down is not done; a withdrawal always is."""
    audit = config.audit if config is not None else AuditConfig()
    if not audit.enabled:
        yield _nothing
        return
    quiet = msgspec.structs.replace(audit, sinks=(), compress=False, keep_days=None, keep_bytes=None)
    refuses = needed and audit.when_broken == "refuse"
    try:
        log = AuditLog.open(state, quiet, _unsaid)
    except StateFault as fault:
        if refuses:
            fail(f"{fault} Nothing was done.", NO)
        click.echo(f"note: this is not on record. {fault}", err=True)
        yield _nothing
        return
    try:
        if refuses and log.trouble is not None:
            fail(f"{log.trouble} Nothing was done.", NO)
        yield lambda action, target, note="": _write(log, refuses, action, target, note)
    finally:
        log.close()


def operator() -> str:
    """Who is at the terminal, as the record names them."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):  # a user whom the system has no name for
        return f"operator:{os.getuid()}"


def _write(log: AuditLog, refuses: bool, action: str, target: str, note: str) -> None:  # noqa: FBT001 - of one caller
    record = AuditRecord(kind="act", action=action, target=target, note=note, principal=operator())
    try:
        log.append(record)
    except AuditUnavailable as fault:
        if refuses:
            fail(str(fault), NO)
        click.echo(f"note: this is not on record. {fault}", err=True)


def _nothing(_action: str, _target: str, _note: str = "") -> None:
    """There is no log."""


def _unsaid(_level: str, _sentence: str) -> None:
    """What matters of it is said at the end."""
