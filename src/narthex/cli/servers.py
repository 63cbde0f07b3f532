"""`narthex servers`: the servers behind a running gateway, and how they are.

Knows: columns. Refuses to know: how a server is asked; the gateway is asked at its administration address.
"""

import sys

import click

from narthex.cli.admin_address import Tree, admin_option, asked
from narthex.cli.say import DONE, NO, print_json, shown

_HEADINGS = ("SERVER", "STATE", "BREAKER", "TOOLS", "CALLS", "WAITING", "REVISION", "TROUBLE")
_WELL = ("up", "idle", "new", "starting")


@click.command()
@admin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def servers(admin: str, *, as_json: bool) -> None:
    """Say how the servers of a running gateway are.

    Exit code 0: all are well. 1: one is down or left alone after failures, or nobody answers.
    """
    found: list[Tree] = asked(admin, "/api/servers")["servers"]
    if as_json:
        print_json(found)
    else:
        _print_table([_HEADINGS, *map(_row, found)])
    well = all(one["state"] in _WELL and one["breaker"] == "closed" for one in found)
    sys.exit(DONE if well else NO)


def _row(one: Tree) -> tuple[str, ...]:
    breaker = str(one["breaker"]).replace("_", " ")
    if one["retry_seconds"]:
        breaker += f" ({one['retry_seconds']:g} s)"
    counts = (str(one[name]) for name in ("tools", "calls", "calls_waiting"))
    trouble = "shows its last known lists" if one["degraded"] and not one["last_error"] else one["last_error"] or "-"
    return (one["name"], one["state"], breaker, *counts, one["revision"] or "-", trouble)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        click.echo(shown("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()))
