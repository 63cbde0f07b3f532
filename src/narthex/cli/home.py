"""Whose state a command is about: the state folder of a configuration, of the demo, or one by name.

Knows: the options that say so. Refuses to know: what is in the folder.
"""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from narthex.cli.options import find_config
from narthex.cli.say import NO, fail, refuse
from narthex.control.problem import ConfigError
from narthex.model.config import Config
from narthex.store.folder import StateFault, folder_of

Command = Callable[..., None]


# What the owner of a file that cannot be used is told, where the command does not need one.
OR_STATE = "The configuration says where the state folder is; --state FOLDER names it instead."


@dataclass(frozen=True)
class Home:
    """A state folder, and the configuration it belongs to, if that is known."""

    config: Config | None
    folder: Path


def homed(whose: str) -> Callable[[Command], Command]:
    """The parameters FILE, --state, --demo and --json; the command gets a `Home` for the first three.

    `whose`: what somebody is told who has named none.
    """

    def wrap(command: Command) -> Command:
        @functools.wraps(command)
        def located(file: Path | None, state: Path | None, *, demo: bool, **rest: Any) -> None:
            if sum((file is not None, state is not None, demo)) > 1:
                raise click.UsageError("One state folder at a time: FILE, --state or --demo.")
            try:
                home = _home(file, state, whose, demo=demo)
            except StateFault as error:
                fail(str(error), NO)
            command(home=home, **rest)

        for option in (
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
            click.option("--demo", is_flag=True, help="The state folder of 'narthex demo'."),
            click.option("--state", type=click.Path(path_type=Path), metavar="FOLDER", help="The state folder itself."),
            click.argument("file", required=False, type=click.Path(path_type=Path)),
        ):
            located = option(located)
        return located

    return wrap


def _home(file: Path | None, state: Path | None, whose: str, *, demo: bool) -> Home:
    if state is not None:
        return Home(None, state.expanduser())
    if demo:
        return Home(None, folder_of(config_of_demo(), os.environ))
    config = config_of(file, whose, instead=OR_STATE)
    return Home(config, folder_of(config, os.environ))


def config_of(file: Path | None, without: str = "", *, instead: str = "") -> Config:
    """What the file says that is meant. One that cannot be used ends the command.

    `without`: as for `find_config`. `instead`: which options name what is looked for, said before the problems.
    """
    from narthex.control.load import load

    path = find_config(file, without)
    try:
        return load(path, os.environ).config
    except ConfigError as error:
        if instead:
            click.echo(instead, err=True)
        refuse(error)


def config_of_demo() -> Config:
    """As much of it as says where its state is."""
    from narthex.libraries.demo import COMPANY

    return Config(name=COMPANY)
