"""`narthex version`: which Narthex, on which Python.

Knows: versions. Refuses to know: anything that runs.
"""

import platform

import click

from narthex import __version__
from narthex.cli.say import print_json
from narthex.wire.revisions import SUPPORTED


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(*, as_json: bool) -> None:
    """Print the version."""
    if as_json:
        print_json({"narthex": __version__, "python": platform.python_version(), "protocols": list(SUPPORTED)})
    else:
        click.echo(f"narthex {__version__} (Python {platform.python_version()}, MCP {SUPPORTED[-1]} to {SUPPORTED[0]})")
