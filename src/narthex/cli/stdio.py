"""`narthex stdio`: the gateway for one client that starts programs and speaks over pipes.

Knows: which file, which endpoint. Refuses to know: everything that runs.
"""

import sys
from pathlib import Path
from typing import Any

import click

from narthex.cli.options import file_argument, find_config, serving_options
from narthex.cli.running import run


@click.command()
@file_argument
@click.option("--endpoint", metavar="NAME", help="The endpoint to serve; absent: everything, as on /mcp.")
@serving_options
def stdio(file: Path | None, endpoint: str | None, **options: Any) -> None:
    """Serve over standard input and output.

    For clients that start a program instead of opening a URL. The log goes to standard error.
    """
    path = find_config(file)

    def start() -> int:
        from narthex import run
        from narthex.control.load import Overrides

        return run.stdio(path, Overrides(**options), endpoint)

    sys.exit(run(start))
