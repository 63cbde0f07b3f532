"""`narthex stop`, `narthex stops`, `narthex resume`: what nobody may call for now, whatever else is configured.

Knows: options, and how a stop is printed. Refuses to know: how stops are kept, and who holds to them. It writes to the
state folder; every gateway that runs on it sees that within a second.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import click

from narthex.catalog.names import prefixed
from narthex.catalog.pins import sightings
from narthex.cli.acting import acting, operator
from narthex.cli.home import Home, homed
from narthex.cli.moments import Duration, moment
from narthex.cli.say import DONE, NO, WRONG, fail, print_json, shown
from narthex.control.stops import described, holding, state_of, target_of
from narthex.model.stop import Stop, Target
from narthex.store.database import FILE, Database
from narthex.store.folder import StateFault, prepared
from narthex.store.heard import heard
from narthex.store.stops import StopFault, StopStore, TargetFault

_HEADINGS = ("ID", "STOPPED", "STATE", "REASON", "BY", "SINCE", "UNTIL")
_WHOSE = (
    "Stops belong to a gateway: name its configuration file, or its state folder with --state FOLDER, "
    "or add --demo for that of 'narthex demo'."
)


def _targets(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--principal", metavar="NAME", help="A caller, by the subject that the log shows."),
        click.option("--tenant", metavar="NAME", help="A tenant; beside --principal: only its caller of that name."),
        click.option("--tool", metavar="NAME", help="A tool, as server/tool or by its public name."),
        click.option("--server", metavar="NAME", help="Whatever a server has."),
    ):
        command = option(command)
    return command


@click.command()
@homed(_WHOSE)
@_targets
@click.option("--reason", default="", metavar="TEXT", help="Why. Callers read it.")
@click.option(
    "--for", "lasting", type=Duration(), metavar="TIME", help="How long, like 30m or 12h; absent: until resumed."
)
def stop(home: Home, reason: str, lasting: float | None, *, as_json: bool, **named: str | None) -> None:
    """Stop a server, a tool, a tenant or a principal.

    Calls are refused with the reason, lists do not show what is stopped, and open streams of a stopped caller end, in
    every gateway that runs on the state folder, within a second. Calls that are under way go on. It survives restarts;
    'narthex resume' ends it.

    \b
    narthex stop --tool crm__delete_contact --reason "incident 4711"
    narthex stop --principal agent-7 --for 1h
    """
    now = time.time()
    if not any(name is not None for name in named.values()):
        raise click.UsageError(
            "Name what is to be stopped: --server, --tool, --tenant or --principal. "
            "(The gateway itself ends by SIGTERM.)"
        )
    # What must be stopped is stopped, also where that cannot be written down.
    with _store(home, anew=home.config is not None) as store, acting(home.folder, home.config, needed=False) as act:
        target = _meant(home, target_of(**named))
        made = store.stop(target, reason, operator(), inf if lasting is None else now + lasting, now)
        act("stop.made", f"stop {made.id}", f"{made.target}{f': {reason}' if reason else ''}")
    if as_json:
        print_json(described(made, now))
    else:
        until = f" until {made.until_words}" if made.until_words else ""
        click.echo(shown(f"Stop {made.id}: {made.target}{until}. Running gateways refuse it within a second."))
        click.echo(f"To let it run again: narthex resume {made.id}", err=True)
    sys.exit(DONE)


@click.command()
@homed(_WHOSE)
@click.option("--all", "everything", is_flag=True, help="Also what runs again.")
def stops(home: Home, *, everything: bool, as_json: bool) -> None:
    """List what is stopped."""
    with _store(home) as store:
        found = store.stops()
    now = time.time()
    told = found if everything else [one for one in found if one.holds(now)]
    if as_json:
        print_json([described(one, now) for one in found] if everything else holding(found, now))
    elif not told:
        click.echo("Nothing is stopped.", err=True)
    else:
        _print_table([_HEADINGS, *(_row(one, now) for one in told)])
    sys.exit(DONE)


@click.command()
@click.argument("key", metavar="ID|all")
@homed(_WHOSE)
def resume(home: Home, key: str, *, as_json: bool) -> None:
    """Let run again what was stopped: the stop with this number, or all."""
    now = time.time()
    if key != "all" and not (key.isdecimal() and len(key) < 16):
        fail(f"'{shown(key)}' is no number of a stop: 'narthex stops' lists them; 'all' means every one.", WRONG)
    with _store(home) as store, acting(home.folder, home.config) as act:
        by = operator()
        done = store.resume_all(by, now) if key == "all" else (store.resume(int(key), by, now),)
        for one in done:
            act("stop.resumed", f"stop {one.id}", str(one.target))
    if as_json:
        print_json([described(one, now) for one in done])
    elif not done:
        click.echo("Nothing is stopped.", err=True)
    for one in () if as_json else done:
        click.echo(shown(f"Stop {one.id} is over: {one.target} runs again within a second."))
    sys.exit(DONE)


@contextmanager
def _store(home: Home, *, anew: bool = False) -> Iterator[StopStore]:
    """What cannot be done ends the command with its sentence."""
    try:
        if not anew and not (home.folder / FILE).exists():
            # A stop in a folder that no gateway uses would stop nothing, and look as if it did.
            fail(f"No gateway has kept anything in {home.folder} yet. Is it the right folder?", NO)
        database = Database(prepared(home.folder))
        try:
            yield StopStore(database)
        finally:
            database.close()
    except (StopFault, StateFault) as error:
        fail(str(error), WRONG if isinstance(error, TargetFault) else NO)


def _meant(home: Home, target: Target) -> Target:
    """A tool by its server's own name of it, where that is known: then it is met under whatever name. Says what seems
    to be misspelt, and stops it all the same."""
    config = home.config
    if target.kind == "server" and config is not None and all(one.name != target.name for one in config.servers):
        click.echo(f"note: this configuration has no server '{shown(target.name)}'.", err=True)
    if target.kind != "tool":
        return target
    offers = heard(home.folder, config).offers
    tools = {(name, one.name) for name, offer in offers.items() for one in sightings(offer) if one.kind == "tool"}
    known = [
        f"{server}/{name}" for server, name in tools if target.name in (f"{server}/{name}", prefixed(server, name))
    ]
    if len(known) == 1:
        return Target(kind="tool", name=known[0])
    if not any(name == target.name for _, name in tools):
        click.echo(f"note: no tool '{shown(target.name)}' is known yet; it is stopped wherever it appears.", err=True)
    return target


def _row(stop: Stop, now: float) -> tuple[str, ...]:
    where = f" @{stop.target.tenant}" if stop.target.tenant is not None else ""
    what = f"{stop.target.kind} {stop.target.name}{where}"
    until = moment(stop.until) if stop.until != inf else "resumed"
    return (str(stop.id), what, state_of(stop, now), stop.reason or "-", stop.by or "-", moment(stop.since), until)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        click.echo(shown("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()))
