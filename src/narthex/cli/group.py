"""The command line itself: one table of verbs, each in its own file, loaded when it is asked for.

Knows: names, files and one sentence each. Refuses to know: what the verbs do; `narthex --help` imports none of them.
"""

from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple

import click

from narthex import __version__


class Verb(NamedTuple):
    name: str
    home: str  # module:attribute
    help: str  # the first sentence of the command's own help; a test compares them


VERBS = (
    Verb("serve", "narthex.cli.serve:serve", "Start the gateway."),
    Verb("demo", "narthex.cli.demo:demo", "Start the gateway of a small company, without configuration."),
    Verb("check", "narthex.cli.check:check", "Say what is wrong with a configuration, where, and what to do."),
    Verb("tools", "narthex.cli.tools:tools", "List the tools of a running gateway, or of a configuration file."),
    Verb("call", "narthex.cli.call:call", "Call a tool from the shell."),
    Verb("connect", "narthex.cli.connect:connect", "Write the gateway into an MCP client's own configuration."),
    Verb("explain", "narthex.cli.explain:explain", "Say why a caller would be let in, or denied."),
    Verb("keys", "narthex.cli.keys:keys", "Make, list, replace and revoke API keys."),
    Verb("servers", "narthex.cli.servers:servers", "Say how the servers of a running gateway are."),
    Verb("stop", "narthex.cli.stops:stop", "Stop a server, a tool, a tenant or a principal."),
    Verb("stops", "narthex.cli.stops:stops", "List what is stopped."),
    Verb("resume", "narthex.cli.stops:resume", "Let run again what was stopped: the stop with this number, or all."),
    Verb(
        "approvals",
        "narthex.cli.approvals:approvals",
        "List, show, approve and reject calls that wait for somebody's yes.",
    ),
    Verb("lock", "narthex.cli.lock:lock", "Pin the definitions of tools, and decide about what changes."),
    Verb("users", "narthex.cli.users:users", "Add, list and remove people who sign in with a password."),
    Verb("grants", "narthex.cli.grants:grants", "List and revoke what users let the gateway do at servers."),
    Verb("import", "narthex.cli.importing:importing", "Make a configuration of what you already have."),
    Verb(
        "run",
        "narthex.cli.run_library:run_library",
        "Serve a library of tools in Python over standard input and output.",
    ),
    Verb("stdio", "narthex.cli.stdio:stdio", "Serve over standard input and output."),
    Verb("schema", "narthex.cli.schema:schema", "Print the JSON Schema of the configuration."),
    Verb("version", "narthex.cli.version:version", "Print the version."),
    Verb("audit", "narthex.cli.audit:audit", "Read, prove and export the audit log."),
    Verb("usage", "narthex.cli.usage:usage", "Show who used what, how often, and what it cost."),
)


class LazyGroup(click.Group):
    """A group that knows its commands by name, and imports the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = next((verb for verb in VERBS if verb.name == cmd_name), None)
        if verb is None:
            return None
        module, _, attribute = verb.home.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb.name, verb.help) for verb in VERBS])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            close = get_close_matches(name, self.list_commands(ctx), n=1, cutoff=0.5)
            hint = f"Did you mean 'narthex {close[0]}'?" if close else "'narthex --help' lists the commands."
            if name.endswith((".yaml", ".yml", ".json", ".toml")):
                hint = f"To serve that file: narthex serve {name}"
            raise click.UsageError(f"There is no command '{name}'. {hint}", ctx)
        return super().resolve_command(ctx, args)


_EPILOG = """\b
First steps:
  narthex demo                      look around, nothing to configure
  narthex serve ~/.cursor/mcp.json  the servers you already have, behind one URL
  narthex connect claude-code       and a client in front of them
"""


def _print_version(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"narthex {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def narthex() -> None:
    """Narthex: one URL between your AI agents and all your MCP servers.

    Exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration.
    """
