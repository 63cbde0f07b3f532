"""`narthex usage`: who used what, how often, and what it cost.

Knows: options. Refuses to know: how it is summed; nothing here needs a gateway that runs, and one may.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from narthex.cli.home import config_of, config_of_demo
from narthex.cli.say import DONE, NO, fail, print_json, shown
from narthex.control.usage import Period, as_csv, as_table, period_of, rows
from narthex.limits import usage_catch_up_records
from narthex.store.audit.log import FOLDER, audit_folder
from narthex.store.folder import folder_of
from narthex.store.sums import KEYS
from narthex.store.usage import FILE, Usage

_INSTEAD = "The configuration says where the log is; --state names the folder instead."


class Days(click.ParamType[Period]):
    """`2026-11-23`, `2026-11`, `today`, `yesterday`, `30d`."""

    name = "days"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Period:
        if isinstance(value, Period):
            return value
        try:
            return period_of(str(value), datetime.now(UTC))
        except ValueError:
            self.fail(f"'{value}' is no day: 2026-11-23, 2026-11, today, yesterday, or 30d.", param, ctx)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--day",
    "period",
    type=Days(),
    default="today",
    show_default=True,
    metavar="DAY",
    help="A day, a month (2026-11), or 30d.",
)
@click.option(
    "--by",
    "by",
    multiple=True,
    type=click.Choice(KEYS),
    help="What is told apart; repeatable.  [default: server, tool]",
)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--state", type=click.Path(path_type=Path), metavar="FOLDER", help="The state folder itself.")
@click.option("--demo", is_flag=True, help="That of 'narthex demo'.")
def usage(
    file: Path | None,
    period: Period,
    by: tuple[str, ...],
    form: str,
    state: Path | None,
    *,
    as_json: bool,
    demo: bool,
) -> None:
    """Show who used what, how often, and what it cost.

    The sums are made from the audit log of a configuration FILE (absent: the file that NARTHEX_CONFIG names, or
    narthex.yaml in this folder), of a state folder (--state), or of the demo. Days are those of UTC.
    """
    chosen = by or ("server", "tool")
    state, audit = _home(file, state, demo=demo)
    if not audit.is_dir() and not (state / FILE).exists():
        fail(f"There is no audit log in {audit}: nothing was called yet, or it is switched off.", NO)
    try:
        found = _summed(state, audit, chosen, period)
    except OSError as error:
        fail(f"The sums cannot be made: {error}", NO)
    if as_json or form == "json":
        print_json({"from": period.first, "to": period.last, "rows": found})
    elif form == "csv":
        click.echo(as_csv(found, chosen), nl=False)
    elif not found:
        click.echo(f"Nothing was called on {period}.", err=True)
    else:
        for line in as_table(found, chosen):
            click.echo(shown(line))
    sys.exit(DONE)


def _summed(state: Path, audit: Path, by: tuple[str, ...], period: Period) -> list[dict[str, Any]]:
    sums = Usage(state, audit)
    try:
        while audit.is_dir() and sums.fold(usage_catch_up_records):
            pass
        return rows(sums, by, period)
    finally:
        sums.close()


def _home(file: Path | None, state: Path | None, *, demo: bool) -> tuple[Path, Path]:
    """The state folder, and the folder of the log."""
    if sum((file is not None, state is not None, demo)) > 1:
        raise click.UsageError("One state folder at a time: FILE, --state or --demo.")
    if state is not None:
        return state.expanduser(), state.expanduser() / FOLDER
    config = config_of_demo() if demo else config_of(file, instead=_INSTEAD)
    folder = folder_of(config, os.environ)
    return folder, audit_folder(folder, config.audit)
