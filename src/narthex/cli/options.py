"""Options that several verbs share, and which configuration file is meant.

Knows: their names, and where to look. Refuses to know: what is in the file.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from narthex.cli.say import WRONG, fail

Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG_VARIABLE = "NARTHEX_CONFIG"
DEFAULT_NAMES = ("narthex.yaml", "narthex.yml", "narthex.json")
# Where other programs keep servers a newcomer may already have.
_CLIENT_FILES = (
    ".mcp.json",
    ".vscode/mcp.json",
    ".cursor/mcp.json",
    "~/.claude.json",
    "~/.config/Claude/claude_desktop_config.json",
    "~/Library/Application Support/Claude/claude_desktop_config.json",
    "~/.cursor/mcp.json",
    "~/.codex/config.toml",
    "~/.gemini/settings.json",
)

KEY_VARIABLE = "NARTHEX_KEY"

# The variable rather than the option: other users of the machine can read the arguments of a process.
key_option = click.option(
    "--key",
    envvar=KEY_VARIABLE,
    show_envvar=True,
    metavar="KEY",
    help="The API key or token to come in with, for a gateway that asks for one.",
)

file_argument = click.argument("file", required=False, type=click.Path(path_type=Path))


def serving_options(command: Command) -> Command:
    """The options that override the file: --listen, --admin, --state, --log-format, --log-level."""
    options = (
        click.option(
            "--listen", metavar="URL", help="Where clients come in, like http://127.0.0.1:8080 (port 0: any free one)."
        ),
        click.option("--admin", metavar="URL", help="The administration address, like http://127.0.0.1:8081."),
        click.option("--state", metavar="FOLDER", help="Folder for what must survive a restart."),
        click.option("--log-format", type=click.Choice(["auto", "human", "json"]), help="How the log is written."),
        click.option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            help="The least line that is written.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_config(file: Path | None, without: str = "") -> Path:
    """The file that is meant: the argument, NARTHEX_CONFIG, or narthex.yaml here.

    `without`: what somebody who has none is told, instead of how to begin with one.
    """
    if file is not None:
        return _existing(file.expanduser(), "")
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return _existing(Path(named).expanduser(), f" (named by the environment variable {CONFIG_VARIABLE})")
    default = next((Path(name) for name in DEFAULT_NAMES if Path(name).is_file()), None)
    return default or fail(_no_file(without), WRONG)


def _existing(file: Path, why: str) -> Path:
    if file.is_dir():
        fail(f"{file} is a folder{why}; name the file in it.", WRONG)
    if not file.exists():
        fail(f"There is no file {file}{why}.\n\n{_first_file('' if file.suffix == '.json' else str(file))}", WRONG)
    return file


def _no_file(without: str) -> str:
    return "There is no narthex.yaml in this folder." + (
        f"\n{without}" if without else f"\n\n{_first_file('narthex.yaml')}"
    )


def _first_file(name: str) -> str:
    """How to begin. `name`: of the file to be made; "" where it is a client's, which is not begun in our words."""
    lines = [
        "A first one has two lines:",
        "",
        "  servers:",
        '    - {name: everything, command: [npx, -y, "@modelcontextprotocol/server-everything"]}',
        "",
        f"Save them as {name or DEFAULT_NAMES[0]}, then: narthex serve "
        f"{'' if name in DEFAULT_NAMES else name}".rstrip(),
    ]
    found = [file for file in _CLIENT_FILES if Path(file).expanduser().is_file()]
    if found:
        lines.append(
            f"Or serve what a client of yours already has: narthex serve {found[0].replace(' ', chr(92) + ' ')}"
        )
    lines.append("Or look around first, with nothing to configure: narthex demo")
    return "\n".join(lines)
