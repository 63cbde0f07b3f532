"""`narthex approvals`: calls that wait for somebody's yes: looked at, approved, rejected.

Knows: options, and how a request is shown. Refuses to know: what a running gateway makes of a decision. It writes in
the state folder; a gateway that runs on it sees that by itself.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from getpass import getuser
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from narthex.catalog.diff import visible
from narthex.cli.acting import Act, acting
from narthex.cli.home import OR_STATE, config_of
from narthex.cli.moments import moment
from narthex.cli.say import DONE, NO, fail, print_json
from narthex.control.approvals import described, state_of
from narthex.model.approvals import Request
from narthex.store.approvals import ApprovalFault, ApprovalStore
from narthex.store.database import Database
from narthex.store.folder import StateFault, folder_of, prepared

_HEADINGS = ("HANDLE", "STATE", "TOOL", "CALLER", "TENANT", "CREATED", "EXPIRES", "BY", "REASON")
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def approvals() -> None:
    """List, show, approve and reject calls that wait for somebody's yes.

    They belong to the state folder of the configuration (absent: the file that NARTHEX_CONFIG names, or narthex.yaml in
    this folder). A running gateway hears of a decision within a second.
    """


def _where(command: Command) -> Command:
    options = (
        click.option("--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="The configuration."),
        click.option("--state", type=click.Path(path_type=Path), metavar="FOLDER", help="The state folder itself."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@approvals.command(name="list")
@_where
@click.option("--all", "every", is_flag=True, help="Also those that are decided, used, or over.")
def list_(file: Path | None, state: Path | None, *, every: bool, as_json: bool) -> None:
    """List what waits for somebody's yes."""
    now = time.time()
    with _store(file, state) as store:
        found = store.listed(every=every, now=now)
    if as_json:
        print_json([described(one, now, whole=False) for one in found])
    elif not found:
        click.echo("Nothing waits for an approval.", err=True)
    else:
        _print_table([_HEADINGS, *(_cells(one, now) for one in found)])
    sys.exit(DONE)


@approvals.command()
@click.argument("handle")
@_where
def show(handle: str, file: Path | None, state: Path | None, *, as_json: bool) -> None:
    """Show one request with its arguments. The beginning of its handle is enough."""
    now = time.time()
    with _store(file, state) as store:
        found = store.find(handle)
    if as_json:
        print_json(described(found, now, whole=True))
    else:
        _print_one(found, now)
    sys.exit(DONE)


@approvals.command()
@click.argument("handle")
@_where
def approve(handle: str, file: Path | None, state: Path | None, *, as_json: bool) -> None:
    """Say yes to exactly this call, once. Takes the whole handle."""
    _decide(file, state, handle, "approved", as_json=as_json)


@approvals.command()
@click.argument("handle")
@_where
def reject(handle: str, file: Path | None, state: Path | None, *, as_json: bool) -> None:
    """Say no to it. Takes the whole handle."""
    _decide(file, state, handle, "rejected", as_json=as_json)


def _decide(
    file: Path | None, state: Path | None, handle: str, word: Literal["approved", "rejected"], *, as_json: bool
) -> None:
    now = time.time()
    with _store(file, state) as store, _acting(file, state, needed=word == "approved") as act:
        done = store.decide(handle, word, getuser(), now)
        act(f"approval.{word}", done.handle, f"{done.tool} of {done.subject}")
    if as_json:
        print_json(described(done, now, whole=False))
    else:
        click.echo(f"{word} {done.handle}: {visible(done.tool)} of {visible(done.subject)}")
    if not as_json and word == "approved":
        click.echo(f"It is good for one call with the same arguments, until {moment(done.expires)}.", err=True)
    sys.exit(DONE)


@contextmanager
def _store(file: Path | None, state: Path | None) -> Iterator[ApprovalStore]:
    """What cannot be done ends the command with its sentence."""
    folder = state if state is not None else _folder(file)
    if not folder.is_dir():
        fail(f"There is no state folder {folder}: 'narthex serve' makes it.", NO)
    try:
        database = Database(prepared(folder))
        try:
            yield ApprovalStore(database)
        finally:
            database.close()
    except (ApprovalFault, StateFault) as error:
        fail(str(error), NO)


def _acting(file: Path | None, state: Path | None, *, needed: bool) -> AbstractContextManager[Act]:
    if state is not None:
        return acting(state, None, needed=needed)
    config = config_of(file, instead=OR_STATE)
    return acting(folder_of(config, os.environ), config, needed=needed)


def _folder(file: Path | None) -> Path:
    return folder_of(config_of(file, instead=OR_STATE), os.environ)


def _print_one(one: Request, now: float) -> None:
    where = f" through /mcp/{one.endpoint}" if one.endpoint else ""
    click.echo(f"{visible(one.tool)} of the server {one.server}{where}: {state_of(one, now)}")
    who = f"{visible(one.subject)} of {visible(one.tenant)}" if one.tenant else visible(one.subject)
    click.echo(f"    caller   {who}")
    if one.reason:
        click.echo(f"    reason   {visible(one.reason)}")
    click.echo(f"    asked    {moment(one.created)}, good until {moment(one.expires)}")
    if one.decided is not None:
        click.echo(f"    decided  {moment(one.decided)} by {visible(one.decided_by)}")
    click.echo("    with exactly these arguments:")
    for line in json.dumps(json.loads(one.arguments), indent=2, ensure_ascii=False).split("\n"):
        click.echo(f"        {visible(line)}")
    if state_of(one, now) == "pending":
        click.echo(f"    narthex approvals approve {one.handle}")


def _cells(one: Request, now: float) -> tuple[str, ...]:
    return (
        one.handle,
        state_of(one, now),
        visible(one.tool),
        visible(one.subject),
        visible(one.tenant) or "-",
        moment(one.created),
        moment(one.expires),
        visible(one.decided_by) or "-",
        visible(one.reason) or "-",
    )


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
