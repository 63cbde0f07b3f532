"""`narthex check`: everything that is wrong with a configuration, before it is used.

Knows: how to print problems, and what the exit code says. Refuses to know: what a problem is.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from narthex.cli.options import file_argument, find_config
from narthex.cli.say import DONE, NO, WRONG, as_trees, print_json
from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError


@click.command()
@file_argument
@click.option("--strict", is_flag=True, help="Warnings, too, make the answer no (exit code 1).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(file: Path | None, *, strict: bool, as_json: bool) -> None:
    """Say what is wrong with a configuration, where, and what to do.

    Exit code 0: the file can be used, perhaps with warnings. 2: it cannot.
    """
    path = find_config(file)
    try:
        loaded = load(path, os.environ)
    except ConfigError as error:
        _refused(path, error, as_json=as_json)
    if as_json:
        print_json(
            {
                "ok": True,
                "file": str(path),
                "servers": [server.name for server in loaded.config.servers if server.enabled],
                "endpoints": sorted(loaded.config.endpoints),
                "problems": [],
                "warnings": as_trees(loaded.warnings),
                "unready": as_trees(loaded.unready),
            }
        )
    else:
        _report(path, loaded)
    sys.exit(NO if strict and (loaded.warnings or loaded.unready) else DONE)


def _refused(path: Path, error: ConfigError, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(
            {"ok": False, "file": str(path), "problems": as_trees(error.problems), "warnings": [], "unready": []}
        )
    else:
        for problem in error.problems:
            click.echo(str(problem))
        click.echo(f"{path}: {_count(len(error.problems), 'problem')}.", err=True)
    sys.exit(WRONG)


def _report(path: Path, loaded: Loaded) -> None:
    for warning in (*loaded.warnings, *loaded.unready):
        click.echo(f"warning: {warning}")
    config = loaded.config
    active = [server for server in config.servers if server.enabled]
    off = len(config.servers) - len(active)
    servers = _count(len(active), "server") + (f" ({off} switched off)" if off else "")
    extra = f", {_count(len(config.endpoints), 'endpoint')}" if config.endpoints else ""
    warnings = f", {_count(len(loaded.warnings), 'warning')}" if loaded.warnings else ""
    click.echo(f"{path}: {servers}{extra}{warnings}. The file is sound.")
    if loaded.unready:
        reasons = _count(len(loaded.unready), "reason")
        click.echo(f"But `narthex serve` refuses to start with it, for the {reasons} above that it names.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
