"""`narthex demo`: something to look at, at once.

Knows: the options, and how to say what to try next. Refuses to know: what is shown.
"""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from narthex.cli.options import serving_options
from narthex.cli.running import run


@click.command()
@serving_options
@click.option("--keys", is_flag=True, help="Let in only who has an API key ('narthex keys create' makes one).")
def demo(*, keys: bool, **options: Any) -> None:
    """Start a gateway over servers that ship with Narthex, without configuration.

    It needs no network, and prints how to call it.
    """

    def start() -> int:
        from narthex import run
        from narthex.control.load import Overrides

        return run.demo(Overrides(**options), greet, keys=keys)

    def greet(url: str, admin: str, snapshot: dict[str, Any]) -> None:
        welcome(url, admin, snapshot)
        if keys:
            click.echo(_first_key(options.get("state")))

    sys.exit(run(start))


def welcome(url: str, admin: str, snapshot: dict[str, Any]) -> None:
    """What is here, and three things to try."""
    rows = "\n".join(
        f"    {url}/mcp{'/' + one['name'] if one['name'] else '':<10} {one['tools']:>3} tools, "
        f"{one['resources'] + one['resource_templates']} resources, "
        f"{one['prompts']} prompt{'s' * (one['prompts'] != 1)}"
        for one in snapshot["endpoints"]
    )
    narthex = _program()
    click.echo(f"""
  Brightwater Kites is open: three MCP servers behind one URL.

{rows}

  In another terminal:

    {narthex} tools --url {url}/mcp
    {narthex} call crm__search_contacts query=museum --url {url}/mcp
    {narthex} call tickets__list_tickets --url {url}/mcp
    curl -s {admin}/metrics | grep narthex_calls_total

  Give it to your own client:  {narthex} connect claude-code --url {url}/mcp
  Ctrl-C ends it.
""")


def _first_key(state: str | None) -> str:
    """What must be done before any of it, where keys are asked for."""
    where = "--demo" if state is None else f"--state {shlex.quote(str(Path(state).expanduser().absolute()))}"
    return f"""  Only who has a key is let in. Before the commands above:

    export NARTHEX_KEY=$({_program()} keys create --name me {where})
"""


def _program() -> str:
    """This program as the reader of our words would start it, from where they are."""
    own = Path(sys.argv[0]).absolute()
    found = shutil.which("narthex")
    if found is not None and Path(found).absolute() == own:
        return "narthex"
    if own.name != "narthex":  # started as a module
        return f"{shlex.quote(sys.executable)} -m narthex"
    return shlex.quote(str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own))
