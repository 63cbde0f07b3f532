"""The page of the command line, made from the commands' own help.

Knows: Markdown, and every command. Refuses to know: the prose of other pages.
"""

import click

from narthex.cli.group import VERBS, narthex

_WIDTH = 100

_HEAD = """# The command line

`narthex` does everything an operator asks. Every command has `--help`, and `--json` where it prints data.
Exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration.
Completion in bash: `eval "$(_NARTHEX_COMPLETE=bash_source narthex)"`; zsh and fish have theirs.
This page is made from the commands' own help by `{maker}`.
"""


def page(maker: str) -> str:
    """The whole page. `maker` is the command that writes it."""
    parts = [_HEAD.format(maker=maker), _section(narthex, "narthex", None)]
    root = click.Context(narthex, info_name="narthex", **narthex.context_settings)
    for verb in VERBS:
        command = narthex.get_command(root, verb.name)
        assert command is not None, "the table names commands that exist"
        parts += _sections(command, f"narthex {verb.name}", root)
    return "\n".join(parts)


def _sections(command: click.Command, path: str, parent: click.Context) -> list[str]:
    sections = [_section(command, path, parent)]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            sections += _sections(inner, f"{path} {name}", parent)
    return sections


def _section(command: click.Command, path: str, parent: click.Context | None) -> str:
    settings = {**(command.context_settings or {}), "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    if parent is not None:
        settings["help_option_names"] = parent.help_option_names
    context = click.Context(command, info_name=path, **settings)
    return f"## {path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
