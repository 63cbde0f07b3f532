"""`narthex keys`: API keys, made, listed, replaced and revoked.

Knows: options, and how a key is shown once. Refuses to know: how keys are kept, and who checks them. It writes to the
state folder; a gateway that runs on it sees that by itself.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from narthex.cli.acting import acting
from narthex.cli.home import Home, homed
from narthex.cli.moments import Duration, moment
from narthex.cli.say import DONE, NO, WRONG, fail, print_json, shown
from narthex.control.keys import described
from narthex.limits import api_key_days, api_key_overlap_seconds
from narthex.model.config import Config
from narthex.store.api_keys import KeyFault, KeyRecord, KeyStore, Made, Terms, TermsFault
from narthex.store.database import FILE, Database
from narthex.store.folder import StateFault, prepared
from narthex.wire.api_key import MARK, named_prefix

_HEADINGS = ("PREFIX", "NAME", "STATE", "SCOPES", "TENANT", "ENDPOINTS", "CREATED", "EXPIRES", "LAST USED")


_WHOSE = (
    "Keys belong to a gateway: name its configuration file, or its state folder with --state FOLDER, "
    "or add --demo for those of 'narthex demo'."
)


@click.group()
def keys() -> None:
    """Make, list, replace and revoke API keys.

    Keys belong to the state folder of a gateway: that of the configuration FILE (absent: the file that
    NARTHEX_CONFIG names, or narthex.yaml in this folder), the one that --state names, or that of the demo. A gateway
    that runs on it knows of every change within a second; it need not run.
    """


@keys.command()
@homed(_WHOSE)
@click.option("--name", required=True, help="Who holds the key: all keys of a name are the same caller.")
@click.option("--scopes", default="", metavar="A,B", help="What it may do, separated by commas.")
@click.option(
    "--expires",
    type=Duration(endless=True),
    default=f"{api_key_days}d",
    show_default=True,
    metavar="TIME",
    help="How long it is good: 12h, 90d, 52w, or never.",
)
@click.option("--tenant", default="", metavar="T", help="The tenant it belongs to.")
@click.option("--endpoint", "endpoints", multiple=True, metavar="E", help="Good for this endpoint only; repeatable.")
def create(
    home: Home,
    name: str,
    scopes: str,
    expires: float,
    tenant: str,
    endpoints: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Make a key, and print it once.

    The key alone is on standard output, everything about it on standard error:

    \b
    KEY=$(narthex keys create --name ci --scopes mcp:tools --expires 90d)
    """
    now = time.time()
    terms = Terms(
        name=name,
        tenant=tenant,
        scopes=_words(scopes),
        endpoints=endpoints or None,
        expires=now + expires,
    )
    with _store(home, anew=True) as store, acting(home.folder, home.config) as act:
        made = store.create(terms, now)
        act("key.created", f"{MARK}{made.record.prefix}", _of_key(made.record))
    _show(made, home.folder, as_json=as_json)
    if home.config is not None:
        _advise(home.config, made.record)
    sys.exit(DONE)


@keys.command(name="list")
@homed(_WHOSE)
@click.option("--find", default="", metavar="TEXT", help="Only keys with this in their prefix or name.")
def list_(home: Home, find: str, *, as_json: bool) -> None:
    """List the keys, also those that are void. The keys themselves are kept nowhere."""
    with _store(home) as store:
        records = [one for one in store.records() if find.removeprefix(MARK) in one.prefix or find in one.name]
    now = time.time()
    if as_json:
        print_json([described(one, now) for one in records])
    elif not records:
        click.echo(
            "There are no keys." if not find else f"There is no key with '{find}' in its prefix or name.", err=True
        )
    else:
        _print_table([_HEADINGS, *(_row(one, now) for one in records)])
    sys.exit(DONE)


@keys.command()
@click.argument("prefix")
@homed(_WHOSE)
@click.option(
    "--overlap",
    type=Duration(),
    default=f"{api_key_overlap_seconds / 3600:g}h",
    show_default=True,
    metavar="TIME",
    help="How long the old key is still good; 0s: not at all.",
)
@click.option(
    "--expires",
    type=Duration(endless=True),
    metavar="TIME",
    help="How long the new key is good; absent: as long as the old one was meant to be.",
)
def rotate(home: Home, prefix: str, overlap: float, expires: float | None, *, as_json: bool) -> None:
    """Make a key in place of another, on the same terms, and print it once.

    The old key stays good for the time of --overlap, so that whoever holds it can change over.
    """
    now = time.time()
    with _store(home) as store, acting(home.folder, home.config) as act:
        made = store.rotate(_prefix(prefix), overlap, None if expires is None else now + expires, now)
        old = next(one for one in store.records() if one.replaced_by == made.key.prefix)
        act("key.created", f"{MARK}{made.record.prefix}", f"{_of_key(made.record)}, in place of {MARK}{old.prefix}")
    _show(made, home.folder, as_json=as_json)
    click.echo(f"The old key {MARK}{old.prefix} is good until {moment(old.expires)}.", err=True)
    sys.exit(DONE)


@keys.command()
@click.argument("prefix")
@homed(_WHOSE)
def revoke(home: Home, prefix: str, *, as_json: bool) -> None:
    """End a key for good. PREFIX is as it is listed, or a whole key that was found somewhere."""
    now = time.time()
    with _store(home) as store, acting(home.folder, home.config, needed=False) as act:
        record = store.revoke(_prefix(prefix), now)
        act("key.revoked", f"{MARK}{record.prefix}", _of_key(record))
    if as_json:
        print_json(described(record, now))
    else:
        click.echo(f"{MARK}{record.prefix} '{record.name}' is revoked. Running gateways refuse it within a second.")
    sys.exit(DONE)


@contextmanager
def _store(home: Home, *, anew: bool = False) -> Iterator[KeyStore]:
    """The keys that are meant. What cannot be done ends the command with its sentence."""
    try:
        if not anew and not (home.folder / FILE).exists():
            fail(f"There are no keys in {home.folder}: 'narthex keys create' makes the first one.", NO)
        database = Database(prepared(home.folder))
        try:
            yield KeyStore(database)
        finally:
            database.close()
    except TermsFault as error:
        fail(str(error), WRONG)
    except (KeyFault, StateFault) as error:
        fail(str(error), NO)


def _of_key(record: KeyRecord) -> str:
    """Whose it is, as the audit log says it."""
    return (
        f"of {record.name}{f' ({record.tenant})' if record.tenant else ''}, scopes: {' '.join(record.scopes) or 'none'}"
    )


def _prefix(text: str) -> str:
    prefix = named_prefix(text)
    if prefix is None:
        fail(f"'{text[:11]}' is no prefix: one looks like {MARK}k3v9x2mp, and 'narthex keys list' shows all.", WRONG)
    return prefix


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _show(made: Made, folder: Path, *, as_json: bool) -> None:
    """The one moment at which the key is seen."""
    record = made.record
    if as_json:
        print_json({"key": made.key.token, **described(record, record.created)})
    else:
        click.echo(made.key.token)
    scopes = f"the scopes {', '.join(record.scopes)}" if record.scopes else "no scopes"
    where = f"the endpoints {', '.join(record.endpoints)}" if record.endpoints else "every endpoint"
    click.echo(
        f"{MARK}{record.prefix} '{record.name}' is good for {where} with {scopes}; expires: {moment(record.expires)}.\n"
        f"It is shown only this once; {folder} keeps no more than a digest.\n"
        "Send it as 'Authorization: Bearer KEY' or as 'X-API-Key: KEY'.",
        err=True,
    )


def _advise(config: Config, record: KeyRecord) -> None:
    """What would surprise whoever made this key."""
    if config.authentication is None:
        click.echo(
            "note: this configuration has no 'authentication:', so nobody is asked for a key. "
            "Add: authentication: {type: keys}",
            err=True,
        )
    for name in record.endpoints or ():
        if name not in config.endpoints:
            click.echo(f"note: this configuration has no endpoint '{name}'.", err=True)


def _row(record: KeyRecord, now: float) -> tuple[str, ...]:
    return (
        f"{MARK}{record.prefix}",
        record.name,
        record.state(now),
        ",".join(record.scopes) or "-",
        record.tenant or "-",
        "all" if record.endpoints is None else ",".join(record.endpoints),
        moment(record.created),
        moment(record.expires),
        moment(record.used),
    )


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        click.echo(shown("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()))
