"""`narthex grants link`: where an operator gives the one grant that serves everybody.

Knows: that whoever can read the keys of the state folder may make such a link. Refuses to print one for a grant that
each user gives alone: that page asks who they are.
"""

import os
import sys
from pathlib import Path

import click

from narthex.cli.home import config_of
from narthex.cli.options import file_argument
from narthex.cli.say import DONE, NO, WRONG, fail


@click.command()
@file_argument
@click.option("--server", required=True, metavar="NAME", help="The server to be connected.")
def link(file: Path | None, server: str) -> None:
    """Print the address at which an operator connects a server for everybody.

    For servers with `grant_of: gateway`. Whoever opens it within an hour may choose the account, so it is for nobody
    else's eyes. The gateway has to be running.
    """
    from narthex.connect.site import Site
    from narthex.control.address import parse_listen
    from narthex.model.connection import GATEWAY
    from narthex.relay.link import link as made
    from narthex.store.folder import StateFault, folder_of, prepared
    from narthex.store.keys import load_keys
    from narthex.wire.seal import Sealer

    config = config_of(file)
    found = next((one for one in config.servers if one.name == server and one.credentials is not None), None)
    if found is None or found.credentials is None or not found.credentials.connects:
        fail(f"There is no server '{server}' that somebody has to connect.", WRONG)
    listen = parse_listen(config.listen)
    if config.public_url is None and not listen.port:
        fail("The gateway chooses its port when it starts: its log says which address to open.", NO)
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    page = Site(config.public_url or f"{listen.scheme}://{host}:{listen.port}", fixed=True).page
    if found.credentials.grant_of == "user" or config.authentication is None:
        click.echo(f"{page}/{server}")
        sys.exit(DONE)
    try:
        sealer = Sealer(load_keys(prepared(folder_of(config, os.environ))))
    except StateFault as fault:
        fail(str(fault), NO)
    click.echo(made(page, server, GATEWAY, sealer))
    sys.exit(DONE)
