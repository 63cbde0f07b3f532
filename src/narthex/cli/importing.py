"""`narthex import`: configurations out of what is already there.

Knows: where the text goes, and what must be said beside it. Refuses to know: how it is made.
"""

import os
from pathlib import Path

import click

from narthex.cli.say import WRONG, fail, print_json, refuse
from narthex.control.problem import ConfigError


@click.group(name="import")
def importing() -> None:
    """Make a configuration of what you already have."""


@importing.command(name="mcp-json")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file; absent: standard output.")
@click.option("--force", is_flag=True, help="Overwrite the output file.")
@click.option("--keep-values", is_flag=True, help="Keep values that look like secrets, instead of writing ${NAME}.")
@click.option("--json", "as_json", is_flag=True, help="Print text, variables and notes as JSON.")
def mcp_json(file: Path, output: Path | None, *, force: bool, keep_values: bool, as_json: bool) -> None:
    """Make a narthex.yaml of an MCP client's file (mcpServers).

    FILE is the file of Claude Desktop, Claude Code, Cursor, VS Code, Windsurf, Gemini CLI or Codex. Values whose
    names look secret become ${NAME}; the names are listed on standard error.
    """
    from narthex.control.importing import import_client_file

    if output is not None and output.exists() and not force:
        fail(f"{output} exists. Add --force to overwrite it.", WRONG)
    try:
        imported = import_client_file(file, os.environ, keep_values=keep_values)
    except ConfigError as error:
        refuse(error)
    for note in imported.notes:
        click.echo(f"note: {note}", err=True)
    if as_json:
        print_json(
            {"text": imported.text, "variables": imported.variables, "notes": [str(note) for note in imported.notes]}
        )
    if output is not None:
        _write(output, imported.text)
        click.echo(f"Wrote {output}.", err=True)
    elif not as_json:
        click.echo(imported.text, nl=False)
    if imported.variables:
        click.echo("Set these variables before starting (their values stayed in the old file):", err=True)
        for name, where in imported.variables.items():
            click.echo(f"  {name}  from {where}", err=True)


def _write(output: Path, text: str) -> None:
    """Readable by its owner alone: with --keep-values it holds secrets."""
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}.", WRONG)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
