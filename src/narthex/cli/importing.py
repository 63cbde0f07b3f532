"""`narthex import`: configurations out of what is already there.

Knows: where the text goes, and what must be said beside it. Refuses to know: how it is made.
"""

import asyncio
import os
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from narthex.cli.import_budget import as_tree, show_budget, show_operations
from narthex.cli.say import WRONG, fail, print_json, refuse
from narthex.control.problem import ConfigError
from narthex.model.http_api import Method, OperationsConfig

METHODS = click.Choice(get_args(Method), case_sensitive=False)


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


@importing.command(name="openapi")
@click.argument("document", metavar="DOC")
@click.option("--name", help="The server's name; absent: made of the document's title.")
@click.option("--base-url", help="Where the API is; absent: what the document says.")
@click.option("--operation", "ids", multiple=True, help="Offer these: operationIds, or 'GET /pets/*'. May be repeated.")
@click.option("--tag", "tags", multiple=True, help="Offer what has this tag. May be repeated.")
@click.option("--path", "paths", multiple=True, help="Offer what is at this path: '/pets/**'. May be repeated.")
@click.option("--method", "methods", type=METHODS, multiple=True, help="Offer what has this method. May be repeated.")
@click.option("--exclude", multiple=True, help="Do not offer these, written as under --operation. May be repeated.")
@click.option("--deprecated", is_flag=True, help="Offer what the document calls deprecated, too.")
@click.option("--list", "every", is_flag=True, help="Show every operation with its tokens, and write nothing.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file; absent: standard output.")
@click.option("--force", is_flag=True, help="Overwrite the output file.")
@click.option("--json", "as_json", is_flag=True, help="Print text, operations, tokens and notes as JSON.")
def openapi(document: str, output: Path | None, *, every: bool, force: bool, as_json: bool, **choice: Any) -> None:
    """Make a server of an OpenAPI document (3.0, 3.1), a file or a URL.

    What its tools cost a model in tokens is shown on standard error, by tag, before anything is written.
    """
    from narthex.control.importing_openapi import import_openapi
    from narthex.upstream.openapi.document import BadDocument

    if output is not None and output.exists() and not force and not every:
        fail(f"{output} exists. Add --force to overwrite it.", WRONG)
    name, base_url = choice.pop("name"), choice.pop("base_url")
    beside = output.parent if output is not None else Path()
    try:
        operations = msgspec.convert({key: value or None for key, value in choice.items() if value}, OperationsConfig)
        found = asyncio.run(import_openapi(document, operations, name=name, base_url=base_url, beside=beside))
    except (BadDocument, msgspec.ValidationError) as fault:
        fail(str(fault) if str(fault).startswith(document) else f"{document}: {fault}", WRONG)
    if every:
        show_operations(found, as_json=as_json)
        return
    show_budget(found)
    if as_json:
        print_json({"text": found.text, "variables": found.variables, "notes": found.problems, **as_tree(found)})
    if not found.chosen:
        fail("Nothing is chosen.")
    if output is not None:
        _write(output, found.text)
        click.echo(f"Wrote {output}.", err=True)
    elif not as_json:
        click.echo(found.text, nl=False)
    if found.variables:
        click.echo("Set these variables before starting:", err=True)
        for variable, where in found.variables.items():
            click.echo(f"  {variable}  for {where}", err=True)


def _write(output: Path, text: str) -> None:
    """Readable by its owner alone: with --keep-values it holds secrets."""
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}.", WRONG)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
