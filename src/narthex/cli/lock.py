"""`narthex lock`: definitions of tools, prompts and instructions: pinned, compared, approved and rejected.

Knows: options, and how differences are shown. Refuses to know: what a running gateway makes of a decision. It reads
what the gateway keeps in its state folder, and writes there; a gateway that runs on it sees that by itself.
"""

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from typing import Any

import click

from narthex.catalog.compile import compile_endpoints
from narthex.catalog.diff import lines, visible
from narthex.catalog.pins import seen_of, sightings, version_of
from narthex.cli.acting import acting
from narthex.cli.home import OR_STATE, config_of
from narthex.cli.moments import moment
from narthex.cli.say import DONE, NO, fail, print_json
from narthex.control.definitions import Row, compared, described, rows, shown_at, suspicion
from narthex.limits import poison_score_alarm
from narthex.model.config import Config
from narthex.model.offer import Offer
from narthex.model.pin import NOTHING_KNOWN, Kind, Known, Pin, Seen, Watched
from narthex.policy.poison.verdict import Verdict
from narthex.relay.suspecting import Names
from narthex.store.database import Database
from narthex.store.folder import StateFault, folder_of, prepared
from narthex.store.heard import heard
from narthex.store.pins import PinFault, PinStore

_HEADINGS = ("SERVER", "KIND", "NAME", "STATE", "CHANGE", "FINGERPRINT", "VERSION", "BY", "SINCE", "SCORE", "SHOWN")
_FINDINGS = 5  # that are shown of one definition; --json has all
_SHORT = 12  # digits of a fingerprint that are shown


@dataclass(frozen=True)
class Asked:
    """Whose definitions, and which of them."""

    folder: Path
    config: Config | None
    server: str | None
    tool: str | None
    prompt: str | None

    def means(self, row: Row) -> bool:
        if self.server is not None and row.server != self.server:
            return False
        named = [(kind, name) for kind, name in (("tool", self.tool), ("prompt", self.prompt)) if name is not None]
        return not named or (row.kind, row.name) in named


class _Lock(click.Group):
    """`narthex lock` and `narthex lock FILE` are `narthex lock pin`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["pin", *args]
        return super().parse_args(ctx, args)


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """The parameters that all verbs share; the command gets an `Asked` for them."""

    @functools.wraps(command)
    def located(
        file: Path | None, state: Path | None, server: str | None, tool: str | None, prompt: str | None, **rest: Any
    ) -> None:
        if file is not None and state is not None:
            raise click.UsageError("One state folder at a time: FILE or --state.")
        try:
            config = None if state is not None else config_of(file, instead=OR_STATE)
            folder = folder_of(config, os.environ) if config is not None else (state or Path()).expanduser()
        except StateFault as error:
            fail(str(error), NO)
        command(asked=Asked(folder, config, server, tool, prompt), **rest)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--prompt", metavar="NAME", help="Only this prompt, by its server's name of it."),
        click.option("--tool", metavar="NAME", help="Only this tool, by its server's name of it."),
        click.option("--server", metavar="NAME", help="Only what this server offers."),
        click.option("--state", type=click.Path(path_type=Path), metavar="FOLDER", help="The state folder itself."),
        click.argument("file", required=False, type=click.Path(path_type=Path)),
    ):
        located = option(located)
    return located


@click.group(cls=_Lock)
def lock() -> None:
    """Pin the definitions of tools, and decide about what changes.

    Without one of the commands below it is 'narthex lock pin'. What is offered is known from the state folder: that of
    the configuration FILE (absent: the file that NARTHEX_CONFIG names, or narthex.yaml in this folder), or the one
    that --state names. The gateway keeps there what each server offered last, so it must have run once, and need not
    run now.
    """


@lock.command()
@_asking
def pin(asked: Asked, *, as_json: bool) -> None:
    """Approve of all that is offered now. From then on every change of it is noticed."""
    with _store(asked) as store:
        offers = _offers(asked)
        done: list[Pin] = []
        for server, offer in sorted(offers.items()):
            chosen = [one for one in sightings(offer) if asked.means(_as_row(server, one))]
            done += store.lock(server, version_of(offer), chosen, getuser(), time.time())
    _tell_decided(done, "approved", as_json=as_json)
    sys.exit(DONE)


@lock.command()
@_asking
@click.option("--all", "everything", is_flag=True, help="Also what is as it was approved.")
def status(asked: Asked, *, everything: bool, as_json: bool) -> None:
    """Say what is new, changed, rejected or gone. Exit code 1: something waits for a decision."""
    found, look = _rows(asked)
    told = found if everything else [row for row in found if row.standing != "approved"]
    waiting = sum(row.waits for row in found)
    if as_json:
        print_json({"waiting": waiting, "definitions": [look.described(row) for row in told]})
    elif told:
        _print_table([_HEADINGS, *(_cells(look.described(row), row) for row in told)])
    if not as_json:
        count = "1 definition" if len(found) == 1 else f"{len(found)} definitions"
        click.echo(f"{count}, {waiting} of them waiting for a decision.", err=True)
    sys.exit(NO if waiting else DONE)


@lock.command()
@_asking
def diff(asked: Asked, *, as_json: bool) -> None:
    """Show what has changed since it was pinned. Exit code 1: something has."""
    every, look = _rows(asked)
    found = [row for row in every if row.standing not in ("approved", "first seen") or look.is_suspect(row)]
    if as_json:
        print_json([compared(row, look.suspicion(row), look.shown) for row in found])
    else:
        for row in found:
            _print_diff(row, look.suspicion(row))
    sys.exit(NO if found else DONE)


@lock.command()
@_asking
@click.option("--fingerprint", metavar="HEX", help="Only if it is still this definition; the first digits are enough.")
def approve(asked: Asked, *, fingerprint: str | None, as_json: bool) -> None:
    """Approve of what --server offers now under the name --tool or --prompt; of all it offers, if no name is given."""
    _decide(asked, fingerprint, "approve", as_json=as_json)


@lock.command()
@_asking
@click.option("--fingerprint", metavar="HEX", help="Only if it is still this definition; the first digits are enough.")
def reject(asked: Asked, *, fingerprint: str | None, as_json: bool) -> None:
    """Never show this definition to anybody, whatever the rules say."""
    if asked.tool is None and asked.prompt is None and fingerprint is None:
        raise click.UsageError("Which one? Name it: --server S --tool T, or --fingerprint HEX.")
    _decide(asked, fingerprint, "reject", as_json=as_json)


@lock.command()
@_asking
def forget(asked: Asked, *, as_json: bool) -> None:
    """Forget all that was seen and decided of --server, or of one --tool or --prompt of it."""
    if asked.server is None:
        raise click.UsageError("Of which server? Name it: --server S.")
    kind: Kind | None = "tool" if asked.tool is not None else "prompt" if asked.prompt is not None else None
    name = asked.tool if asked.tool is not None else asked.prompt
    with _store(asked) as store, acting(asked.folder, asked.config) as act:
        count = store.forget(asked.server, kind, name)
        act("definition.forgotten", f"{asked.server}{f'/{name}' if name is not None else ''}", f"{count} of them")
    if as_json:
        print_json({"forgotten": count})
    else:
        click.echo(f"{count} definitions are forgotten.")
    sys.exit(DONE if count else NO)


def _decide(asked: Asked, fingerprint: str | None, verb: str, *, as_json: bool) -> None:
    if asked.server is None:
        raise click.UsageError("Of which server? Name it: --server S.")
    offers = _offers(asked)
    done: list[Pin] = []
    with _store(asked) as store, acting(asked.folder, asked.config, needed=verb == "approve") as act:
        for name, offer in offers.items():
            store.observe(name, version_of(offer), sightings(offer), time.time())
        seen = {name: seen_of(offer) for name, offer in offers.items()}
        chosen = [row for row in rows(seen, store.known()) if asked.means(row) and row.offered is not None]
        if fingerprint is not None:
            chosen = [row for row in chosen if row.fingerprint.startswith(fingerprint.lower())]
        _check_chosen(chosen, asked, fingerprint)
        decide = store.approve if verb == "approve" else store.reject
        for row in chosen:
            one = row.offered
            assert one is not None
            done.append(decide(row.server, one.kind, one.name, one.fingerprint, getuser(), time.time()))
            said = f"{one.kind} {row.server}/{one.name}"
            act(f"definition.{'approved' if verb == 'approve' else 'rejected'}", said, one.fingerprint)
    _tell_decided(done, "approved" if verb == "approve" else "rejected", as_json=as_json)
    sys.exit(DONE)


def _check_chosen(chosen: list[Row], asked: Asked, fingerprint: str | None) -> None:
    what = asked.tool or asked.prompt
    if not chosen:
        named = f" '{visible(what)}'" if what else ""
        still = f" with a fingerprint that begins with {visible(fingerprint)}" if fingerprint else ""
        fail(f"Server '{asked.server}' offers nothing{named}{still} now. 'narthex lock status --all' shows all.", NO)
    names = [(row.kind, row.name) for row in chosen]
    if len(set(names)) < len(names):
        prints = ", ".join(row.fingerprint[:_SHORT] for row in chosen)
        fail(f"Two definitions are offered under one name: choose one with --fingerprint ({prints}).", NO)


class _Look:
    """What else there is to say of the rows: how much they look like attacks, and who is shown them."""

    def __init__(
        self, config: Config | None, offers: Mapping[str, Offer], seen: Mapping[str, Seen], known: Mapping[str, Known]
    ) -> None:
        self._names: Names = frozenset(
            (server, one.name) for server, there in seen.items() for one in there.tools if one is not None
        )
        self._found: dict[tuple[str, str], Verdict] = {}
        every = rows(seen, known)
        scores = {row.fingerprint: self.suspicion(row).score for row in every if row.waits}
        watched = {server: Watched(there, known.get(server, NOTHING_KNOWN), scores) for server, there in seen.items()}
        compiled = None if config is None else compile_endpoints(config, offers, watched=watched)
        self.shown = None if compiled is None else shown_at(compiled.endpoints)

    def suspicion(self, row: Row) -> Verdict:
        seat = row.server, row.fingerprint
        if seat not in self._found:
            self._found[seat] = suspicion(row, self._names)
        return self._found[seat]

    def is_suspect(self, row: Row) -> bool:
        return row.waits and self.suspicion(row).score >= poison_score_alarm

    def described(self, row: Row) -> dict[str, Any]:
        return described(row, self.suspicion(row).score if row.waits else None, self.shown)


def _rows(asked: Asked) -> tuple[list[Row], _Look]:
    offers = _offers(asked)
    with _store(asked) as store:
        known = store.known()
    seen = {server: seen_of(offer) for server, offer in offers.items()}
    return [row for row in rows(seen, known) if asked.means(row)], _Look(asked.config, offers, seen, known)


def _as_row(server: str, one: Any) -> Row:
    return Row(server, "new", one, None, None, "")


def _offers(asked: Asked) -> Mapping[str, Offer]:
    loaded = heard(asked.folder, asked.config)
    for reason in loaded.ignored:
        click.echo(f"note: {visible(reason)}", err=True)
    if asked.server is not None and asked.server not in loaded.offers:
        fail(_unheard(f"Nothing is known of a server '{asked.server}'"), NO)
    if not loaded.offers:
        fail(_unheard(f"No server was heard yet in {asked.folder}"), NO)
    return loaded.offers


def _unheard(what: str) -> str:
    return f"{what}: 'narthex serve' keeps there what each server offers. Start it once, and let it connect."


@contextmanager
def _store(asked: Asked) -> Iterator[PinStore]:
    """What cannot be done ends the command with its sentence."""
    if not asked.folder.is_dir():
        fail(_unheard(f"There is no state folder {asked.folder}"), NO)
    try:
        database = Database(prepared(asked.folder))
        try:
            yield PinStore(database)
        finally:
            database.close()
    except (PinFault, StateFault) as error:
        fail(str(error), NO)


def _tell_decided(done: list[Pin], word: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "server": one.server,
                    "kind": one.kind,
                    "name": one.name,
                    "fingerprint": one.fingerprint,
                    "state": word,
                }
                for one in done
            ]
        )
        return
    for one in done:
        click.echo(f"{word} {one.kind} {one.server}/{visible(one.name)} {one.fingerprint[:_SHORT]}")
    count = "1 definition is" if len(done) == 1 else f"{len(done)} definitions are"
    click.echo(f"{count} {word}. Running gateways know it within a second.", err=True)


def _print_diff(row: Row, found: Verdict) -> None:
    now = f", version {visible(row.version)}" if row.version else ""
    then = f" (pinned at version {visible(row.pinned.version)})" if row.pinned and row.pinned.version else ""
    click.echo(f"{row.kind} {row.server}/{visible(row.name)}: {row.standing}{now}{then}")
    if row.was_called is not None:
        click.echo(f"    it seems to be '{visible(row.was_called)}' under another name")
    for line in lines(row.changes()):
        click.echo(line)
    if row.waits and found.score >= poison_score_alarm:
        click.echo(f"    it looks like an attack ({found.score:.2f}):")
        for one in found.findings[:_FINDINGS]:
            click.echo(f"    {one.kind} {visible(one.where)}: {one.why}: {one.excerpt}")
    if row.waits:
        option = f" --{row.kind} '{visible(row.name)}'" if row.kind in ("tool", "prompt") else ""
        click.echo(f"    narthex lock approve --server {row.server}{option} --fingerprint {row.fingerprint[:_SHORT]}")
    click.echo()


def _cells(told: Mapping[str, Any], row: Row) -> tuple[str, ...]:
    change = f"was {visible(row.was_called)}" if row.was_called is not None else ",".join(told["classes"])
    version = row.version
    if row.pinned is not None and row.pinned.version != version:
        version = f"{row.pinned.version or '?'} → {version or '?'}"
    since = told["decided"] if told["decided"] is not None else told["first_seen"]
    return (
        row.server,
        row.kind,
        visible(row.name) or "-",
        row.standing,
        change or "-",
        row.fingerprint[:_SHORT],
        visible(version) or "-",
        told["by"] or "-",
        "-" if since is None else moment(since),
        "-" if told["score"] is None else f"{told['score']:.2f}",
        _who_sees(told),
    )


def _who_sees(told: Mapping[str, Any]) -> str:
    if told["quarantined"] is None or told["state"] == "removed":
        return "-"
    return "no" if told["quarantined"] else "as pinned" if told["held"] else "yes"


def _print_table(table: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADINGS))]
    for row in table:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
