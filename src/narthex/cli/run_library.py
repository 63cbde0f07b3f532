"""`narthex run`: a library of tools as a server of its own, for any client, or behind any gateway.

Knows: where it listens. Refuses to know: what is in the library.
"""

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from narthex.cli.say import NO, WRONG, fail


@click.command(name="run")
@click.argument("target")
@click.option("--listen", metavar="ADDRESS", help="Serve Streamable HTTP at 127.0.0.1:PORT/mcp instead (0: any).")
@click.option("--check", is_flag=True, help="Say what is in it, and end.")
@click.option("--quiet", is_flag=True, hidden=True)
def run_library(target: str, listen: str | None, *, check: bool, quiet: bool) -> None:
    """Serve a library of tools in Python over standard input and output.

    TARGET is 'package.module[:library]', a file 'tools.py[:library]', or the name of an installed library. Its
    settings and secrets are read from NARTHEX_LIBRARY, JSON like {"settings": {…}, "secrets": {…}}.
    """
    from narthex.libraries.finding import NotALibrary, find, server_of
    from narthex.libraries.surroundings import VARIABLE, from_environment

    port = None if listen is None else _port(listen)
    output = os.dup(1)
    os.dup2(2, 1)  # what the library prints must not get between the messages
    try:
        given = from_environment()
        os.environ.pop(VARIABLE, None)  # what the library starts need not know its secrets
        server = server_of(find(target, Path.cwd()), given)
    except (NotALibrary, ValueError) as fault:
        fail(f"{str(fault).removesuffix('.')}.", WRONG)
    if check:
        os.write(output, f"{server.name} {server.version}: {', '.join(server.tools) or 'no tools'}\n".encode())
    elif port is not None:
        from narthex.libraries.http_server import serve_http

        try:
            asyncio.run(serve_http(server, port))
        except OSError as fault:
            fail(f"{fault.strerror}: {listen}", NO)
    else:
        from narthex.libraries.stdio_server import serve

        if sys.stdin.isatty() and not quiet:
            click.echo(f"{server.name}: {len(server.tools)} tools, waiting for a client on standard input.", err=True)
        with os.fdopen(output, "w") as stdout:
            asyncio.run(serve(server, stdout, behind=given.behind))


def _port(listen: str) -> int:
    """The library asks nobody who they are: it listens on this machine alone."""
    parts = urlsplit(
        listen if "://" in listen else f"http://{listen}" if ":" in listen else f"http://127.0.0.1:{listen}"
    )
    try:
        port = parts.port
    except ValueError:
        port = None
    if port is None or parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        remedy = "For other machines put it behind a gateway: 'python:' in its configuration."
        fail(f"'{listen}' is not an address of this machine, like 127.0.0.1:9000. {remedy}", WRONG)
    return port
