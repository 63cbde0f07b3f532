"""What the tools of an HTTP API would cost a model, as people and programs read it.

Knows: columns. Refuses to know: how tokens are counted.
"""

from typing import TYPE_CHECKING, Any

import click

from narthex.cli.say import print_json, shown

if TYPE_CHECKING:
    from narthex.control.importing_openapi import ImportedApi

_TAGS_SHOWN_MAX = 15
_MANY_TOKENS = 25_000  # an eighth of what usual models can read at all


def show_budget(found: "ImportedApi") -> None:
    """Before anything is written: how much there is, how much is chosen, and where it is."""
    from narthex.control.importing_openapi import by_tag

    chosen, offered = found.chosen, found.offered
    tokens = sum(one.tokens for one in chosen)
    click.echo(
        f"{len(offered)} operations, about {sum(one.tokens for one in offered):,} tokens in all; "
        f"chosen: {len(chosen)}, about {tokens:,} tokens.",
        err=True,
    )
    rows = by_tag(offered)
    click.echo(f"  {'tag':<32} {'operations':>10} {'tokens':>10} {'chosen':>7}", err=True)
    for tag, operations, cost, some in rows[:_TAGS_SHOWN_MAX]:
        click.echo(f"  {shown(tag or '(none)')[:32]:<32} {operations:>10} {cost:>10,} {some:>7}", err=True)
    if len(rows) > _TAGS_SHOWN_MAX:
        click.echo(f"  and {len(rows) - _TAGS_SHOWN_MAX} tags more", err=True)
    for problem in found.problems:
        click.echo(f"note: {shown(problem)}", err=True)
    if tokens > _MANY_TOKENS:
        click.echo(
            "note: that is more than most models read with profit; choose with --tag, --path, --method or --operation, "
            "and look at what each costs with --list",
            err=True,
        )


def show_operations(found: "ImportedApi", *, as_json: bool) -> None:
    if as_json:
        print_json(as_tree(found))
        return
    for one in sorted(found.offered, key=lambda one: -one.tokens):
        mark = "+" if one.tool is not None else "-"
        click.echo(f"{mark} {one.tokens:>7,}  {shown(one.request)}  {shown(', '.join(one.tags))}".rstrip())


def as_tree(found: "ImportedApi") -> dict[str, Any]:
    return {
        "operations": [one._asdict() for one in found.offered],
        "tokens": sum(one.tokens for one in found.offered),
        "chosen": len(found.chosen),
        "tokens_chosen": sum(one.tokens for one in found.chosen),
    }
