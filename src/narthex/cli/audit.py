"""`narthex audit`: the audit log read, proven and exported.

Knows: options, and how records are said. Refuses to write to the log; nothing here needs a gateway that runs.
"""

import functools
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from narthex.cli.home import config_of, config_of_demo
from narthex.cli.moments import Duration
from narthex.cli.say import DONE, NO, WRONG, fail, print_json, shown
from narthex.limits import audit_follow_seconds, audit_sink_batch_records_max
from narthex.store.audit.export import WRITERS, Form, csv_heading
from narthex.store.audit.follow import Follower
from narthex.store.audit.key import BadPublicKey, PublicKey, load_public_keys, read_public_key
from narthex.store.audit.lines import Link
from narthex.store.audit.log import FOLDER, audit_folder
from narthex.store.audit.report import Report
from narthex.store.audit.search import Filter, Match, matches, newest, search
from narthex.store.audit.verify import verify as prove
from narthex.store.folder import StateFault, folder_of
from narthex.telemetry.event import duration, size
from narthex.telemetry.plain import plain_name

_INSTEAD = "The configuration says where the log is; --state or --folder name it instead."


@dataclass(frozen=True)
class Home:
    """Whose log. `state` is None where the segments alone are given."""

    folder: Path
    state: Path | None


class Moment(click.ParamType[float]):
    """A date, a time of RFC 3339, or how long ago: `2026-11-23`, `2026-11-23T07:20:00Z`, `90m`."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value)
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            with suppress(click.BadParameter):
                return time.time() - Duration().convert(text, param, ctx)
            self.fail(
                f"'{value}' is no time: write 2026-11-23, 2026-11-23T07:20:00Z, or 90m for so long ago.", param, ctx
            )
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _where(command: Callable[..., None]) -> Callable[..., None]:
    """The parameters that say whose log is meant; the command gets a `Home` for them."""

    @functools.wraps(command)
    def located(file: Path | None, state: Path | None, folder: Path | None, *, demo: bool, **rest: Any) -> None:
        if sum((file is not None, state is not None, folder is not None, demo)) > 1:
            raise click.UsageError("One log at a time: FILE, --state, --folder or --demo.")
        try:
            home = _home(file, state, folder, demo=demo)
        except StateFault as error:
            fail(str(error), NO)
        if not home.folder.is_dir():
            fail(f"There is no audit log in {home.folder}.", NO)
        try:
            command(home=home, **rest)
        except StateFault as error:
            fail(str(error), NO)
        except BrokenPipeError:  # whoever read had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(DONE)
        except OSError as error:
            fail(f"The audit log in {home.folder} cannot be read: {error.strerror or error}.", NO)

    for option in (
        click.option("--demo", is_flag=True, help="The log of 'narthex demo'."),
        click.option("--folder", type=click.Path(path_type=Path), metavar="FOLDER", help="The segments themselves."),
        click.option("--state", type=click.Path(path_type=Path), metavar="FOLDER", help="The state folder."),
        click.argument("file", required=False, type=click.Path(path_type=Path)),
    ):
        located = option(located)
    return located


def _home(file: Path | None, state: Path | None, folder: Path | None, *, demo: bool) -> Home:
    if folder is not None:
        return Home(folder.expanduser(), None)
    if state is not None:
        return Home(state.expanduser() / FOLDER, state.expanduser())
    config = config_of_demo() if demo else config_of(file, instead=_INSTEAD)
    state = folder_of(config, os.environ)
    return Home(audit_folder(state, config.audit), state)


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """The parameters that choose records; the command gets a `Filter` for them."""

    @functools.wraps(command)
    def filtered(since: float | None, until: float | None, *, everything: bool, **rest: Any) -> None:
        texts = {name: rest.pop(name) or "" for name in _TEXTS}
        rest["wanted"] = Filter(
            **texts, since=int((since or 0) * 1e6), until=int((until or 0) * 1e6), everything=everything
        )
        command(**rest)

    for option in (
        click.option("--all", "everything", is_flag=True, help="Also what the log says of itself."),
        click.option("--until", type=Moment(), metavar="TIME", help="Before then."),
        click.option(
            "--since", type=Moment(), metavar="TIME", help="From then on: 2026-11-23, or 90m for so long ago."
        ),
        *(
            click.option(f"--{name}", metavar=name.upper(), help=f"The {name}; may be a glob.")
            for name in reversed(_TEXTS)
        ),
    ):
        filtered = option(filtered)
    return filtered


_TEXTS = ("principal", "tenant", "endpoint", "server", "tool", "decision", "outcome")


@click.group()
def audit() -> None:
    """Read, prove and export the audit log.

    The log is that of a configuration FILE (absent: the file that NARTHEX_CONFIG names, or narthex.yaml in this
    folder), of a state folder (--state), of the demo, or a folder of segments (--folder). A gateway may run meanwhile.
    """


@audit.command()
@_where
@_filters
@click.option("-n", "--lines", "count", type=click.IntRange(0), default=20, show_default=True, help="How many.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--json", "as_json", is_flag=True, help="Print the records as they are, a line each.")
def tail(home: Home, wanted: Filter, count: int, *, follow: bool, as_json: bool) -> None:
    """Show the newest records."""
    follower = Follower(home.folder)
    if follow:
        follower.skip()
    last: dict[str, int] = {}
    _show(newest(home.folder, wanted, count), last, as_json=as_json)
    with suppress(KeyboardInterrupt):
        while follow:
            items = follower.read(audit_sink_batch_records_max)
            _show(sorted(matches(items, wanted)), last, as_json=as_json)
            if not items:
                time.sleep(audit_follow_seconds)
    sys.exit(DONE)


def _show(found: Iterable[Match], last: dict[str, int], *, as_json: bool) -> None:
    """Print each record once: what was written between two looks may be found by both."""
    for match in found:
        if match.seq > last.get(match.chain, 0):
            last[match.chain] = match.seq
            click.echo(match.line if as_json else shown(said(match.line)))
    sys.stdout.flush()


def said(line: bytes) -> str:
    """A record in one line, for a person."""
    record = msgspec.json.decode(line)
    when = datetime.fromtimestamp(record["at"] / 1e6, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]
    return f"{when} {_said(record)}"


def _said(record: dict[str, Any]) -> str:
    kind, who = record["kind"], plain_name(str(record.get("principal") or "nobody"))
    what = plain_name(str(record.get("tool") or record.get("method") or ""))
    what += f" on {plain_name(str(record['endpoint']))}" if record.get("endpoint") else ""
    if kind == "start":
        return f"{what} by {who}: begins"
    if kind == "end":
        why = [str(record[name]) for name in ("filter", "reason", "code") if record.get(name)]
        told = str(record.get("outcome", "")) + (f" ({plain_name(', '.join(why))})" if why else "")
        if not what:  # no call: somebody was not let in
            return f"a request by {who}: {told} {plain_name(str(record.get('note', '')))}"
        sizes = f"{size(record.get('bytes_in', 0))} in, {size(record.get('bytes_out', 0))} out"
        return f"{what} by {who}: {told} in {duration(record.get('duration_us', 0) / 1e6)} ({sizes})"
    if kind == "act":
        note = f": {plain_name(str(record['note']))}" if record.get("note") else ""
        return f"{plain_name(str(record.get('action')))} {plain_name(str(record.get('target', '')))} by {who}{note}"
    if kind == "gap":
        return f"{record.get('count'):,} records {record.get('what')}: {plain_name(str(record.get('error')))}"
    return f"{kind} of {record.get('chain')} segment {record.get('segment')}"


@audit.command()
@_where
@_filters
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "ocsf"]), default="jsonl", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
def export(home: Home, wanted: Filter, form: str, *, as_json: bool) -> None:
    """Write the records to standard output: lines of JSON as they are, CSV, or OCSF events."""
    chosen: Form = "jsonl" if as_json else cast("Form", form)
    write, out = WRITERS[chosen], sys.stdout.buffer
    if chosen == "csv":
        out.write(csv_heading())
    for match in search(home.folder, wanted):
        out.write(write(match.line))
    out.flush()
    sys.exit(DONE)


@audit.command()
@_where
@click.option("--key", "keys", multiple=True, type=click.File("rb"), metavar="PEM", help="A public key; repeatable.")
@click.option(
    "--anchor", "anchors", multiple=True, type=click.File("rb"), metavar="FILE", help="What 'anchor' printed once."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(home: Home, keys: tuple[Any, ...], anchors: tuple[Any, ...], *, as_json: bool) -> None:
    """Prove that nothing was changed, removed, added or moved; say where, if it was."""
    known = tuple(_key(file) for file in keys) or (load_public_keys(home.state) if home.state is not None else ())
    if not known:
        fail("A public key is needed: --key PEM. 'narthex audit key' prints it where the log is written.", WRONG)
    began = time.monotonic()
    report = prove(home.folder, known, [link for file in anchors for link in _links(file)], _progress())
    if as_json:
        print_json(_tree(report))
    else:
        _print_report(report, time.monotonic() - began)
    sys.exit(DONE if report.sound else NO)


def _progress() -> Callable[[Path], None] | None:
    if not sys.stderr.isatty():
        return None
    return lambda path: click.echo(f"\r\x1b[K{path.name}", nl=False, err=True)


def _key(file: Any) -> PublicKey:
    try:
        return read_public_key(file.read(65_536))
    except BadPublicKey as bad:
        fail(f"{file.name}: {bad}.", WRONG)


def _links(file: Any) -> list[Link]:
    try:
        return [msgspec.json.decode(line, type=Link) for line in file.read().splitlines() if line.strip()]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        fail(f"{file.name} is no anchor: it has lines as 'narthex audit anchor' prints them.", WRONG)


def _tree(report: Report) -> dict[str, Any]:
    return {
        "sound": report.sound,
        "first": str(report.first) if report.first is not None else None,
        "records": report.records,
        "chains": msgspec.to_builtins(report.chains),
        "findings": msgspec.to_builtins(report.findings),
        "anchors": msgspec.to_builtins(report.anchors),
    }


def _print_report(report: Report, seconds: float) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    for chain in report.chains:
        click.echo(
            f"{chain.chain}  {chain.state:7}  records {chain.first} to {chain.last}, signed up to {chain.signed}"
        )
        for finding in chain.findings:
            click.echo(f"  {finding}")
        if chain.more:
            click.echo(f"  and {chain.more} more")
    for finding in report.findings:
        click.echo(str(finding))
    many = f"{report.records:,} records in {len(report.chains)} chains, {duration(seconds)}"
    click.echo(f"Sound: {many}." if report.sound else f"Not sound: {report.first}. ({many})")


@audit.command()
@_where
def anchor(home: Home) -> None:
    """Print how far each chain has come, to be kept elsewhere: 'verify --anchor' then misses what was cut off."""
    from narthex.store.audit.links import end_of
    from narthex.store.audit.names import chains

    for segments in chains(home.folder).values():
        link = end_of(segments)
        if link is not None:
            click.echo(msgspec.json.encode(link))
    sys.exit(DONE)


@audit.command()
@_where
def key(home: Home) -> None:
    """Print the public key that proves the log, for those who shall not have to trust this machine."""
    known = load_public_keys(home.state) if home.state is not None else ()
    if not known:
        fail("The key is in the state folder: name the configuration FILE, or --state.", WRONG)
    click.echo("".join(one.pem() for one in known), nl=False)
    sys.exit(DONE)
