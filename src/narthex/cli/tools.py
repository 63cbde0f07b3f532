"""`narthex tools`: what a client would see.

Knows: how to print a list of tools. Refuses to know: how it came about.
"""

import sys
from pathlib import Path
from typing import Any

import click

from narthex.cli.options import key_option
from narthex.cli.say import DONE, print_json, shown
from narthex.cli.target import gateway, list_all
from narthex.models import FORMATS, Format, Toolset

_WIDTH_MIN = 40


@click.command()
@click.argument("target", required=False, metavar="[FILE|URL]")
@click.option("--url", metavar="URL", help="The same as URL, as 'narthex call' has it.")
@click.option("--file", type=click.Path(path_type=Path), help="The same as FILE, as 'narthex call' has it.")
@click.option("--endpoint", metavar="NAME", help="The endpoint to ask; absent: everything.")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print the tools as the protocol has them.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Print them as the API of a model takes them.")
@click.option("--strict", is_flag=True, help="With --format: hold the model to the schemas, where its API does that.")
def tools(
    target: str | None,
    url: str | None,
    file: Path | None,
    endpoint: str | None,
    key: str | None,
    form: Format | None,
    *,
    as_json: bool,
    strict: bool,
) -> None:
    """List the tools of a running gateway, or of a configuration file.

    Without FILE or URL: the gateway at http://127.0.0.1:8080/mcp. With FILE a gateway is started for the occasion.

    With --format: the JSON that goes into the tools of a request; what an API has no words for is said on standard
    error. narthex.models does the same in Python, and takes calls and results back.
    """
    if strict and form is None:
        raise click.UsageError("--strict goes with --format.")
    if sum(each is not None for each in (target, url, file)) > 1:
        raise click.UsageError("One gateway at a time: either FILE or URL.")
    if target is not None:
        url, file = split_target(target)
    with gateway(url, file, endpoint, key) as asked:
        found = list_all(asked, "tools/list", "tools")
    if form is not None:
        _print_for(form, found, strict=strict)
    elif as_json:
        print_json(found)
    elif not found:
        click.echo(
            "There are no tools here, or none for this caller. Whether servers are down is told by the log and by "
            "'narthex servers'; what a caller may do, by 'narthex explain'.",
            err=True,
        )
    else:
        _print_table(found)
        _print_unchecked(found)
    sys.exit(DONE)


def split_target(target: str) -> tuple[str | None, Path | None]:
    return (target, None) if target.startswith(("http://", "https://")) else (None, Path(target))


def _print_for(form: Format, found: list[dict[str, Any]], *, strict: bool) -> None:
    try:
        translated = Toolset(found, form, strict=strict)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    for warning in translated.warnings:
        click.echo(shown(warning), err=True)
    print_json(translated.definitions)


def _print_table(found: list[dict[str, Any]]) -> None:
    import shutil

    width = max(len(str(tool.get("name", ""))) for tool in found)
    room = max(_WIDTH_MIN, shutil.get_terminal_size().columns - width - 2) if sys.stdout.isatty() else 10_000
    for tool in found:
        words = str(tool.get("description") or tool.get("title") or "").strip()
        first = shown(words.splitlines()[0]) if words else ""
        line = first if len(first) <= room else first[: room - 1] + "…"
        click.echo(f"{shown(str(tool.get('name', ''))):{width}}  {line}".rstrip())


def _print_unchecked(found: list[dict[str, Any]]) -> None:
    """Schemas that a gateway can hold nothing against."""
    from narthex.policy.validation.compiling import unusable

    for tool in found:
        for member in ("inputSchema", "outputSchema"):
            why = unusable(tool[member]) if type(tool.get(member)) is dict else None
            if why is not None:
                click.echo(
                    f"{shown(str(tool.get('name', '')))}: nothing is checked against its {member}: {why}.", err=True
                )
