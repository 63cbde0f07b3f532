"""`narthex grants`: what users let the gateway do at servers, listed and taken back.

Knows: options, and how a grant is named. Refuses to know: how grants are kept and taken back. A gateway that runs hears
of it by itself.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from narthex.cli.acting import acting
from narthex.cli.grant_link import link
from narthex.cli.home import config_of
from narthex.cli.moments import moment
from narthex.cli.options import file_argument
from narthex.cli.say import DONE, NO, WRONG, fail, print_json, shown
from narthex.control.grants import described
from narthex.model.connection import Owner
from narthex.ports import Kept
from narthex.store.folder import StateFault, folder_of, prepared
from narthex.store.vault_desk import VaultDesk
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.credentials.face import CredentialFault

T = TypeVar("T")
_HEADINGS = ("USER", "TENANT", "KNOWN BY", "SERVER", "STATE", "SINCE", "ISSUER")


@click.group()
def grants() -> None:
    """List and revoke what users let the gateway do at servers.

    Grants belong to the state folder of the configuration FILE (absent: the file that NARTHEX_CONFIG names, or
    narthex.yaml in this folder), and are given in a browser, on the gateway's connect page.
    """


grants.add_command(link)


@grants.command(name="list")
@file_argument
@click.option("--user", metavar="NAME", help="Only those of this user.")
@click.option("--server", metavar="NAME", help="Only those at this server.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(file: Path | None, user: str | None, server: str | None, *, as_json: bool) -> None:
    """List the grants; never the tokens."""
    found = _with(file, lambda connections: _found(connections, user, server, None))
    if as_json:
        print_json([described(one) for one in found])
    elif not found:
        click.echo("There are no such grants.", err=True)
    else:
        _print_table([_HEADINGS, *(_row(one) for one in found)])
    sys.exit(DONE)


@grants.command()
@file_argument
@click.option("--user", metavar="NAME", help="Whose; all users of this name, unless --tenant says which.")
@click.option("--tenant", metavar="T", help="Of which tenant.")
@click.option("--gateway", is_flag=True, help="The gateway's own, which serves all users of a server.")
@click.option("--gone", is_flag=True, help="Everybody's, at servers that are not in FILE any more.")
@click.option("--server", metavar="NAME", help="At which server; absent: at all.")
def revoke(
    file: Path | None, user: str | None, tenant: str | None, server: str | None, *, gateway: bool, gone: bool
) -> None:
    """Take grants back at their issuers, and forget them.

    A running gateway shows them no more within a second. An issuer that cannot be reached, or takes nothing back, may
    let the last token live to its end.
    """
    if (user is not None, gateway, gone).count(True) != 1:
        fail("Say whose: --user NAME, --gateway, or --gone.", WRONG)

    async def taken(connections: Connections) -> list[Kept]:
        found = await _found(connections, None if gone else user or "", server, tenant)
        found = [one for one in found if not (gone and connections.knows(one.server))]
        with acting(folder_of(config, os.environ), config, needed=False) as act:
            for one in found:
                await connections.disconnect(Owner(one.owner), one.server)
                act("grant.revoked", one.server, f"of {Owner(one.owner)}")
        return found

    config = config_of(file)
    found = _with(file, taken)
    for one in found:
        click.echo(shown(f"The grant of {Owner(one.owner)} at '{one.server}' is revoked."))
    if not found:
        click.echo("There are no such grants.", err=True)
    sys.exit(DONE if found else NO)


def _with(file: Path | None, work: Callable[[Connections], Coroutine[Any, Any, T]]) -> T:
    """What `work` makes of the grants of this configuration. What cannot be done ends the command with its sentence."""
    config = config_of(file)

    async def opened() -> T:
        vault = VaultDesk(prepared(folder_of(config, os.environ)), config.vault, _say)
        connections = Connections(vault, lambda: config.servers, say=_say)
        try:
            return await work(connections)
        finally:
            await connections.aclose()
            await vault.aclose()

    try:
        return asyncio.run(opened())
    except CredentialFault as fault:
        fail(f"{fault.note[:1].upper()}{fault.note[1:]}.", NO)
    except StateFault as fault:
        fail(str(fault), NO)


async def _found(connections: Connections, user: str | None, server: str | None, tenant: str | None) -> list[Kept]:
    """`user` "": the gateway itself; None: everybody."""

    def is_meant(kept: Kept) -> bool:
        one = described(kept)
        if user is not None and (one["user"] or "") != user:
            return False
        return server in (None, kept.server) and tenant in (None, one["tenant"])

    return [kept for kept in await connections.listed() if is_meant(kept)]


def _say(level: str, sentence: str) -> None:
    if level in ("warning", "error"):
        click.echo(shown(f"{level}: {sentence}"), err=True)


def _row(kept: Kept) -> tuple[str, ...]:
    one = described(kept)
    names = (one["user"] or "(the gateway)", one["tenant"] or "-", one["known_by"] or "-")
    return (*names, kept.server, one["state"], moment(kept.since), kept.issuer)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        click.echo(shown("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()))
