"""`narthex serve`: the gateway, until it is told to stop.

Knows: which file, which overrides, and how to say that an address is taken. Refuses to know: everything that runs.
"""

import sys
from pathlib import Path
from typing import Any

import click

from narthex.cli.options import file_argument, find_config, serving_options
from narthex.cli.running import run


@click.command()
@file_argument
@serving_options
def serve(file: Path | None, **options: Any) -> None:
    """Start the gateway.

    FILE is a narthex.yaml, or the configuration file of any MCP client as it is (mcpServers). Without FILE: the
    file that NARTHEX_CONFIG names, or narthex.yaml in this folder. The file is watched: a change is taken over
    when it is sound, and reported when it is not.
    """
    path = find_config(file)

    def start() -> int:
        from narthex import run
        from narthex.control.load import Overrides

        return run.serve(path, Overrides(**options))

    sys.exit(run(start))
